"""The scanners that scan_bench.py compares: how each is called, what it costs, what it says.

Every tool is measured from outside and in the same way: wall and CPU time by wait4(2), peak memory
by /proc, packets by the counters of the network device.
"""

import json
import os
import signal
import socket
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

UNCAPPED = ("--rate", "1000000", "--host-rate", "1000000", "--network-rate", "1000000")

MASSCAN_WAIT = 3
ZMAP_COOLDOWN = 2
SAMPLE_SECONDS = 0.01


@dataclass
class Measured:
    """One run of a program. `samples` are (seconds, packets sent so far), once for each change."""

    seconds: float
    cpu: float
    rss_mb: float
    packets: int
    samples: list
    status: int

    def sending(self):
        """Seconds from the first packet to the last: without any fixed wait."""
        return self.samples[-1][0] - self.samples[0][0] if self.samples else 0.0

    def steady_rate(self):
        """Packets a second between a tenth and nine tenths of them."""
        total = self.samples[-1][1] if self.samples else 0
        middle = [(at, n) for at, n in self.samples if 0.1 * total <= n <= 0.9 * total]
        if len(middle) < 2:
            return 0.0
        return (middle[-1][1] - middle[0][1]) / (middle[-1][0] - middle[0][0])


def sent_packets(device):
    """What the device sent, with what its queue dropped."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == device:
            words = counts.split()
            return int(words[9]) + int(words[11])
    raise LookupError(f"no device {device}")


def kernel_resets():
    """RSTs that this namespace's kernel sent: its answers to SYN-ACKs that it knows nothing of."""
    names, values = [
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if "Tcp:" in line
    ]
    return int(values[names.index("OutRsts")])


def peak_memory_mb(pid):
    """The highest so far, or 0 of a process that has ended. That of wait4(2) would not do: it has
    this program's memory in it, which the child shares until it executes another."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Nudge:
    """A datagram ten times a second, so that answers come in: masscan looks at its clock only when
    a packet arrives, and would wait far longer than it was told."""

    def __init__(self, address):
        self.address, self.sent = address, 0
        self.socket = address and socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, now):
        if self.address and now > self.sent * 0.1:
            self.sent += 1
            self.socket.sendto(b"", (self.address, 9))


def measure(command, device, log, limit=900, nudge=None):
    """Runs a command to its end, or interrupts it after `limit` seconds. Its output goes to the
    file `log`. What `nudge`, an address, is sent does not count."""
    nudges = Nudge(nudge)
    packets, resets = sent_packets(device), kernel_resets()
    samples, last, peak, interrupted = [], packets, 0.0, False
    with Path(log).open("wb") as output:
        start = time.monotonic()
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    ended = 0
    while not ended:
        peak = max(peak, peak_memory_mb(process.pid))
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        now, count = time.monotonic() - start, sent_packets(device)
        if count != last:
            samples.append((now, count - packets))
            last = count
        if now > limit and not interrupted:
            process.send_signal(signal.SIGINT)
            interrupted = True
        nudges.send(now)
        time.sleep(SAMPLE_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(status)
    sent = last - packets - (kernel_resets() - resets) - nudges.sent
    return Measured(
        now, usage.ru_utime + usage.ru_stime, peak, sent, samples,
        process.returncode,
    )


@dataclass
class Scene:
    """What is scanned, and from where. `expected` is the truth: {(address, port): state}."""

    targets: list
    ports: str
    protocol: str
    expected: dict
    device: str
    source: str
    gateway: str
    gateway_mac: str
    folder: Path

    @property
    def ipv6(self):
        return ":" in self.targets[0]


@dataclass
class Judged:
    """`wrong` counts states that are not the truth; a missed open port is one. Silence about an
    endpoint is `unknown`, but from a tool that tells open ports alone."""

    found: int
    wrong: int
    unknown: int


def judge(expected, said, only_open):
    counts = Counter()
    for endpoint, state in expected.items():
        told = said.get(endpoint, "unknown")
        if told == state:
            counts["found"] += state == "open"
        elif told == "unknown" and only_open:
            counts["wrong"] += state == "open"
        elif told == "unknown":
            counts["unknown"] += 1
        else:
            counts["wrong"] += 1
    counts["wrong"] += len(said.keys() - expected.keys())
    return Judged(counts["found"], counts["wrong"], counts["unknown"])


class Nmap:
    program, only_open, needs_nudge = "nmap", False, False
    fixed_wait = 0

    def __init__(self, *options):
        self.name = " ".join(("nmap", *options))
        self.options = options

    def command(self, scene, output):
        family = ["-6"] if scene.ipv6 else []
        kind = "-sU" if scene.protocol == "udp" else "-sS"
        return [
            *("nmap", "-n", "-Pn", kind, *family, *self.options),
            *("-p", scene.ports, "-oX", output, *scene.targets),
        ]

    def parse(self, output, _scene):
        said = {}
        for _, host in ElementTree.iterparse(output):
            if host.tag != "host":
                continue
            address = host.find("address").get("addr")
            for reasons in host.iterfind("ports/extraports/extrareasons"):
                state = parent_state(host, reasons)
                for port in expand(reasons.get("ports")):
                    said[address, port] = state
            for port in host.iterfind("ports/port"):
                state = port.find("state").get("state").replace("|", "_")
                said[address, int(port.get("portid"))] = state
            host.clear()
        return said


def parent_state(host, reasons):
    for extra in host.iterfind("ports/extraports"):
        if reasons in list(extra):
            return extra.get("state").replace("|", "_")
    raise LookupError("extrareasons without extraports")


def expand(ports):
    for part in ports.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


class Masscan:
    program, only_open, needs_nudge = "masscan", True, True
    fixed_wait = MASSCAN_WAIT

    def __init__(self, rate):
        self.name = f"masscan {rate // 1000}k"
        self.rate = rate

    def command(self, scene, output):
        return [
            *("masscan", "-p", scene.ports, "--rate", self.rate, "--wait", MASSCAN_WAIT),
            *("-e", scene.device, "--router-mac", scene.gateway_mac),
            *("--adapter-ip", scene.source, "-oL", output, *scene.targets),
        ]

    def parse(self, output, _scene):
        lines = (line.split() for line in output.read_text().splitlines())
        return {(words[3], int(words[2])): "open" for words in lines if words[0] == "open"}


class Zmap:
    name, program, only_open, needs_nudge = "zmap", "zmap", True, False
    fixed_wait = ZMAP_COOLDOWN

    def command(self, scene, output):
        # Its own block list names the private networks that the lab is made of.
        return [
            *("zmap", "-p", scene.ports, "-c", ZMAP_COOLDOWN, "-i", scene.device),
            *("-G", scene.gateway_mac, "-S", scene.source, "-b", "/dev/null"),
            *("-q", "-o", output, *scene.targets),
        ]

    def parse(self, output, scene):
        return {(line, int(scene.ports)): "open" for line in output.read_text().split()}


class Postern:
    name, only_open, needs_nudge = "postern", False, False
    fixed_wait = 0

    def __init__(self, program, method, caps=UNCAPPED):
        self.program, self.method, self.caps = program, method, caps

    def command(self, scene, output):
        ports = f"udp/{scene.ports}" if scene.protocol == "udp" else scene.ports
        return [
            *(self.program, "scan", "--method", self.method, *self.caps, "--ports", ports),
            *("--format", "jsonl", "--output", output, *scene.targets),
        ]

    def parse(self, output, scene):
        lines = [json.loads(line) for line in output.read_text().splitlines()]
        said = {}
        for line in lines:
            if line["type"] == "host":
                # Only what is not listed, which all has one state.
                common = max(line["states"], key=line["states"].get)
                for port in expand(scene.ports):
                    said[line["address"], port] = common
        for line in lines:
            if line["type"] == "endpoint":
                said[line["address"], line["port"]] = line["state"]
        return said


def scan(tool, scene, log_folder):
    """Runs a tool on a scene; returns (Measured, Judged)."""
    output = log_folder / "output"
    output.unlink(missing_ok=True)
    log = log_folder / f"{Path(tool.program).name}.log"
    nudge = scene.gateway if tool.needs_nudge else None
    measured = measure(tool.command(scene, output), scene.device, log, nudge=nudge)
    # Postern's 2 is "some endpoints stayed unknown", which the verdicts show.
    if not output.exists() or measured.status not in (0, 2):
        tail = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{tool.name} failed with status {measured.status}:\n{tail}")
    return measured, judge(scene.expected, tool.parse(output, scene), tool.only_open)

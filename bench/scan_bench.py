#!/usr/bin/python3
"""Measures `postern scan` beside nmap, masscan and zmap in the test lab (tests/lab/topology.py).

The tools take turns, so that all have the same machine; every verdict is checked against what the
lab's hosts really do.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "system")]
os.environ.setdefault("POSTERN_BIN", str(ROOT / "build/release/bin"))

# pylint: disable=wrong-import-position
from lab import enter_private_network  # noqa: E402
from scan_tools import Masscan, Nmap, Postern, Scene, Zmap, measure, scan  # noqa: E402
from tables import Results, Table, machine, write_document  # noqa: E402
from topology import BIN, Capture, Link, Topology, WideNetwork, busiest_second  # noqa: E402
from udp_servers import PACKAGES, PROGRAMS, start_udp_servers  # noqa: E402

POSTERN = BIN / "postern"

CASES = {
    "1": "one host, 65,535 TCP ports, 100 open, the rest RST; RTT 20 ms",
    "2": "the same with 2 % loss each way",
    "3": "the same without loss, the rest dropped",
    "1v6": "case 1 over IPv6",
    "2v6": "case 2 over IPv6",
    "3v6": "case 3 over IPv6",
    "5": "65,536 addresses, one port, veth without delay",
    "6": "send rate on that veth, 65,536 addresses and 16 ports, beside a plain sendmmsg loop (CPU a"
    " packet is in case 1)",
    "9": "20 closed and 5 open UDP ports of real services; RTT 20 ms, ICMP limited as Linux does",
    "9u": "the same without a limit on ICMP",
}
ONLY_WHEN_NAMED = {
    "exactness": "scans of case 2 in a row",
    "caps": "the most packets in any sliding second at the receiver, for each cap and method",
    "memory": "peak memory of a scan of 1,000 hosts with 65,535 ports each",
}

RTT_20_MS = {"delay": 10}
LINKS = {"1": Link(**RTT_20_MS), "2": Link(**RTT_20_MS, loss=2), "3": Link(**RTT_20_MS)}
OPEN_PORTS = sorted(random.Random(1).sample(range(1, 65536), 100))
CLOSED_UDP_PORTS = [7, 9, 13, 17, 19, 37, 67, 68, 111, 135, 137, 138, 177, 389, 514, 520, 623, 1434,
                    1900, 5353]  # fmt: skip
# 66 million packets take a quarter of an hour; a scan is ended after an hour.
MEMORY_SECONDS = 3600
# An idle lab's links empty within it, and listeners forget half-open connections.
SETTLE_SECONDS = 1.0
# Linux's burst of six ICMP errors, which the tool before has used up, is back after six seconds.
ICMP_SETTLE_SECONDS = 7.0


class Missing(Exception):
    """Something that a case needs is not there."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def take_turns(title, tools, scene, runs, settle=SETTLE_SECONDS):
    """Every tool `runs` times, in alternation; returns the table and {tool: Results}."""
    results = [Results(tool) for tool in tools]
    for number in range(runs):
        for result in results:
            time.sleep(settle)
            measured, judged = scan(result.tool, scene, scene.folder)
            result.runs.append((measured, judged))
            say(f"  run {number + 1}, {result.tool.name}: {measured.seconds:.2f} s, {judged}")
    table = Table(title, Results.HEADER, [result.row() for result in results])
    return table, {result.tool: result for result in results}


def routed_scene(net, host, ipv6, ports, expected, protocol="tcp"):
    target = host.ipv6 if ipv6 else host.ipv4
    return Scene(
        targets=[target],
        ports=ports,
        protocol=protocol,
        expected={(target, port): state for port, state in expected.items()},
        device=net.device,
        source=net.sources[ipv6],
        gateway=net.router.ipv4,
        gateway_mac=net.router.mac("up0"),
        folder=net.folder,
    )


def one_host(net, case, ipv6):
    host = net.near_host(10)
    host.listen(OPEN_PORTS)
    if case == "3":
        host.drop_other_ports()
    expected = {port: host.truth.state(port) for port in range(1, 65536)}
    return routed_scene(net, host, ipv6, "1-65535", expected)


def run_one_host(name, options, folder):
    """Cases 1 to 3 over either family."""
    case, ipv6 = name[0], name.endswith("v6")
    fast, normal = Nmap("--min-rate", "10000"), Nmap("-T4")
    peers = {"1": [normal, fast], "2": [normal, fast], "3": [fast]}[case]
    if options.quick:
        peers = [fast]
    postern = Postern(POSTERN, options.method)
    tools = [*peers, Masscan(50_000), postern]
    with Topology(folder, LINKS[case]) as net:
        scene = one_host(net, case, ipv6)
        table, results = take_turns(f"{name}: {CASES[name]}", tools, scene, options.runs)
        say(f"  link: {net.link.finish()}")
    ours = results[postern]
    table.check(f"{ours.found} of 100 found in every run", ours.found == 100)
    table.check(
        f"at most {ours.wrong} wrong and {ours.unknown} unknown of 65,535 in a run",
        ours.wrong == 0 and ours.unknown == 0,
    )
    limit = {"1": 0.35, "2": 0.5, "3": 0.5}[case]
    best = min((results[peer] for peer in peers), key=lambda result: result.seconds)
    rival = results.get(normal, best) if case == "1" else best
    table.ratio(f"time to {rival.tool.name}'s", ours.seconds / rival.seconds, limit)
    if case == "1":
        ratio = ours.cpu_a_packet / rival.cpu_a_packet
        table.ratio(f"CPU a packet to {rival.tool.name}'s", ratio, 0.5)
    if case == "3":
        tries = (ours.median(lambda m: m.packets) - 100) / (65_535 - 100)
        table.ratio("tries for each silent port", tries, 3, at_least=True)
    return table


def wide_scene(net):
    net.host.listen([80])
    addresses = [f"10.1.{i // 256}.{i % 256}" for i in range(65_536)]
    return Scene(
        targets=["10.1.0.0/16"],
        ports="80",
        protocol="tcp",
        expected={(address, 80): "open" for address in addresses},
        device=net.device,
        source=net.sources[0],
        gateway=net.host.ipv4,
        gateway_mac=net.host.mac(),
        folder=net.folder,
    )


def run_many_hosts(name, options, folder):
    zmap, postern = Zmap(), Postern(POSTERN, options.method)
    tools = [zmap, Masscan(100_000), Nmap("-T4"), postern]
    with WideNetwork(folder) as net:
        scene = wide_scene(net)
        table, results = take_turns(f"{name}: {CASES[name]}", tools, scene, options.runs)
    ours, theirs = results[postern], results[zmap]
    table.check(f"{ours.found} of 65536 found in every run", ours.found == 65_536)
    table.ratio("time to zmap's", ours.seconds / theirs.seconds, 0.5)
    return table


def run_send_rate(name, options, folder):
    ports = range(80, 96)
    with WideNetwork(folder) as net:
        scene = wide_scene(net)
        scene.ports = f"{ports[0]}-{ports[-1]}"
        output = folder / "output"
        loop = [
            *(BIN / "sendmmsg_loop", "--interface", net.device, "--source", scene.source),
            *("--gateway-mac", scene.gateway_mac, "--network", scene.targets[0]),
            *("--first-port", ports[0], "--ports", len(ports), "--count", 65_536 * len(ports)),
        ]
        commands = {
            "sendmmsg loop alone": loop,
            "sendmmsg loop with the receiver": [*loop, "--receive"],
            "postern": Postern(POSTERN, options.method).command(scene, output),
        }
        rates = {program: [] for program in commands}
        for number in range(options.runs):
            for program, command in commands.items():
                time.sleep(SETTLE_SECONDS)
                measured = measure(command, net.device, folder / "log")
                if measured.status not in (0, 2):
                    raise RuntimeError(f"{program} failed:\n{(folder / 'log').read_text()}")
                rates[program].append(measured.steady_rate())
                say(f"  run {number + 1}, {program}: {rates[program][-1]:.0f} packets a second")
    medians = {program: statistics.median(values) for program, values in rates.items()}
    rows = [[program, f"{rate:.0f}"] for program, rate in medians.items()]
    table = Table(f"{name}: {CASES[name]}", ["program", "packets a second"], rows)
    ratio = medians["postern"] / medians["sendmmsg loop with the receiver"]
    table.ratio("rate to the loop's with the receiver", ratio, 0.8, at_least=True)
    return table


def run_udp(name, options, folder):
    # -T4 is faster and calls some closed ports open|filtered, so it is not the rival.
    nmap, hasty, postern = Nmap(), Nmap("-T4"), Postern(POSTERN, options.method)
    with Topology(folder, Link(**RTT_20_MS)) as net:
        host = net.near_host(10)
        if name == "9":
            host.limit_icmp_as_linux_does()
        start_udp_servers(host)
        expected = dict.fromkeys(CLOSED_UDP_PORTS, "closed") | dict.fromkeys(PACKAGES, "open")
        ports = ",".join(map(str, sorted(expected)))
        scene = routed_scene(net, host, False, ports, expected, "udp")
        title = f"{name}: {CASES[name]}"
        tools = [nmap, hasty, postern]
        table, results = take_turns(title, tools, scene, options.runs, ICMP_SETTLE_SECONDS)
    ours, theirs = results[postern], results[nmap]
    table.check(f"{ours.found} of 5 open ports found in every run", ours.found == 5)
    table.check(
        f"{ours.wrong} wrong, {ours.unknown} unknown", ours.wrong == 0 and ours.unknown == 0
    )
    table.ratio("time to nmap -sU's", ours.seconds / theirs.seconds, 1.0)
    return table


def run_exactness(_name, options, folder):
    """Many scans of case 2 in a row."""
    postern = Postern(POSTERN, options.method)
    missed = wrong = unknown = 0
    slowest = 0.0
    with Topology(folder, LINKS["2"]) as net:
        scene = one_host(net, "2", False)
        for number in range(options.scans):
            measured, judged = scan(postern, scene, folder)
            missed += 100 - judged.found
            wrong += judged.wrong
            unknown += judged.unknown
            slowest = max(slowest, measured.seconds)
            say(f"  scan {number + 1}: {measured.seconds:.2f} s, {judged}")
    table = Table(
        f"exactness: {options.scans} scans of case 2 in a row",
        ["verdicts", "open ports missed", "wrong (with those)", "unknown", "slowest s"],
        [[str(n) for n in (options.scans * 65_535, missed, wrong, unknown, f"{slowest:.2f}")]],
    )
    table.check("no open port missed", missed == 0)
    table.check("at most one other verdict wrong", wrong - missed <= 1)
    return table


# The cap that is tested, and how many ports of each of the two hosts: enough for several seconds.
CAPS = [
    ("rate", 200, 300),
    ("rate", 5_000, 8_000),
    ("host-rate", 200, 600),
    ("network-rate", 200, 300),
]
NO_CAP = 10_000


def run_caps(_name, options, folder):
    table = Table(
        f"caps: {ONLY_WHEN_NAMED['caps']}",
        ["method", "family", "cap", "packets", "busiest second", "of one host"],
    )
    with Topology(folder) as net:
        # Both in one network; the silent ports are asked again.
        hosts = [net.host(f"web-{number}", number) for number in (10, 11)]
        for host in hosts:
            host.filter("tcp dport 1-100 drop")
        for method in options.methods:
            for ipv6 in (False, True):
                for cap, limit, ports in CAPS:
                    caps = {"rate": NO_CAP, "host-rate": NO_CAP, "network-rate": NO_CAP, cap: limit}
                    times, of_host = capture_scan(net, hosts, method, ipv6, caps, ports)
                    family = "IPv6" if ipv6 else "IPv4"
                    busiest, busiest_of_host = busiest_second(times), busiest_second(of_host)
                    table.rows.append([
                        *(method, family, f"--{cap} {limit}", str(len(times))),
                        *(str(busiest), str(busiest_of_host)),
                    ])  # fmt: skip
                    seen = busiest_of_host if cap == "host-rate" else busiest
                    table.ratio(f"{method}, {family}, --{cap} {limit}", seen / limit, 1.05)
    return table


def capture_scan(net, hosts, method, ipv6, caps, ports):
    """When each SYN of a scan came to the router, and to the first host."""
    syn = "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"
    if ipv6:
        syn = "ip6 proto 6 and ip6[53] & 0x12 == 2"
    captures = [Capture(net.router, syn, device="up0"), Capture(hosts[0], syn)]
    targets = [host.ipv6 if ipv6 else host.ipv4 for host in hosts]
    options = [f"--{name}={value}" for name, value in caps.items()]
    command = [POSTERN, "scan", "--method", method, *options, "--ports", f"1-{ports}", *targets]
    measured = measure(command, net.device, net.folder / "log")
    times, of_host = (capture.times() for capture in captures)
    if measured.status != 0 or len(times) < 2 * ports:
        raise RuntimeError(f"postern sent {len(times)} SYNs:\n{(net.folder / 'log').read_text()}")
    return times, of_host


def run_memory(_name, options, folder):
    """Bounded: what it holds for each endpoint is there from the start."""
    thousand = ["10.1.0.0/23", "10.1.2.0/24", "10.1.3.0/25", "10.1.3.128/26", "10.1.3.192/27",
                "10.1.3.224/29"]  # fmt: skip
    with WideNetwork(folder) as net:
        scene = wide_scene(net)
        scene.ports, scene.targets = "1-65535", thousand
        command = Postern(POSTERN, options.method).command(scene, folder / "output")
        measured = measure(command, net.device, folder / "log", limit=MEMORY_SECONDS)
    ended = "interrupted" if measured.seconds > MEMORY_SECONDS else "by itself"
    numbers = (measured.rss_mb, measured.packets, measured.seconds)
    table = Table(
        f"memory: {ONLY_WHEN_NAMED['memory']}",
        ["peak MB", "packets", "seconds", "ended"],
        [[*(f"{number:.0f}" for number in numbers), ended]],
    )
    table.ratio("peak MB", measured.rss_mb, 100)
    return table


RUN = {
    **dict.fromkeys(("1", "2", "3", "1v6", "2v6", "3v6"), run_one_host),
    "5": run_many_hosts,
    "6": run_send_rate,
    **dict.fromkeys(("9", "9u"), run_udp),
    "exactness": run_exactness,
    "caps": run_caps,
    "memory": run_memory,
}


def require(names):
    """Raises Missing unless everything that the cases need is there."""
    programs = ["ip", "nft", "sysctl"]
    if names - {"6", "9", "9u", "exactness", "caps", "memory"}:
        programs += ["nmap", "masscan"]
    programs += ["zmap"] if "5" in names else []
    programs += ["tcpdump"] if "caps" in names else []
    programs += ["nmap", "ss", *PROGRAMS] if names & {"9", "9u"} else []
    absent = [program for program in programs if not shutil.which(program)]
    if absent:
        raise Missing(
            f"not installed: {', '.join(absent)}; run scripts/install_dependencies.sh bench"
        )
    for program in ("postern", "link_emulator", "sendmmsg_loop"):
        if not (BIN / program).exists():
            raise Missing(f"{BIN / program} is not built; run scripts/bench.sh")


def parse_arguments():
    cases = "\n".join(f"  {n:<10} {what}" for n, what in (CASES | ONLY_WHEN_NAMED).items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench.sh",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__,
        epilog=f"cases:\n{cases}\n\n"
        "4 is 1v6, 2v6 and 3v6. Without a case: all that have a number.\n\n"
        "exit status: 0 everything reached, 1 not, 2 something that is needed is missing",
    )
    known = [*CASES, "4", *ONLY_WHEN_NAMED]
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(known))
    parser.add_argument("--runs", type=int, default=3, help="of each tool (3)")
    parser.add_argument("--scans", type=int, default=200, help="of the case exactness (200)")
    parser.add_argument("--method", default="auto", help="of postern (auto)")
    parser.add_argument(
        "--quick", action="store_true", help="cases 1 to 4 without nmap -T4, which takes minutes"
    )
    parser.add_argument("--write", metavar="FILE", help="also write the tables there")
    options = parser.parse_args()
    for case in options.cases:
        if case not in known:
            parser.error(f"unknown case '{case}'; known: {', '.join(known)}")
    if options.runs < 1 or options.scans < 1:
        parser.error("--runs and --scans are at least 1")
    names = [
        name for case in options.cases or CASES
        for name in (["1v6", "2v6", "3v6"] if case == "4" else [case])
    ]  # fmt: skip
    options.cases = list(dict.fromkeys(names))
    options.methods = ["connect", "syn"] if options.method == "auto" else [options.method]
    return options


def main():
    options = parse_arguments()
    written = Path(options.write).absolute() if options.write else None
    tables = []
    try:
        require(set(options.cases))
        description = machine(POSTERN)
        say(description)
        enter_private_network()
        with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
            for name in options.cases:
                say(f"== {name}")
                own = Path(folder) / name
                own.mkdir()
                tables.append(RUN[name](name, options, own))
                print(tables[-1].text(), flush=True)
    except (Missing, RuntimeError) as error:
        say(f"scan_bench.py: {error}")
        return 2
    if written:
        write_document(written, description, tables)
    missed = [text for table in tables for text, reached in table.checks if not reached]
    print("everything reached" if not missed else f"not reached: {len(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

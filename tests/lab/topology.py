"""The test lab for scans: a scanner, a router and hosts behind it, over links that delay and lose.

The scanner is the process that made the lab (lab.enter_private_network()). The way to a host:

    scanner             router                          host N
    scan0 ----link---- up0   in0 (bridge) ---veth------ eth0
    198.51.100.2       .1    203.0.113.1                203.0.113.N
    2001:db8:1::2      ::1   2001:db8:2::1              2001:db8:2::N

    scanner                      wide
    wide0 ----veth------------- eth0, and 10.1.0.0/16 and 2001:db8:100::/112, 65,536 addresses each
    10.255.0.1                  10.255.0.2
    2001:db8:3::1               2001:db8:3::2

    with Topology(folder, Link(delay=10, loss=2)) as net:
        host = net.host("web", 10)
        host.listen(range(1000, 1100))
        ...

POSTERN_BIN names the folder of link_emulator. Everything ends with the process at the latest.
"""

import copy
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

# pylint: disable=wrong-import-position
from daemon import BIN  # noqa: E402
from lab import BRIDGE_MAC, Lab, Target, answers, run, wait_for  # noqa: E402

LISTENERS = Path(__file__).with_name("listeners.py")
TPROXY_PORT = 7

WIDE_IPV4 = "10.1.0.0/16"
WIDE_IPV6 = "2001:db8:100::/112"

# What a packet filter can answer with: (state, reason over IPv4, over IPv6, nft's rejects).
REJECTS = {
    2000: ("closed", "rst", "rst", ["reject with tcp reset"]),
    2001: (
        *("filtered", "icmp-3-0", "icmp6-1-0"),
        ["reject with icmp net-unreachable", "reject with icmpv6 no-route"],
    ),
    2002: (
        *("filtered", "icmp-3-1", "icmp6-1-3"),
        ["reject with icmp host-unreachable", "reject with icmpv6 addr-unreachable"],
    ),
    2003: (
        *("filtered", "icmp-3-2", "icmp6-1-5"),
        ["reject with icmp prot-unreachable", "reject with icmpv6 policy-fail"],
    ),
    2004: (
        *("filtered", "icmp-3-3", "icmp6-1-4"),
        ["reject with icmp port-unreachable", "reject with icmpv6 port-unreachable"],
    ),
    2005: (
        *("filtered", "icmp-3-9", "icmp6-1-6"),
        ["reject with icmp net-prohibited", "reject with icmpv6 reject-route"],
    ),
    2006: (
        *("filtered", "icmp-3-10", "icmp6-1-1"),
        ["reject with icmp host-prohibited", "reject with icmpv6 admin-prohibited"],
    ),
    2007: (
        *("filtered", "icmp-3-13", "icmp6-1-1"),
        ["reject with icmp admin-prohibited", "reject with icmpv6 admin-prohibited"],
    ),
    2008: ("filtered", "no-response", "no-response", ["drop"]),
}


def reject_rules():
    """Rules for Target.filter() or Router.filter_forward() that make every port of REJECTS true."""
    rules = []
    for port, (_, _, _, verdicts) in REJECTS.items():
        families = ["", ""] if len(verdicts) == 1 else ["meta nfproto ipv4 ", "meta nfproto ipv6 "]
        rules += [f"{family}tcp dport {port} {v}" for family, v in zip(families, verdicts)]
    return rules


@dataclass(frozen=True)
class Link:
    """What link_emulator does, in its units (milliseconds, per cent, megabits a second). A pair is
    for the two directions: away from the scanner, and back."""

    delay: float | tuple = 0
    loss: float | tuple = 0
    rate: float | tuple = 0
    queue: float | tuple = 50
    reorder: float | tuple = 0
    reorder_by: float | tuple = 5
    seed: int = 1

    def options(self):
        for name, value in vars(self).items():
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            yield f"--{name.replace('_', '-')}={text}"


@dataclass
class Truth:
    """What a scan of all TCP ports of a host must say."""

    states: dict = field(default_factory=dict)
    rest: str = "closed"

    def state(self, port):
        return self.states.get(port, self.rest)

    def open_ports(self):
        if self.rest == "open":
            return set(range(1, 65536))
        return {port for port, state in self.states.items() if state == "open"}


class EmulatedLink:
    """A running link_emulator between a device here or in `near` and one in `far`."""

    def __init__(self, lab, near, far, link):
        self.far_netns, self.far_device = far
        self.near_netns, self.near_device = near
        self.process = lab.start(
            BIN / "link_emulator",
            *(f"--left={self.near_device}", f"--left-netns={netns_file(self.near_netns)}"),
            *(f"--right={self.far_device}", f"--right-netns={netns_file(self.far_netns)}"),
            *link.options(),
            log=fresh(lab.folder / f"link-{self.near_device}.log"),
        )
        wait_for(
            "the link emulator is ready",
            lambda: self.process.must_run() and "ready" in self.process.log_text(),
        )

    def finish(self):
        """Ends the link and returns its counts; `overrun` is what the kernel dropped since the
        emulator was too slow."""
        overrun = dropped(self.near_netns, self.near_device) + dropped(
            self.far_netns, self.far_device
        )
        self.process.stop()
        return json.loads(self.process.log_text().splitlines()[-1]) | {"overrun": overrun}


def fresh(log):
    """The log of a program that is waited for by what it says, without what another one said."""
    log.unlink(missing_ok=True)
    return log


def netns_file(name):
    return f"/run/netns/{name}" if name else "/proc/self/ns/net"


def run_in(netns, *command, check=True):
    """Runs a command in a namespace, here if it is None."""
    return run(*(("ip", "netns", "exec", netns) if netns else ()), *command, check=check)


def link_json(netns, device):
    return json.loads(run_in(netns, "ip", "-j", "-s", "link", "show", "dev", device).stdout)[0]


def dropped(netns, device):
    return link_json(netns, device)["stats64"]["tx"]["dropped"]


def join(lab, near, far, link=None):
    """Joins two (namespace, device) by a veth, or by the emulator where `link` is a Link."""
    joined = None
    if link:
        joined = EmulatedLink(lab, near, far, link)
    else:
        (near_netns, near_device), (far_netns, far_device) = near, far
        run_in(
            near_netns,
            *("ip", "link", "add", near_device, "type", "veth", "peer", far_device),
            *("netns", far_netns),
        )
    for netns, device in (near, far):
        run_in(netns, "ip", "link", "set", device, "up")
    return joined


def add_addresses(netns, device, *addresses):
    for address in addresses:
        nodad = ["nodad"] if ":" in address else []
        run_in(netns, "ip", "addr", "add", address, "dev", device, *nodad)


def unlimit_icmp(netns):
    for limit in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
        run_in(netns, "sysctl", "-qw", f"{limit}=0")
    # All peers together, 1,000 a second otherwise; a setting of a namespace since Linux 6.14 only.
    run_in(netns, "sysctl", "-qw", "net.ipv4.icmp_msgs_per_sec=1000000", check=False)
    run_in(netns, "sysctl", "-qw", "net.ipv4.icmp_msgs_burst=1000000", check=False)


class Host(Target):
    """A host of the lab in a namespace of its own, with what a scan must say of it.

    What it runs and filters is Target's; its place in the network is its maker's matter.
    """

    # pylint: disable=super-init-not-called
    def __init__(self, lab, name, ipv4, ipv6):
        self.lab, self.name = lab, name
        self.ipv4, self.ipv6 = ipv4, ipv6
        self.addresses = [ipv4, ipv6]
        self.truth = Truth()
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")
        unlimit_icmp(name)

    def listen(self, ports):
        """Opens TCP ports."""
        self._start_listeners([], ports)
        self.truth.states |= dict.fromkeys(ports, "open")

    def open_all_ports(self):
        """Answers SYN-ACK on every TCP port, as a SYN proxy or a tarpit does; without conntrack,
        which would be what a scan measures."""
        self._start_listeners(["--transparent"], [TPROXY_PORT])
        self._load("all_ports", [f"meta l4proto tcp tproxy to :{TPROXY_PORT} accept"], "prerouting")
        self.truth = Truth(rest="open")

    def drop_other_ports(self):
        """Silence from every TCP port that is not open."""
        ports = ",".join(map(str, sorted(self.truth.open_ports())))
        self.filter(f"tcp dport != {{ {ports} }} drop" if ports else "meta l4proto tcp drop")
        self.truth.rest = "filtered"

    def drop_everything(self):
        self.filter("meta l4proto { tcp, udp, icmp } drop", "icmpv6 type echo-request drop")
        self.truth = Truth(rest="filtered")

    def reject_with_each_type(self):
        """Answers each port of REJECTS as it says there."""
        self.filter(*reject_rules())
        self.truth.states |= {port: reject[0] for port, reject in REJECTS.items()}

    def limit_resets(self, per_second, burst=50):
        """Answers no more closed ports than that, as some systems do."""
        limit = f"limit rate over {per_second}/second burst {burst} packets drop"
        self._load("resets", [f"tcp flags & rst == rst {limit}"], "output")

    def limit_icmp_errors(self, per_second, burst=6):
        """Sends no more unreachables than that, each family by itself."""
        limit = f"limit rate over {per_second}/second burst {burst} packets drop"
        rules = [f"{kind} type destination-unreachable {limit}" for kind in ("icmp", "icmpv6")]
        self._load("errors", rules, "output")

    def limit_icmp_as_linux_does(self):
        """One error a second to each peer after a burst of six; the lab has no limit otherwise."""
        for limit in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
            self.run("sysctl", "-qw", f"{limit}=1000")

    def mac(self, device="eth0"):
        return link_json(self.name, device)["address"]

    def _start_listeners(self, options, ports):
        log = fresh(self.lab.folder / f"{self.name}-listeners.log")
        process = self.start(sys.executable, LISTENERS, *options, *ports, log=log)
        wait_for(
            f"{self.name} listens on its ports",
            lambda: process.must_run() and "ready" in process.log_text(),
        )

    def _load(self, table, rules, hook):
        priority = "mangle" if hook == "prerouting" else "0"
        lines = "\n".join(rules)
        path = self.lab.folder / f"{self.name}-{table}.nft"
        path.write_text(
            f"table inet {table} {{ chain {hook} {{ type filter hook {hook} priority {priority};\n"
            f"{lines}\n}}\n}}\n"
        )
        self.run("nft", "-f", path)


class Router(Host):
    """The router; its own addresses are those on the link to the scanner."""

    def filter_forward(self, *rules):
        """Rules for what it forwards; its rejects come from its own address."""
        self._load("forward", rules, "forward")


class Topology(Lab):
    """One lab, which lasts until close() or the end of a `with`."""

    device = "scan0"
    sources = ["198.51.100.2", "2001:db8:1::2"]

    def __init__(self, folder, link=None):
        super().__init__(folder)
        try:
            self._build(link)
        except BaseException:
            self.close()
            raise

    def _build(self, link):
        run("ip", "link", "set", "lo", "up")
        self.router = Router(self, "router", "198.51.100.1", "2001:db8:1::1")
        self.targets.append(self.router)
        self.link = join(self, (None, self.device), ("router", "up0"), link)
        add_addresses(None, self.device, *(f"{a}/{n}" for a, n in zip(self.sources, (24, 64))))
        add_addresses("router", "up0", "198.51.100.1/24", "2001:db8:1::1/64")
        self.router.run("ip", "link", "add", "in0", "address", BRIDGE_MAC, "type", "bridge")
        self.router.run("ip", "link", "set", "in0", "up")
        add_addresses("router", "in0", "203.0.113.1/24", "2001:db8:2::1/64")
        for forwarding in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.router.run("sysctl", "-qw", f"{forwarding}=1")
        run("ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.1")
        run("ip", "-6", "route", "add", "2001:db8:2::/64", "via", "2001:db8:1::1")
        # Both ends know each other's link-layer address from here on: a burst before that would
        # overflow the kernel's short queue for an unknown neighbour.
        wait_until_up(self.router)

    def host(self, name, number, link=None):
        """A host behind the router, whose last hop may be an emulated link too. Closed ports
        answer RST until its filter says otherwise."""
        host = Host(self, name, f"203.0.113.{number}", f"2001:db8:2::{number}")
        self.targets.append(host)
        port = f"port{number}"
        host.link = join(self, ("router", port), (name, "eth0"), link)
        self.router.run("ip", "link", "set", port, "master", "in0")
        add_addresses(name, "eth0", f"{host.ipv4}/24", f"{host.ipv6}/64")
        host.run("ip", "route", "add", "default", "via", "203.0.113.1")
        host.run("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1")
        wait_until_up(host)
        return host

    def near_host(self, number):
        """A host that is its own router, for measurements: the last hop costs this machine more
        than the link (16 us a probe and its answer with it, 11 without), and a scan pays for it."""
        host = copy.copy(self.router)
        host.ipv4, host.ipv6 = f"203.0.113.{number}", f"2001:db8:2::{number}"
        host.addresses, host.truth = [host.ipv4, host.ipv6], Truth()
        add_addresses("router", "in0", f"{host.ipv4}/32", f"{host.ipv6}/128")
        wait_until_up(host)
        return host

    def close(self):
        close(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class WideNetwork(Lab):
    """65,536 addresses of each family on one host, one hop away on a veth without delay."""

    device = "wide0"
    sources = ["10.255.0.1", "2001:db8:3::1"]

    def __init__(self, folder):
        super().__init__(folder)
        run("ip", "link", "set", "lo", "up")
        self.host = Host(self, "wide", "10.255.0.2", "2001:db8:3::2")
        self.targets.append(self.host)
        join(self, (None, self.device), ("wide", "eth0"))
        add_addresses(None, self.device, "10.255.0.1/30", "2001:db8:3::1/64")
        add_addresses("wide", "eth0", "10.255.0.2/30", "2001:db8:3::2/64")
        for network, gateway in ((WIDE_IPV4, "10.255.0.2"), (WIDE_IPV6, "2001:db8:3::2")):
            run("ip", "route", "add", network, "via", gateway)
            self.host.run("ip", "route", "add", "local", network, "dev", "lo")
        wait_until_up(self.host)

    def close(self):
        close(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_until_up(host):
    for address in host.addresses:
        wait_for(f"{address} answers", lambda address=address: answers(address))


def close(lab):
    """Ends a lab's programs and takes its devices away, so that another can have the names."""
    for process in reversed(lab.processes):
        if process.running():
            process.kill()
    run("ip", "link", "del", lab.device, check=False)  # a TAP went with the emulator
    for target in reversed(lab.targets):
        run("ip", "netns", "del", target.name)


class Capture:
    """What arrives at a host, with the kernel's times."""

    def __init__(self, host, expression, device="eth0"):
        self.path = host.lab.folder / f"{host.name}.pcap"
        self.path.unlink(missing_ok=True)
        self.process = host.start(
            *("tcpdump", "-i", device, "-w", self.path, "-U", "-B", "32768", "-s", "96", expression),
            log=fresh(host.lab.folder / f"{host.name}-tcpdump.log"),
        )
        wait_for("tcpdump listens", lambda: "listening on" in self.process.log_text())

    def times(self):
        """Ends the capture: the seconds at which each packet came. Fails if one was not seen."""
        self.process.stop()
        assert "\n0 packets dropped by kernel" in self.process.log_text(), self.process.log_text()
        lines = run("tcpdump", "-tt", "-n", "-r", self.path).stdout.splitlines()
        return [float(line.split()[0]) for line in lines]


def busiest_second(times):
    """The most packets in any sliding second."""
    most, first = 0, 0
    for last, time in enumerate(times):
        while time - times[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most

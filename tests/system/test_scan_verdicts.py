"""`postern scan` against real listeners and a real packet filter: every verdict with its reason."""

import xml.etree.ElementTree as ElementTree

import pytest
from daemon import json_lines, postern
from lab import BRIDGE, run
from servers import start_nginx, start_sshd

NMAP_DTD = "/usr/share/nmap/nmap.dtd"

# What the target does with each port, over IPv4 and over IPv6: (state, reason).
VERDICTS = {
    22: (("open", "syn-ack"), ("open", "syn-ack")),
    80: (("open", "syn-ack"), ("open", "syn-ack")),
    81: (("closed", "rst"), ("closed", "rst")),
    443: (("open", "syn-ack"), ("open", "syn-ack")),
    1001: (("filtered", "no-response"), ("filtered", "no-response")),
    1002: (("closed", "rst"), ("closed", "rst")),
    1003: (("filtered", "icmp-3-13"), ("filtered", "icmp6-1-1")),
    1004: (("filtered", "icmp-3-3"), ("filtered", "icmp6-1-4")),
    1005: (("filtered", "icmp-3-1"), ("filtered", "icmp6-1-3")),
    1006: (("filtered", "icmp-3-9"), ("filtered", "icmp6-1-0")),
    1007: (("filtered", "icmp-3-10"), ("filtered", "icmp6-1-5")),
    # Enough open ports to be the most common state: every other endpoint then has its own line.
    **dict.fromkeys(range(8001, 8006), (("open", "syn-ack"), ("open", "syn-ack"))),
}
PORTS = ",".join(map(str, VERDICTS))

RULES = [
    "tcp dport 1001 drop",
    "tcp dport 1002 reject with tcp reset",
    "meta nfproto ipv4 tcp dport 1003 reject with icmp admin-prohibited",
    "meta nfproto ipv6 tcp dport 1003 reject with icmpv6 admin-prohibited",
    "meta nfproto ipv4 tcp dport 1004 reject with icmp port-unreachable",
    "meta nfproto ipv6 tcp dport 1004 reject with icmpv6 port-unreachable",
    "meta nfproto ipv4 tcp dport 1005 reject with icmp host-unreachable",
    "meta nfproto ipv6 tcp dport 1005 reject with icmpv6 addr-unreachable",
    "meta nfproto ipv4 tcp dport 1006 reject with icmp net-prohibited",
    "meta nfproto ipv6 tcp dport 1006 reject with icmpv6 no-route",
    "meta nfproto ipv4 tcp dport 1007 reject with icmp host-prohibited",
    "meta nfproto ipv6 tcp dport 1007 reject with icmpv6 policy-fail",
]


@pytest.fixture
def web(lab):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[80, 443, *range(8001, 8006)])
    start_sshd(web)
    web.filter(*RULES)
    return web


@pytest.mark.parametrize("method", ["syn", "connect"])
def test_every_verdict_over_both_families(web, method):
    result = postern(
        *("scan", "--method", method, "--ports", PORTS, "--format", "jsonl"), *web.addresses
    )
    assert result.returncode == 0, result.stderr
    lines = json_lines(result.stdout)

    for index, address in enumerate(web.addresses):
        told = {
            line["port"]: (line["state"], line["reason"])
            for line in lines
            if line["type"] == "endpoint" and line["address"] == address
        }
        assert told == {port: verdicts[index] for port, verdicts in VERDICTS.items()}
        host = next(x for x in lines if x["type"] == "host" and x["address"] == address)
        assert host["states"] == {"open": 8, "closed": 2, "filtered": 6}
    assert lines[-1]["type"] == "summary"
    assert (lines[-1]["unknown"], lines[-1]["complete"]) == (0, True)


def xml_states(path):
    """{(address, port): state} of an nmap XML file with so few ports that each has its element."""
    return {
        (host.find("address").get("addr"), int(port.get("portid"))): port.find("state").get("state")
        for host in ElementTree.parse(path).iter("host")
        for port in host.iter("port")
    }


def test_nmap_xml_is_valid_and_agrees_with_nmap(lab, web):
    ours = lab.folder / "postern.xml"
    result = postern(
        "scan", "--ports", PORTS, "--format", "nmap-xml", "--output", ours, *web.addresses
    )
    assert result.returncode == 0, result.stderr
    run("xmllint", "--noout", "--nonet", "--dtdvalid", NMAP_DTD, ours)
    assert run("ndiff", ours, ours).stdout == ""

    # SYN scans: nmap's connect scan cannot tell a port-unreachable reject from an RST.
    theirs = {}
    for family, address in (("-4", web.ipv4), ("-6", web.ipv6)):
        path = lab.folder / f"nmap{family}.xml"
        options = ["-6"] if family == "-6" else []
        run("nmap", "-sS", "-Pn", "-n", "-p", PORTS, "-oX", path, *options, address)
        theirs |= xml_states(path)
        # 1: the files differ, in what only nmap knows (MAC address); 2: it cannot read one.
        assert run("ndiff", path, ours, check=False).returncode in (0, 1)
    assert xml_states(ours) == theirs


def test_text_is_for_people(web):
    result = postern("scan", "--ports", "22,81", web.ipv4)
    assert result.returncode == 0, result.stderr
    assert web.ipv4 in result.stdout
    assert "22" in result.stdout and "open" in result.stdout


def test_a_machine_that_cannot_send_proves_nothing(web):
    """No route and a filter on our own side: unknown, never filtered or closed."""
    run("nft", "add table inet own")
    try:
        run("nft", "add chain inet own out { type filter hook output priority 0; }")
        run("nft", f"add rule inet own out ip daddr {web.ipv4} tcp dport 443 drop")
        result = postern("scan", "--ports", "22,443", "--format", "jsonl", web.ipv4, "203.0.113.9")
    finally:
        run("nft", "delete table inet own")
    lines = json_lines(result.stdout)
    states = {line["address"]: line["states"] for line in lines if line["type"] == "host"}
    assert states == {web.ipv4: {"open": 1, "unknown": 1}, "203.0.113.9": {"unknown": 2}}


@pytest.mark.parametrize("method", ["syn", "connect"])
def test_a_family_with_link_local_addresses_only_proves_nothing(lab, method):
    """A router answers that the destination is beyond the scope of the source: no verdict."""
    router = lab.target("router", 10)
    links = router.run("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link").stdout
    gateway = links.split()[3].split("/")[0]
    run("ip", "-6", "addr", "flush", "dev", BRIDGE, "scope", "global")
    run("ip", "-6", "route", "add", "default", "via", gateway, "dev", BRIDGE)
    try:
        result = postern(
            *("scan", "--method", method, "--ports", "80,udp/53", "--format", "jsonl"),
            "2001:db8:99::1",
        )
    finally:
        run("ip", "-6", "route", "del", "default")
        run("ip", "addr", "add", "2001:db8:10::1/64", "dev", BRIDGE, "nodad")
    states = [line["states"] for line in json_lines(result.stdout) if line["type"] == "host"]
    assert states == [{"unknown": 2}], result.stdout
    assert result.returncode == 2

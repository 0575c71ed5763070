"""What this machine's own network does to probes and replies is no verdict on a target: probes that
its rules forbid, gateways that do not answer, replies that come back another way."""

import sys
from pathlib import Path

import pytest
from daemon import json_lines, postern
from lab import run

sys.path.append(str(Path(__file__).resolve().parent.parent / "lab"))

# pylint: disable=wrong-import-position
from topology import add_addresses, join, run_in  # noqa: E402

METHODS = ["syn", "connect"]


@pytest.fixture
def web(make_topology):
    net = make_topology()
    host = net.host("web", 10)
    host.listen([22])
    host.net = net
    return host


def scan(address, *options, ports="22,23"):
    """(number of ports by state, errors of sending) of one address."""
    result = postern("scan", "--ports", ports, "--format", "jsonl", *options, address)
    lines = json_lines(result.stdout)
    states = [line["states"] for line in lines if line["type"] == "host"]
    return states[0] if states else {}, lines[-1]["send_errors"]


@pytest.fixture(params=["output", "postrouting", "egress", "ipsec-block", "ipsec-without-a-key"])
def forbidden(request, web, tmp_path):
    """Rules of this machine that let no packet to the host out."""
    rules = tmp_path / "rules.nft"
    if request.param.startswith("ipsec"):
        blocks = request.param == "ipsec-block"
        what = ("action", "block") if blocks else ("tmpl", "proto", "esp", "mode", "transport")
        for source, target in (
            ("198.51.100.2/32", f"{web.ipv4}/32"),
            ("2001:db8:1::2/128", f"{web.ipv6}/128"),
        ):
            ends = ("src", source, "dst", target)
            run("ip", "xfrm", "policy", "add", *ends, "dir", "out", *what)
        yield web
        run("ip", "xfrm", "policy", "flush")
        return
    egress = request.param == "egress"
    hook = "hook egress device scan0" if egress else f"hook {request.param}"
    family = "netdev" if egress else "inet"
    rules.write_text(
        f"table {family} own {{ chain out {{ type filter {hook} priority 0;\n"
        f"ip daddr {web.ipv4} drop\nip6 daddr {web.ipv6} drop\n}}\n}}\n"
    )
    run("nft", "-f", rules)
    yield web
    run("nft", "delete", "table", family, "own")


@pytest.mark.parametrize("method", METHODS)
def test_what_our_own_rules_forbid_is_not_sent(forbidden, method):
    # The gateway's link address is known: nothing but the rules is in the way.
    for address in forbidden.addresses:
        states, errors = scan(address, "--method", method)
        assert states == {"unknown": 2}, (address, errors)
        assert errors
    states, _ = scan(forbidden.net.router.ipv4, "--method", method)
    assert states == {"closed": 2}


@pytest.mark.parametrize("options", [("--method", "syn"), ("--method", "connect"), ("udp",)])
def test_behind_a_gateway_that_does_not_answer_all_is_unknown(web, options):
    ports = "udp/53" if options == ("udp",) else "22"
    options = () if options == ("udp",) else options
    for family, gateway in (("-4", "198.51.100.1/24"), ("-6", "2001:db8:1::1/64")):
        web.net.router.run("ip", "addr", "del", gateway, "dev", "up0")
        run("ip", family, "neigh", "flush", "dev", "scan0")
    for address in web.addresses:
        states, errors = scan(address, *options, ports=ports)
        assert states == {"unknown": 1}, address
        assert errors["EHOSTUNREACH"] > 0


@pytest.fixture
def another_way_back(web):
    """The router sends what is for us to a second interface of ours."""
    join(web.net, (None, "scan1"), ("router", "up1"))
    add_addresses(None, "scan1", "198.51.101.2/24", "2001:db8:4::2/64")
    add_addresses("router", "up1", "198.51.101.1/24", "2001:db8:4::1/64")
    for netns, devices in ((None, ("scan0", "scan1")), ("router", ("up0", "up1"))):
        for device in ("all", *devices):
            run_in(netns, "sysctl", "-qw", f"net.ipv4.conf.{device}.rp_filter=0")
    web.net.router.run("ip", "route", "add", "198.51.100.2/32", "via", "198.51.101.2", "dev", "up1")
    web.net.router.run(
        *("ip", "-6", "route", "add", "2001:db8:1::2/128", "via", "2001:db8:4::2", "dev", "up1")
    )
    yield web
    run("ip", "link", "del", "scan1", check=False)


def test_replies_by_another_interface_are_seen(another_way_back):
    for address in another_way_back.addresses:
        for method in METHODS:
            states, _ = scan(address, "--method", method)
            assert states == {"open": 1, "closed": 1}, (address, method)
        found = postern("scan", "--discover", "--ports", "22", address)
        assert "1 of 1 addresses are up" in found.stdout + found.stderr, address


def test_replies_to_a_translated_address_are_seen(web, tmp_path):
    add_addresses(None, "scan0", "198.51.100.3/24")
    rules = tmp_path / "rules.nft"
    rules.write_text(
        "table ip own { chain out { type nat hook postrouting priority srcnat;\n"
        f"ip daddr {web.ipv4} snat to 198.51.100.3\n}}\n}}\n"
    )
    run("nft", "-f", rules)
    try:
        for method in METHODS:
            states, _ = scan(web.ipv4, "--method", method)
            assert states == {"open": 1, "closed": 1}, method
    finally:
        run("nft", "delete", "table", "ip", "own")

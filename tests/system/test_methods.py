"""SYN and connect say the same of every kind of host, and what they say is so."""

import sys
from pathlib import Path

import pytest
from daemon import json_lines, postern

sys.path.append(str(Path(__file__).resolve().parent.parent / "lab"))

# pylint: disable=wrong-import-position
from topology import REJECTS, Link, reject_rules  # noqa: E402

METHODS = ["syn", "connect"]
FAST = ("--rate", "20000", "--host-rate", "20000", "--network-rate", "20000")


def scan(method, ports, *addresses, options=FAST):
    """What `postern scan` says of each port of each address, as (state, reason), and its summary."""
    asked = ",".join(map(str, ports))
    result = postern(
        *("scan", "--method", method, "--ports", asked, "--format", "jsonl"), *options, *addresses
    )
    lines = json_lines(result.stdout)
    hosts = [line for line in lines if line["type"] == "host"]
    states = {}
    for host in hosts:
        most = max(host["states"], key=host["states"].get)
        states |= {(host["address"], port): (most, None) for port in ports}
    for line in lines:
        if line["type"] == "endpoint":
            states[line["address"], line["port"]] = (line["state"], line["reason"])
    return states, lines[-1]


def without_reasons(verdicts):
    return {endpoint: state for endpoint, (state, _) in verdicts.items()}


@pytest.mark.parametrize("method", METHODS)
def test_every_kind_of_answer_through_a_router(make_topology, method):
    net = make_topology(Link(delay=2))
    host = net.host("web", 10)
    # Most ports are open, so that every other one has a line with its reason.
    host.listen(range(1000, 1040))
    host.reject_with_each_type()
    ports = [*range(1000, 1040), 1999, *REJECTS]
    verdicts, summary = scan(method, ports, *host.addresses)
    for index, address in enumerate(host.addresses):
        expected = {port: ("open", "syn-ack") for port in range(1000, 1040)}
        expected |= {port: (reject[0], reject[1 + index]) for port, reject in REJECTS.items()}
        expected[1999] = ("closed", "rst")
        assert {port: verdicts[address, port] for port in ports} == expected
    assert summary["complete"] and summary["unknown"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_what_a_router_rejects_is_filtered(make_topology, method):
    net = make_topology()
    host = net.host("web", 10)
    host.listen(range(1000, 1040))
    net.router.filter_forward(*reject_rules())
    verdicts, _ = scan(method, [*range(1000, 1040), *REJECTS], *host.addresses)
    for index, address in enumerate(host.addresses):
        for port, reject in REJECTS.items():
            assert verdicts[address, port] == (reject[0], reject[1 + index]), port


@pytest.mark.parametrize("method", METHODS)
def test_loss_makes_no_port_filtered(make_topology, method):
    net = make_topology(Link(delay=2, loss=5))
    host = net.host("web", 10)
    host.listen([22, 80, 8080])
    # A round of the connect method takes a second.
    ports = [*range(1, 2001 if method == "syn" else 301), 8080]
    verdicts, summary = scan(method, ports, host.ipv4)
    wrong = {
        endpoint: state
        for endpoint, state in without_reasons(verdicts).items()
        if state != host.truth.state(endpoint[1])
    }
    assert not wrong
    assert 0.02 < summary["estimated_loss"] < 0.3
    assert summary["miss_probability"] < 1e-3


def test_the_methods_agree_on_quiet_and_noisy_hosts(make_topology):
    net = make_topology(Link(delay=2))
    silent, noisy, strict = net.host("silent", 10), net.host("noisy", 11), net.host("strict", 12)
    silent.drop_everything()
    noisy.open_all_ports()
    strict.listen([22, 443])
    strict.drop_other_ports()
    hosts = [silent, noisy, strict]
    ports = [22, 80, 443, 1234, 8443]
    answers = {}
    for method in METHODS:
        addresses = [address for host in hosts for address in host.addresses]
        answers[method] = without_reasons(scan(method, ports, *addresses)[0])
    assert answers["syn"] == answers["connect"]
    for host in hosts:
        for address in host.addresses:
            assert {port: answers["syn"][address, port] for port in ports} == {
                port: host.truth.state(port) for port in ports
            }


def test_nobody_at_an_address_on_link_is_silence(make_topology):
    make_topology()
    for method in METHODS:
        verdicts, _ = scan(method, [22, 80], "198.51.100.77", "2001:db8:1::77")
        assert set(without_reasons(verdicts).values()) == {"filtered"}, method
        # It is told that nobody is there, and not that something filters.
        told = postern("scan", "--method", method, "--ports", "22,80", "198.51.100.77").stdout
        assert "no-neighbour" in told, told


def test_a_link_that_goes_down_leaves_endpoints_unknown(make_topology):
    net = make_topology(Link(delay=2))
    host = net.host("web", 10)
    host.drop_other_ports()
    net.link.process.stop()  # the TAP device goes with it
    verdicts, summary = scan("syn", [22, 80], host.ipv4)
    assert set(without_reasons(verdicts).values()) == {"unknown"}
    assert summary["send_errors"]


# The connect method asks twelve times, a second apart, what a loss would explain.
@pytest.mark.parametrize("method, resets", [("syn", 300), ("connect", 100)])
def test_a_host_that_limits_its_resets_is_asked_at_its_own_speed(make_topology, method, resets):
    net = make_topology(Link(delay=2))
    host = net.host("bsd", 10)
    host.listen([22])
    host.limit_resets(resets)
    result = postern("scan", "--method", method, "--ports", "1-1500", *FAST, host.ipv4)
    assert "1499 closed (rst)" in result.stdout, result.stdout
    assert "filtered" not in result.stdout


def test_discover_scans_only_who_answers(make_topology):
    net = make_topology()
    host = net.host("web", 10)
    host.listen([22])
    result = postern(
        *("scan", "--discover", "--ports", "22", "--format", "jsonl"), *FAST, "203.0.113.8/30"
    )
    assert result.returncode == 0, result.stderr
    hosts = [line["address"] for line in json_lines(result.stdout) if line["type"] == "host"]
    assert hosts == [host.ipv4]
    assert "1 of 4 addresses are up" in result.stderr

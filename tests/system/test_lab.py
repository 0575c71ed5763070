"""The test lab itself: its links do what they are told, its hosts are what they say."""

import socket
import sys
from pathlib import Path

import pytest
from daemon import json_lines, postern
from lab import answers, run, wait_for

sys.path.append(str(Path(__file__).resolve().parent.parent / "lab"))

# pylint: disable=wrong-import-position
from topology import REJECTS, Capture, Link, WideNetwork, reject_rules  # noqa: E402


def send_datagrams(address, count, size=10):
    """One to each port from 10001 on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(count):
            sender.sendto(bytes(size), (address, 10_001 + number))


def arrived_ports(capture, count=0):
    """The ports of the datagrams in the order in which they came, once there are `count`."""

    def ports():
        lines = run("tcpdump", "-n", "-r", capture.path, check=False).stdout.splitlines()
        return [int(line.split()[4].rstrip(":").rpartition(".")[2]) for line in lines]

    wait_for(f"{count} datagrams came", lambda: len(ports()) >= count)
    return ports()


def capture_datagrams(topology):
    return Capture(topology.router, "udp and dst portrange 10001-20000", device="up0")


def test_a_link_loses_its_share_and_counts_it(make_topology):
    topology = make_topology(Link(loss=(20, 0), seed=7))
    send_datagrams("198.51.100.1", 2000)
    wait_for("the last has left", lambda: seen(topology) >= 2000)
    away, back = counts(topology)
    assert away["carried"] + away["lost"] >= 2000
    assert 0.17 < away["lost"] / (away["carried"] + away["lost"]) < 0.23
    assert (away["dropped"], back["lost"], back["dropped"]) == (0, 0, 0)


def seen(topology):
    """Packets that the emulator took from the scanner's device."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        if line.strip().startswith(topology.device):
            return int(line.split()[10])
    return 0


def counts(topology):
    finished = topology.link.finish()
    assert finished["overrun"] == 0
    return finished["left_to_right"], finished["right_to_left"]


def test_a_link_delays_and_reorders_but_loses_nothing(make_topology):
    topology = make_topology(Link(delay=20, reorder=(10, 0), reorder_by=5))
    capture = capture_datagrams(topology)
    send_datagrams("198.51.100.1", 1000)
    ports = arrived_ports(capture, 1000)
    assert ports != sorted(ports)
    assert sorted(ports) == list(range(10_001, 11_001))
    assert counts(topology)[0]["reordered"] >= 50


def test_a_slow_link_drops_what_its_queue_cannot_hold(make_topology):
    # 10 ms at 8 Mbit/s are ten datagrams of 1,000 bytes.
    topology = make_topology(Link(rate=(8, 0), queue=10))
    send_datagrams("198.51.100.1", 300, size=958)
    wait_for("the last has left", lambda: seen(topology) >= 300)
    away, _ = counts(topology)
    assert away["dropped"] > 0 and away["carried"] >= 10
    assert away["carried"] + away["waiting"] + away["dropped"] >= 300


def verdicts(address, ports):
    """{port: (state, reason)} of what `postern scan` says; every port must be told."""
    result = postern(
        *("scan", "--method", "connect", "--ports", ports, "--format", "jsonl"),
        *("--host-rate", "2000", address),
    )
    assert result.returncode == 0, result.stderr
    lines = json_lines(result.stdout)
    host = next(line for line in lines if line["type"] == "host")
    told = {x["port"]: (x["state"], x["reason"]) for x in lines if x["type"] == "endpoint"}
    return told, host["states"]


@pytest.mark.parametrize("rejecter", ["host", "router"])
def test_every_kind_of_reject_over_both_families(make_topology, rejecter):
    topology = make_topology()
    host = topology.host("web", 10)
    # The most common state, so that each reject has a line of its own.
    host.listen(range(3000, 3012))
    if rejecter == "host":
        host.reject_with_each_type()
    else:
        topology.router.filter_forward(*reject_rules())

    for family, address in enumerate(host.addresses):
        told, _ = verdicts(address, "2000-2008,3000-3011")
        expected = {port: (reject[0], reject[1 + family]) for port, reject in REJECTS.items()}
        assert {port: told[port] for port in REJECTS} == expected


def test_hosts_that_answer_all_ports_or_none(make_topology):
    topology = make_topology()
    tarpit, silent = topology.host("tarpit", 10), topology.host("silent", 11)
    tarpit.open_all_ports()
    silent.drop_everything()
    for host, state in ((tarpit, "open"), (silent, "filtered")):
        for address in host.addresses:
            assert verdicts(address, "1-20,50001-50020")[1] == {state: 40}


def test_resets_beyond_the_limit_are_silence(make_topology):
    topology = make_topology()
    host = topology.host("web", 10)
    host.limit_resets(1, burst=5)
    said = [answers(host.ipv4, port) for port in range(1, 9)]
    assert said[:5] == ["closed"] * 5
    assert "" in said


def test_the_wide_network_has_every_address(network, tmp_path):
    with WideNetwork(tmp_path) as wide:
        wide.host.listen([80])
        for address in ("10.1.0.0", "10.1.255.255", "2001:db8:100::", "2001:db8:100::ffff"):
            assert (answers(address, 80), answers(address, 81)) == ("open", "closed")

"""Replies that a kernel would believe are answers, and no others: the methods say what connect(2)
says of a host that answers in every odd way."""

import sys
from pathlib import Path

import pytest
from daemon import json_lines, postern
from lab import wait_for

LAB = Path(__file__).resolve().parent.parent / "lab"
sys.path.insert(0, str(LAB))

# pylint: disable=wrong-import-position
from raw_host import PORTS  # noqa: E402

RAW = {"ipv4": "192.0.2.77", "ipv6": "2001:db8:10::77"}
FAST = ("--rate", "20000", "--host-rate", "20000", "--network-rate", "20000")


@pytest.fixture
def raw_host(lab):
    around = lab.target("raw", 70)
    program = around.start(sys.executable, LAB / "raw_host.py", "eth0", *RAW.values())
    wait_for("the raw host", lambda: program.must_run() and "ready" in program.log_text())
    return around


def states(ports, *options):
    """State by port, as a scan of one address says it."""
    asked = ",".join(map(str, ports))
    result = postern("scan", "--ports", asked, "--format", "jsonl", *FAST, *options)
    lines = json_lines(result.stdout)
    hosts = [line["states"] for line in lines if line["type"] == "host"]
    told = {line["port"]: line["state"] for line in lines if line["type"] == "endpoint"}
    for states_of_host in hosts:
        most = max(states_of_host, key=states_of_host.get)
        told = {port: told.get(port, most) for port in ports}
    return told


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("method", ["syn", "connect"])
def test_every_odd_answer_is_taken_as_a_kernel_takes_it(raw_host, method, family):
    # Closed ports are the most, so that every other state has a line of its own.
    ports = [*PORTS, *range(1000, 1000 + len(PORTS))]
    told = states(ports, "--method", method, RAW[family])
    expected = {port: says[family == "ipv6"] for port, (says, _) in PORTS.items()}
    assert {port: told[port] for port in PORTS} == expected


SPRAY = """
import socket, sys
source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
source.bind(("", int(sys.argv[2])))
print("ready", flush=True)
while True:
    for port in range(32768, 61000):
        source.sendto(b"junk", (sys.argv[1], port))
"""


def test_a_spray_of_datagrams_opens_no_udp_port(lab):
    sprayer = lab.target("sprayer", 71)
    program = sprayer.start(sys.executable, "-c", SPRAY, "192.0.2.1", 5000)
    wait_for("the spray", lambda: "ready" in program.log_text())
    result = postern("scan", "--ports", "udp/5000-5001", "--format", "jsonl", sprayer.ipv4)
    lines = json_lines(result.stdout)
    assert next(line["states"] for line in lines if line["type"] == "host") == {
        "unknown": 1,
        "closed": 1,
    }
    assert lines[-1]["send_errors"]["unproven-answer"] > 0


# UDP_ENCAP_ESPINUDP of linux/udp.h: a socket that IPsec behind NAT uses, of a program that is busy.
ENCAPSULATED = """
import socket, sys, time
tunnel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tunnel.setsockopt(socket.IPPROTO_UDP, 100, 2)
tunnel.bind(("", int(sys.argv[1])))
print("ready", flush=True)
time.sleep(600)
"""


def test_closed_udp_ports_are_closed_whatever_they_are_asked(lab):
    host = lab.target("closed", 73)
    for address in host.addresses:
        # Of DNS, NTP and SNMP the requests look like ESP; an empty datagram holds no id.
        ports = "udp/53,udp/123,udp/161,udp/162,udp/6000"
        result = postern("scan", "--ports", ports, "--format", "jsonl", address)
        host_lines = [line for line in json_lines(result.stdout) if line["type"] == "host"]
        assert [line["states"] for line in host_lines] == [{"closed": 5}]


@pytest.mark.parametrize("port", [500, 4500, 7777, 161])
def test_a_tunnel_whose_kernel_refuses_unknown_esp_is_not_closed(lab, port):
    host = lab.target("tunnel", 72)
    program = host.start(sys.executable, "-c", ENCAPSULATED, port)
    wait_for("the tunnel", lambda: "ready" in program.log_text())
    result = postern("scan", "--ports", f"udp/{port}", host.ipv4)
    assert "open_filtered" in result.stdout and "closed" not in result.stdout, result.stdout

"""`postern scan` of UDP ports: real servers among closed ports, under the kernel's own ICMP limit."""

import sys
from pathlib import Path

import pytest
from daemon import json_lines, postern

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lab"))
from udp_servers import PACKAGES, start_udp_servers  # noqa: E402

CLOSED = range(20001, 20021)
PORTS = ",".join(f"udp/{port}" for port in [*PACKAGES, *CLOSED])


@pytest.fixture
def host(lab):
    host = lab.target("services", 10)
    start_udp_servers(host)
    for limit in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
        host.run("sysctl", "-qw", f"{limit}=1000")  # the kernel's default, which the lab lifts
    return host


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_every_service_and_every_closed_port_is_told(host, family):
    address = getattr(host, family)
    result = postern("scan", "--ports", PORTS, "--format", "jsonl", address)
    assert result.returncode == 0, result.stderr
    lines = json_lines(result.stdout)

    told = {
        line["port"]: (line["protocol"], line["state"], line["reason"])
        for line in lines
        if line["type"] == "endpoint"
    }
    assert told == dict.fromkeys(PACKAGES, ("udp", "open", "udp-response"))
    states = next(line["states"] for line in lines if line["type"] == "host")
    assert states == {"open": len(PACKAGES), "closed": len(CLOSED)}
    assert (lines[-1]["unknown"], lines[-1]["complete"]) == (0, True)

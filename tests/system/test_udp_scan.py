"""`postern scan` of UDP ports: real servers among closed ports, under the kernel's own ICMP limit."""

import sys
from pathlib import Path

import pytest
from daemon import json_lines, postern
from lab import wait_for

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


def test_a_udp_service_that_no_rule_allows_is_a_finding(lab, make_daemon):
    host = lab.target("services", 10)
    host.start(
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"),
        *("--user=root", "--group=root", "--pid-file="),
    )
    daemon = make_daemon(
        policy="""
hosts:
  - name: services
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: platform
""",
        scans="""
  - {name: udp, stage: udp, ports: "udp/53,20001", every: 2s}
""",
    ).start()
    wait_for("both families", lambda: len(daemon.findings(state="open", port=53)) == 2, timeout=40)
    assert {(f["kind"], f["protocol"], f["family"]) for f in daemon.findings()} == {
        ("unexpected_open", "udp", "ipv4"),
        ("unexpected_open", "udp", "ipv6"),
    }
    wait_for("its packets", lambda: daemon.metric("postern_probes_sent_total", protocol="udp") > 0)
    assert daemon.metric("postern_probes_sent_total", protocol="tcp") == 0

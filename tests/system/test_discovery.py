"""The stage discover in the running daemon: hosts in the policy's networks that no entry names."""

import pytest
from daemon import postern
from lab import run, wait_for
from servers import start_nginx

HEAD = """
version: 1
scope:
  authorized_by: "the system tests"
  include: [192.0.2.0/24, "2001:db8:10::/64", "2001:db8:99::/64"]
  exclude: [192.0.2.24]
"""

HOSTS = """
hosts:
  - {name: scanner, addresses: [192.0.2.1, "2001:db8:10::1"], owner: sre, otherwise: any}
  - {name: beacon, addresses: [192.0.2.10, "2001:db8:10::10"], owner: sre, otherwise: any}
  - {name: lamp, addresses: [192.0.2.11, "2001:db8:10::11"], owner: sre, otherwise: any}
"""

POLICY = (
    """
networks:
  - {cidr: 192.0.2.0/27, owner: network}
  - {cidr: "2001:db8:10::/64", owner: network-v6, on_link: true}
  - {cidr: 192.0.2.28/30, owner: lab, unlisted_hosts: ignore}
"""
    + HOSTS
)

STRANGER_NAMED = (
    POLICY
    + """
  - {name: found, addresses: [192.0.2.20, "2001:db8:10::20"], owner: web, otherwise: any}
"""
)

SCANS = "\n  - {name: sweep, stage: discover, every: 1s}"


@pytest.fixture
def beacons(lab):
    """Two hosts that the policy names, each with a port that is open for certain."""
    beacons = [lab.target("beacon", 10), lab.target("lamp", 11)]
    for beacon in beacons:
        start_nginx(beacon, ports=[80])
    return beacons


@pytest.fixture
def stranger(lab):
    """A host that nobody named."""
    stranger = lab.target("stranger", 20)
    start_nginx(stranger, ports=[8080])
    return stranger


def canaries_at(beacons):
    return "".join(
        f"\n  - {{address: '{address}', port: tcp/80, state: open}}"
        for beacon in beacons
        for address in beacon.addresses
    )


def unlisted(daemon, **fields):
    names = ("host", "owner", "ports", "severity", "state")
    return sorted(
        tuple(finding[name] for name in names)
        for finding in daemon.findings(kind="unlisted_host", **fields)
    )


def test_a_host_that_nobody_named_is_found_and_unverified_when_it_goes(
    lab, beacons, stranger, make_daemon
):
    # Neither is to be asked, let alone reported: one out of scope, one in a network to be ignored.
    for name, number in (("excluded", 24), ("ignored", 29)):
        run("ip", "-n", lab.target(name, number).name, "-6", "addr", "flush", "dev", "eth0")
    daemon = make_daemon(
        policy=POLICY, head=HEAD, scans=SCANS, canaries=canaries_at(beacons)
    ).start()
    assert daemon.metric("postern_findings", kind="unlisted_host") == 0

    wait_for("both families", lambda: len(unlisted(daemon, state="open")) == 2, timeout=60)
    assert unlisted(daemon) == [
        ("192.0.2.20", "network", "tcp/8080", "warning", "open"),
        ("2001:db8:10::20", "network-v6", "tcp/8080", "warning", "open"),
    ]
    wait_for(
        "the metrics",
        lambda: daemon.metric("postern_findings", kind="unlisted_host", state="open") == 2,
    )
    assert daemon.metric("postern_hosts", status="unlisted") == 2
    info = [labels for labels, _ in daemon.samples("postern_finding_info")]
    assert sorted((one["host"], one["policy_owner"], one["port"]) for one in info) == [
        ("192.0.2.20", "network", ""),
        ("2001:db8:10::20", "network-v6", ""),
    ]
    shown = postern(
        *("findings", "show", daemon.findings(address="192.0.2.20")[0]["id"]),
        *("--config", daemon.config_path),
    ).stdout
    assert "192.0.2.20 is up (arp) and no host of the policy has it; tcp/8080 open" in shown
    wait_for("a whole run", lambda: daemon.runs("sweep") > 0)
    assert daemon.metric("postern_scan_last_success_timestamp_seconds", scan="sweep") > 0

    # It leaves together with the canaries: no news is no fix.
    for target in (stranger, *beacons):
        target.unplug()
    wait_for("blind", lambda: daemon.metric("postern_viewpoint_blind") == 2, timeout=60)
    daemon.wait_for_runs("sweep", 1, timeout=90)
    assert len(unlisted(daemon, state="open")) == 2

    for beacon in beacons:
        beacon.plug()
    wait_for(
        "neither can be verified, which fixes nothing",
        lambda: all(
            "unverified_since" in one
            for one in daemon.findings(kind="unlisted_host", state="open")
        ),
        timeout=90,
    )
    assert len(unlisted(daemon, state="open")) == 2


def test_a_policy_that_names_the_host_ends_the_finding(beacons, stranger, make_daemon):
    daemon = make_daemon(
        policy=POLICY, head=HEAD, scans=SCANS, canaries=canaries_at(beacons)
    ).start()
    wait_for("both families", lambda: len(unlisted(daemon, state="open")) == 2, timeout=60)
    daemon.write_policy(STRANGER_NAMED)
    daemon.reload()
    wait_for("both ended", lambda: len(unlisted(daemon, resolution="policy")) == 2)
    daemon.wait_for_runs("sweep", 2, timeout=60)
    assert unlisted(daemon, state="open") == []
    assert stranger.listens(8080, stranger.ipv4)


def test_a_network_that_answers_for_all_is_one_finding(beacons, stranger, make_daemon):
    for number in range(12, 28):
        if number not in (20, 24):
            stranger.run("ip", "addr", "add", f"192.0.2.{number}/24", "dev", "eth0")
    policy = POLICY.replace('  - {cidr: "2001:db8:10::/64", owner: network-v6, on_link: true}\n', "")
    daemon = make_daemon(
        policy=policy, head=HEAD, scans=SCANS, canaries=canaries_at(beacons)
    ).start()
    wait_for("it is open", lambda: unlisted(daemon, state="open"), timeout=60)
    assert unlisted(daemon) == [("192.0.2.0/27", "network", "", "warning", "open")]


@pytest.mark.usefixtures("stranger")
def test_a_link_that_is_elsewhere_is_not_covered(beacons, make_daemon):
    policy = POLICY.replace("networks:", "networks:\n  - {cidr: '2001:db8:99::/64', on_link: true}")
    daemon = make_daemon(
        policy=policy, head=HEAD, scans=SCANS, canaries=canaries_at(beacons)
    ).start()
    # What can be looked at is.
    wait_for("both families", lambda: len(unlisted(daemon, state="open")) == 2, timeout=60)
    assert daemon.metric("postern_scan_failures_total", scan="sweep", reason="not_covered") > 0
    assert daemon.metric("postern_scan_last_success_timestamp_seconds", scan="sweep") == 0
    assert daemon.log_has("a network was not looked at", "2001:db8:99::/64")


def test_scan_takes_a_link_and_refuses_what_is_none(stranger):
    found = postern("scan", "--discover", "--ports", "8080", "2001:db8:10::/64")
    assert stranger.ipv6 in found.stdout, found.stderr
    assert "8080" in found.stdout
    refused = postern("scan", "--discover", "--ports", "8080", "2001:db8::/63")
    assert refused.returncode == 2
    assert "2001:db8::/63 has 36893488147419103232 addresses" in refused.stderr
    elsewhere = postern("scan", "--discover", "--ports", "8080", "2001:db8:99::/64")
    assert elsewhere.returncode == 2
    assert "holds 2^64 addresses" in elsewhere.stderr


def test_a_host_that_is_off_is_not_asked_where_none_is_assumed_up(beacons, make_daemon):
    daemon = make_daemon(
        policy=POLICY + "  - {name: off, addresses: [192.0.2.23], owner: web, otherwise: any}\n",
        head=HEAD,
        scans='\n  - {name: top, stage: top, ports: "tcp/80", every: 1s, assume_up: false}',
    ).start()
    daemon.wait_for_runs("top", 2, timeout=60)
    assert daemon.metric("postern_hosts", status="up") == 3
    assert daemon.metric("postern_hosts", status="unknown") == 1

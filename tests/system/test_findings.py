"""The life of a finding in the running daemon: what opens it, what ends it, and what never does."""

from contextlib import contextmanager

import pytest
from daemon import json_lines, postern
from lab import BRIDGE, run, wait_for
from servers import Alertmanager, start_nginx, start_redis, start_sshd

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
      - {ports: "tcp/22", state: open}
"""

REDIS_RULE = """
      - {ports: "tcp/6379", state: allowed, note: "a cache since today"}
"""


@pytest.fixture
def web(lab):
    web = lab.target("web-1", 10)
    web.nginx = start_nginx(web, ports=[443])
    web.sshd = start_sshd(web)
    return web


def facts(findings, *names):
    return sorted(tuple(finding[name] for name in names) for finding in findings)


def test_a_policy_edit_that_allows_the_port_resolves_the_finding(web, make_daemon):
    daemon = make_daemon(policy=POLICY).start()
    start_redis(web)
    wait_for("both families", lambda: len(daemon.findings(state="open", port=6379)) == 2)

    daemon.write_policy(POLICY + REDIS_RULE)
    daemon.reload()
    wait_for("both resolved", lambda: len(daemon.findings(state="resolved", port=6379)) == 2)
    assert facts(daemon.findings(port=6379), "family", "kind", "resolution") == [
        ("ipv4", "unexpected_open", "policy"),
        ("ipv6", "unexpected_open", "policy"),
    ]
    wait_for("no metric", lambda: daemon.metric("postern_findings", state="open") == 0)


def test_a_service_that_stops_is_missing_after_two_runs(web, make_daemon):
    daemon = make_daemon(policy=POLICY).start()
    daemon.wait_for_runs("expected", 1)
    assert daemon.findings() == []

    web.nginx.stop()
    wait_for("both families", lambda: len(daemon.findings(state="open", kind="missing")) == 2)
    assert facts(daemon.findings(), "kind", "family", "port", "severity", "state") == [
        ("missing", "ipv4", 443, "warning", "open"),
        ("missing", "ipv6", 443, "warning", "open"),
    ]

    start_nginx(web, ports=[443])
    wait_for("both fixed", lambda: len(daemon.findings(resolution="fixed")) == 2)


def test_a_host_that_is_silent_is_one_finding_for_each_address(web, make_daemon):
    daemon = make_daemon(policy=POLICY).start()
    daemon.wait_for_runs("expected", 1)

    web.filter("tcp dport { 22, 443 } drop")
    wait_for(
        "both open",
        lambda: len(daemon.findings(state="open", kind="host_unreachable")) == 2,
        timeout=60,
    )
    open_now = daemon.findings(state="open")
    assert facts(open_now, "kind", "family", "host", "owner") == [
        ("host_unreachable", "ipv4", "web-1", "web-platform"),
        ("host_unreachable", "ipv6", "web-1", "web-platform"),
    ]


def test_one_family_only_is_a_divergence(web, make_daemon):
    policy = POLICY.replace('"tcp/22", state: open', '"tcp/22", state: allowed')
    daemon = make_daemon(policy=policy).start()
    daemon.wait_for_runs("expected", 1)
    web.filter("meta nfproto ipv6 tcp dport 22 reject with tcp reset")

    finding = daemon.wait_for_finding(kind="family_divergence", state="open")
    assert (finding["port"], finding["severity"]) == (22, "warning")


def test_a_blind_viewpoint_resolves_nothing(lab, web, make_daemon):
    """The finding's target leaves the network together with the canaries: no news is no fix."""
    beacon, lamp = lab.target("beacon", 30), lab.target("lamp", 31)
    for canary in (beacon, lamp):
        start_nginx(canary, ports=[80])
    canaries = "".join(
        f"\n  - {{address: '{address}', port: tcp/80, state: open}}"
        for canary in (beacon, lamp)
        for address in canary.addresses
    )
    start_redis(web)
    alertmanager = Alertmanager(lab)
    daemon = make_daemon(
        policy=POLICY, canaries=canaries, receivers=[alertmanager.url]
    ).start()
    wait_for("both open", lambda: len(daemon.findings(state="open", port=6379)) == 2)

    for target in (web, beacon, lamp):
        target.unplug()
    for family in ("ipv4", "ipv6"):
        wait_for(
            f"blind over {family}",
            lambda: daemon.metric("postern_viewpoint_blind", family=family) == 1,
            timeout=60,
        )
    # A run that meets only silence takes its time: every try of every probe.
    daemon.wait_for_runs("expected", 1, timeout=60)
    assert facts(daemon.findings(port=6379), "state") == [("open",), ("open",)]
    wait_for(
        "the blindness itself is told",
        lambda: len(daemon.findings(kind="viewpoint_blind", state="open")) == 2,
        timeout=90,
    )
    blind = daemon.findings(kind="viewpoint_blind")
    assert facts(blind, "family", "severity", "address", "host") == [
        ("ipv4", "critical", "", ""),
        ("ipv6", "critical", "", ""),
    ]
    assert all("2 of 2 canaries are wrong: " in one["summary"] for one in blind)
    shown = postern("status", "--config", daemon.config_path)
    assert shown.stdout.count("its runs are not believed, and findings are frozen") == 2
    alerts = wait_for(
        "the alerts of both families",
        lambda: len(told := alertmanager.alerts(kind="viewpoint_blind")) == 2 and told,
    )
    assert sorted(alert["labels"]["family"] for alert in alerts) == ["ipv4", "ipv6"]
    assert len(alertmanager.alerts(port="6379")) == 2

    for target in (web, beacon, lamp):
        target.plug()
    wait_for("it sees again", lambda: daemon.metric("postern_viewpoint_blind") == 0, timeout=60)
    wait_for(
        "the blindness is over",
        lambda: len(daemon.findings(kind="viewpoint_blind", resolution="fixed")) == 2,
        timeout=60,
    )
    assert facts(daemon.findings(port=6379), "state") == [("open",), ("open",)]


def test_a_cable_pulled_on_our_side_changes_nothing(lab, web, make_daemon):
    """Without canaries too: a probe that this machine cannot send says nothing of the target."""
    start_redis(web)
    daemon = make_daemon(policy=POLICY).start()
    wait_for("both open", lambda: len(daemon.findings(state="open", port=6379)) == 2)
    before = facts(daemon.findings(), "id", "state", "opened")

    with uplink_down():
        wait_for(
            "probes that cannot be sent",
            lambda: (daemon.metric("postern_send_errors_total") or 0) > 0,
        )
        daemon.wait_for_runs("expected", 3)
        assert facts(daemon.findings(), "id", "state", "opened") == before
    daemon.wait_for_runs("expected", 3)
    assert facts(daemon.findings(), "id", "state", "opened") == before


def test_an_address_lost_on_our_side_changes_nothing(lab, web, make_daemon):
    """In the middle of a run that meets silence, which would otherwise be read as filtered."""
    start_redis(web, addresses=[web.ipv4])
    slow = """
  - {name: expected, stage: expected, every: 1s}
  - {name: top, stage: top, ports: "tcp/6379", every: 1s}
  - {name: slow, stage: top, ports: "tcp/10000-30000", every: 1h}
"""
    web.filter("tcp dport 10000-30000 drop")
    daemon = make_daemon(policy=POLICY, scans=slow).start()
    daemon.wait_for_finding(state="open", port=6379)
    daemon.wait_for_runs("expected", 1)
    assert daemon.runs("slow") == 0
    before = facts(daemon.findings(), "id", "state", "opened")

    run("ip", "addr", "del", "192.0.2.1/24", "dev", BRIDGE)
    try:
        wait_for(
            "a run that is given up",
            lambda: daemon.metric("postern_scan_failures_total", scan="slow", reason="incomplete"),
        )
        daemon.wait_for_runs("expected", 2)
        assert facts(daemon.findings(), "id", "state", "opened") == before
    finally:
        run("ip", "addr", "add", "192.0.2.1/24", "dev", BRIDGE)
    daemon.wait_for_runs("expected", 2)
    assert facts(daemon.findings(), "id", "state", "opened") == before


@contextmanager
def uplink_down():
    run("ip", "link", "set", BRIDGE, "down")
    try:
        yield
    finally:
        run("ip", "link", "set", BRIDGE, "up")


def test_a_killed_daemon_comes_back_without_false_news(lab, web, make_daemon):
    alertmanager = Alertmanager(lab)
    start_redis(web)
    daemon = make_daemon(policy=POLICY, receivers=[alertmanager.url]).start()
    wait_for("both alerts", lambda: len(alertmanager.alerts(port="6379")) == 2)
    before = facts(daemon.findings(), "id", "state", "opened")

    daemon.kill()
    assert len(alertmanager.alerts(port="6379")) == 2, "a dead daemon never reads as fixed"

    daemon.start()
    daemon.wait_for_runs("expected", 2)
    assert facts(daemon.findings(), "id", "state", "opened") == before
    assert len(alertmanager.alerts()) == 2


def test_a_service_that_ends_while_the_daemon_is_down_resolves_afterwards(lab, web, make_daemon):
    alertmanager = Alertmanager(lab)
    redis = start_redis(web, addresses=[web.ipv4])
    daemon = make_daemon(policy=POLICY, receivers=[alertmanager.url]).start()
    finding = daemon.wait_for_finding(state="open", port=6379)
    wait_for("the alert", lambda: alertmanager.alerts(port="6379"))

    assert daemon.stop() == 0
    redis.stop()
    assert len(alertmanager.alerts(port="6379")) == 1, "shutdown resolves nothing"

    daemon.start()
    resolved = daemon.wait_for_finding(state="resolved", port=6379)
    assert (resolved["id"], resolved["resolution"]) == (finding["id"], "fixed")
    wait_for("the alert ends", lambda: not alertmanager.alerts())

    def listed(*filters):
        shown = postern("findings", "list", *filters, "--config", daemon.config_path)
        assert shown.returncode == 0, shown.stderr
        return shown.stdout

    assert listed() == "", "what has ended is not asked for"
    fitting = [
        *("--state", "resolved", "--host", resolved["host"], "--kind", "unexpected_open"),
        *("--severity", resolved["severity"], "--since", "1h"),
    ]
    assert f"(fixed at {resolved['resolved']}: closed (rst))" in listed(*fitting)
    assert finding["id"] in listed("--all", "--owner", "nobody", "--owner", resolved["owner"])
    others = {"--host": "web-9", "--kind": "missing", "--severity": "info", "--owner": "nobody"}
    for name, value in others.items():
        assert listed("--all", name, value) == "", name
    assert listed("--all", "--since", "2099-01-01") == ""
    misspelt = postern("findings", "list", "--kind", "open", "--config", daemon.config_path)
    assert misspelt.returncode != 0
    when = postern("findings", "list", "--since", "monday", "--config", daemon.config_path)
    assert (when.returncode, "'monday' is no time" in when.stderr) == (2, True)


def test_drift_compares_without_a_daemon(web, make_daemon):
    """`postern drift` is for CI gates: 0 as it should be, 1 proven drift, 2 could not tell."""
    daemon = make_daemon(policy=POLICY)
    arguments = ["--policy", daemon.policy_path, "--viewpoint", "lab", "--ports", "22,443,6379"]
    assert postern("drift", *arguments).returncode == 0

    start_redis(web, addresses=[web.ipv6])
    result = postern("drift", *arguments, "--format", "jsonl")
    assert result.returncode == 1
    assert facts(json_lines(result.stdout), "kind", "severity", "address", "port") == [
        ("unexpected_open", "critical", "2001:db8:10::10", 6379)
    ]

    # Every probe refused by this machine's own filter: nothing is proven either way.
    run("nft", "add table inet own")
    try:
        run("nft", "add chain inet own out { type filter hook output priority 0; }")
        run("nft", "add rule inet own out tcp dport { 22, 443, 6379 } drop")
        assert postern("drift", *arguments).returncode == 2
    finally:
        run("nft", "delete table inet own")


def test_a_host_that_answers_on_every_port_is_one_drift(make_topology, tmp_path):
    net = make_topology()
    tarpit, busy = net.host("tarpit", 10), net.host("busy", 11)
    tarpit.open_all_ports()
    busy.listen(range(1, 13))
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"""
version: 1
scope: {{authorized_by: test, include: [{tarpit.ipv4}, {busy.ipv4}]}}
hosts:
  - {{name: tarpit, addresses: [{tarpit.ipv4}], owner: web}}
  - {{name: busy, addresses: [{busy.ipv4}], owner: web}}
""")
    result = postern("drift", "--policy", policy, "--ports", "1-12", "--format", "jsonl")
    assert result.returncode == 1, result.stderr
    found = facts(json_lines(result.stdout), "host", "kind", "port")
    assert found == sorted(
        [("tarpit", "all_ports_open", 0), *(("busy", "unexpected_open", n) for n in range(1, 13))]
    )

"""Observations that grow too old, in a real daemon. It looks at their age once a minute, so this
takes minutes: scripts/slow_tests.sh runs it."""

from lab import wait_for
from servers import Alertmanager, start_nginx

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web-platform
    otherwise: any
"""

LOOKS = 200  # seconds, for two looks in a row and the first that judges nothing


def test_scans_whose_runs_cannot_be_trusted_are_told_until_they_can(lab, make_daemon):
    start_nginx(lab.target("web-1", 10), ports=[80])
    beacon, lamp = lab.target("beacon", 30), lab.target("lamp", 31)
    for canary in (beacon, lamp):
        start_nginx(canary, ports=[80])
    alertmanager = Alertmanager(lab)
    daemon = make_daemon(
        policy=POLICY,
        canaries="".join(
            f"\n  - {{address: '{canary.ipv4}', port: tcp/80, state: open}}"
            for canary in (beacon, lamp)
        ),
        scans="\n  - {name: expected, stage: expected, every: 5s}"
        "\n  - {name: daily, stage: top, ports: tcp/80, every: 24h}\n",
        receivers=[alertmanager.url],
    ).start()
    daemon.wait_for_runs("expected", 2)
    wait_for("a daily run", lambda: daemon.runs("daily") >= 1)

    for canary in (beacon, lamp):
        canary.unplug()
    stale = daemon.wait_for_finding(kind="coverage_stale", state="open", timeout=LOOKS)
    shown = (stale["scan"], stale["severity"], stale["host"], stale["owner"])
    assert shown == ("expected", "critical", "", "")
    assert len(daemon.findings(kind="coverage_stale")) == 1, "the daily scan is young enough"
    (alert,) = wait_for("the alert", lambda: alertmanager.alerts(kind="coverage_stale"))
    assert alert["labels"]["scan"] == "expected"

    # A restart is no news, and the time that the daemon was down counts for nobody.
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.findings(kind="coverage_stale")[0]["state"] == "open"

    for canary in (beacon, lamp):
        canary.plug()
    daemon.wait_for_finding(kind="coverage_stale", resolution="fixed", timeout=LOOKS)
    wait_for("the alert ends", lambda: not alertmanager.alerts(kind="coverage_stale"))

"""The main story, end to end: a service that nobody allowed appears over IPv6 only, is reported
everywhere with its owner, and is gone everywhere when it is gone."""

from lab import wait_for
from servers import Alertmanager, Prometheus, start_nginx, start_redis, start_sshd

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web-platform
    labels: {environment: production}
    expect:
      - {ports: "tcp/443", state: open, service: https}
      - {ports: "tcp/22", state: open, service: ssh}
"""

SCANS = """
  - {name: expected, stage: expected, every: 2s}
  - {name: top, stage: top, ports: "tcp/22,80,443,6379", every: 2s}
  - {name: full, stage: full, ports: "tcp/1-500,6379", every: 4s}
"""


def test_a_redis_that_listens_over_ipv6_only(lab, make_daemon):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    start_sshd(web)
    alertmanager = Alertmanager(lab)
    daemon = make_daemon(policy=POLICY, scans=SCANS, receivers=[alertmanager.url])
    prometheus = Prometheus(lab, daemon.address)
    daemon.start()

    # The network is as the policy says: after a run of every scan nothing is reported.
    for scan in ("expected", "top", "full"):
        daemon.wait_for_runs(scan, 1)
    assert daemon.findings() == []
    assert alertmanager.alerts() == []

    redis = start_redis(web, addresses=[web.ipv6])
    before = daemon.runs("top")
    finding = daemon.wait_for_finding(state="open", port=6379)
    # The run that was under way when redis came up, the next one, and perhaps one more before the
    # finding was seen here.
    assert daemon.runs("top") <= before + 3

    stated = {key: finding[key] for key in ("kind", "severity", "host", "owner", "address")}
    assert stated == {
        "kind": "unexpected_open",
        "severity": "critical",
        "host": "web-1",
        "owner": "web-platform",
        "address": "2001:db8:10::10",
    }
    assert finding["family"] == "ipv6"
    assert finding["protocol"] == "tcp"
    assert finding["summary"] == (
        "tcp/6379 is open on web-1 (2001:db8:10::10); the policy says not_open; "
        "it is not open over ipv4"
    )

    labels, value = wait_for(
        "Prometheus has the finding", lambda: prometheus.query("postern_finding_info")
    )[0]
    assert value == 1
    assert {key: labels[key] for key in labels if key not in ("__name__", "instance", "job")} == {
        "id": finding["id"],
        "host": "web-1",
        "address": "2001:db8:10::10",
        "protocol": "tcp",
        "port": "6379",
        "kind": "unexpected_open",
        "severity": "critical",
        "policy_owner": "web-platform",
    }
    assert wait_for(
        "Prometheus counts it",
        lambda: prometheus.query('postern_findings{kind="unexpected_open",state="open"} == 1'),
    )

    alert = wait_for("the alert is active", alertmanager.alerts)[0]
    assert alert["labels"] == {
        "alertname": "PosternUnexpectedOpen",
        "viewpoint": "lab",
        "host": "web-1",
        "address": "2001:db8:10::10",
        "family": "ipv6",
        "protocol": "tcp",
        "port": "6379",
        "kind": "unexpected_open",
        "severity": "critical",
        "owner": "web-platform",
        "label_environment": "production",
    }
    assert alert["annotations"]["summary"] == finding["summary"]
    assert alert["annotations"]["finding"] == finding["id"]

    redis.stop()
    resolved = daemon.wait_for_finding(state="resolved", port=6379)
    assert resolved["id"] == finding["id"]
    assert resolved["resolution"] == "fixed"
    wait_for("the alert has ended", lambda: not alertmanager.alerts())
    wait_for("Prometheus forgets it", lambda: not prometheus.query("postern_finding_info"))
    assert len(daemon.findings()) == 1, "one event makes one finding"

"""The rules of prometheus/ in a real Prometheus that scrapes a real daemon."""

from pathlib import Path

from lab import wait_for
from servers import Prometheus, start_nginx, start_redis

RULE_FILES = sorted((Path(__file__).parents[2] / "prometheus").glob("*.rules.yml"))

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
"""


def firing(prometheus):
    """The labels of the alerts that fire, by their name."""
    found = prometheus.query('ALERTS{alertstate="firing"}')
    return {labels["alertname"]: labels for labels, _ in found}


def test_a_finding_fires_until_it_is_fixed_and_not_until_the_daemon_dies(lab, make_daemon):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    redis = start_redis(web, addresses=[web.ipv6])
    daemon = make_daemon(policy=POLICY)
    prometheus = Prometheus(lab, daemon.address, RULE_FILES)
    daemon.start()

    finding = daemon.wait_for_finding(state="open", port=6379)
    wait_for("the alert fires", lambda: "PosternUnexpectedOpen" in firing(prometheus))
    alerts = firing(prometheus)
    assert alerts.keys() == {"PosternUnexpectedOpen"}
    labels = alerts["PosternUnexpectedOpen"]
    stated = {key: labels[key] for key in ("id", "host", "port", "policy_owner", "viewpoint")}
    assert stated == {
        "id": finding["id"],
        "host": "web-1",
        "port": "6379",
        "policy_owner": "web-platform",
        "viewpoint": "lab",
    }
    assert labels["severity"] == "critical"

    # Every expression is evaluated on what a daemon really exports.
    broken = [rule for rule in prometheus.rules() if rule["health"] != "ok"]
    assert broken == []
    age = 'instance_scan:postern_scan_last_success:age_seconds{scan="top"}'
    daemon.wait_for_runs("top", 1)
    assert 0 <= wait_for("its age", lambda: prometheus.query(age))[0][1] < 60

    daemon.kill()
    wait_for("Prometheus misses the daemon", lambda: prometheus.query("up == 0"))
    wait_for("its findings are gone", lambda: not prometheus.query("postern_finding_info"))
    wait_for(
        "the alert has outlasted an evaluation without the daemon",
        lambda: prometheus.query(
            "count_over_time(finding:postern_finding_info:held[2s]) >= 2 unless on () up == 1"
        ),
    )
    assert "PosternUnexpectedOpen" in firing(prometheus)

    redis.stop()
    daemon.start()
    daemon.wait_for_finding(state="resolved", port=6379)
    wait_for("the alert ends", lambda: firing(prometheus) == {})


def test_what_a_rule_needs_to_know_of_the_schedule(lab, make_daemon):
    lab.target("web-1", 10)
    daemon = make_daemon(
        policy=POLICY,
        scans="\n  - {name: top, stage: top, ports: tcp/22, every: 1h, jitter: 5m}\n"
        "  - {name: full, stage: full, ports: tcp/1-1000, every: 24h}\n",
    ).start()
    assert daemon.metric("postern_scan_interval_seconds", scan="top") == 3900
    assert daemon.metric("postern_coverage_limit_seconds", scan="top") == 7500
    # A sweep's runs are its slices of 15 minutes, and its coverage is that of the round.
    assert daemon.metric("postern_scan_interval_seconds", scan="full") == 900
    assert daemon.metric("postern_coverage_limit_seconds", scan="full") == 172800
    assert daemon.metric("postern_probing_since_timestamp_seconds") > 1_700_000_000


def test_quiet_hours_hold_the_probes_back(lab, make_daemon):
    lab.target("web-1", 10)
    limits = '{quiet_hours: ["00:00-12:00", "12:00-00:00"]}'
    daemon = make_daemon(policy=POLICY, limits=limits).start()
    assert daemon.metric("postern_probing_since_timestamp_seconds") == 0

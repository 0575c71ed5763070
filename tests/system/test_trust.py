"""What silence proves: hosts behind a real router that refuse this scanner, and a path that is dead."""

import pytest
from daemon import Daemon, postern
from lab import wait_for

HEAD = """
version: 1
scope:
  authorized_by: "the system tests"
  include: [203.0.113.0/24, "2001:db8:2::/64", 198.51.100.2]
viewpoints:
  lab: {description: "the scanner's namespace"}
"""

POLICY = """
hosts:
  - name: cache-1
    addresses: [203.0.113.10]
    owner: data
    expect: [{ports: "tcp/22", state: open}]
  - name: web-1
    addresses: [203.0.113.11]
    owner: web
    expect: [{ports: "tcp/443", state: open}]
  - name: scanner
    addresses: [198.51.100.2]
    owner: security
    expect: [{ports: "tcp/1-65535", state: any}]
"""

SCANS = """
  - {name: expected, stage: expected, every: 1s}
  - {name: top, stage: top, ports: "tcp/20-25,443,6379", every: 2s}
"""

SCANNER = "ip saddr 198.51.100.2"
BANS = {
    "drop": f"{SCANNER} drop",
    "reject": f"{SCANNER} reject with icmp host-prohibited",
    "reset": f"{SCANNER} meta l4proto tcp reject with tcp reset",
}


@pytest.fixture
def story(make_topology):
    """A daemon that watches two hosts behind the router, one of them with a redis that nobody
    meant."""
    net = make_topology()
    net.cache = net.host("cache-1", 10)
    net.web = net.host("web-1", 11)
    net.cache.listen([22, 6379])
    net.web.listen([443])
    net.daemon = Daemon(net, POLICY, head=HEAD, scans=SCANS).start()
    net.redis = lambda: net.daemon.findings(kind="unexpected_open", port=6379)[0]
    net.daemon.wait_for_finding(kind="unexpected_open", port=6379, state="open")
    return net


@pytest.mark.parametrize("ban", BANS)
def test_a_host_that_bans_the_scanner_has_fixed_nothing(story, ban):
    story.cache.filter(BANS[ban])
    wait_for("it cannot be verified", lambda: story.redis().get("unverified_since"), timeout=60)
    story.daemon.wait_for_runs("top", 2, timeout=60)
    assert (story.redis()["state"], story.redis()["episode"]) == ("open", 1)
    unreachable = story.daemon.wait_for_finding(
        timeout=60, kind="host_unreachable", host="cache-1", state="open"
    )
    assert "refuses this scanner" in unreachable["summary"]
    assert not story.daemon.findings(kind="missing")
    shown = story.daemon.metric("postern_hosts", status="silent")
    assert shown == 1, "a host that cannot be verified is not up"

    story.cache.filter()
    wait_for("it is verified again", lambda: not story.redis().get("unverified_since"), timeout=60)
    story.daemon.wait_for_finding(
        timeout=60, kind="host_unreachable", state="resolved", resolution="fixed"
    )
    assert (story.redis()["state"], story.redis()["episode"]) == ("open", 1)


def test_behind_a_dead_router_nothing_is_proven(story):
    """The scanner's own answers, it is among its hosts, and those of the router vouch for nothing."""
    story.router.filter_forward("drop")
    wait_for("it cannot be verified", lambda: story.redis().get("unverified_since"), timeout=60)
    story.daemon.wait_for_runs("top", 3, timeout=60)
    assert {(f["kind"], f["state"]) for f in story.daemon.findings()} == {
        ("unexpected_open", "open")
    }


def test_a_service_that_stops_is_fixed_while_its_host_answers(story):
    story.cache.filter("tcp dport 6379 drop")
    finding = story.daemon.wait_for_finding(
        timeout=60, kind="unexpected_open", port=6379, state="resolved"
    )
    assert finding["resolution"] == "fixed"


def test_a_person_may_ask_at_once(story):
    """Scans that come once a day: what moves here, moves by the recheck alone."""
    def recheck():
        result = postern("findings", "recheck", story.redis()["id"], "--config", story.daemon.config_path)
        return result.returncode, result.stdout.strip(), result.stderr

    story.daemon.stop()
    config = story.daemon.config_path
    config.write_text(config.read_text().replace("every: 1s", "every: 24h").replace("every: 2s", "every: 24h"))
    story.daemon.start()
    assert recheck()[:2] == (1, "still open")

    story.cache.filter(BANS["drop"])
    status, words, _ = recheck()
    assert (status, words.split(" since ")[0]) == (
        2,
        "could not tell, because its address gives no sign of life, or changed as a whole,",
    )
    story.cache.filter("tcp dport 6379 reject with tcp reset")
    assert recheck()[:2] == (0, "fixed: closed (rst)")
    status, _, why = recheck()
    assert status == 1 and "has ended" in why

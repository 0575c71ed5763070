"""Findings in real Alertmanagers that come and go, with a daemon that comes and goes: in their own
view nothing is missed and nothing is there twice; and an alert that is refused."""

from collections import Counter

import pytest
from daemon import postern
from lab import wait_for
from servers import Alertmanager, Hook, start_nginx, start_redis

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
"""


@pytest.fixture
def make_hook(network):
    hooks = []

    def make(**settings):
        hooks.append(Hook(**settings))
        return hooks[-1]

    yield make
    for hook in hooks:
        hook.close()


@pytest.fixture
def web(lab):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    return web


def places(alertmanager):
    """(address, port) of the active alerts, one for each."""
    return sorted((a["labels"]["address"], a["labels"]["port"]) for a in alertmanager.alerts())


def notified(hook):
    """How often an Alertmanager told (status, address, port)."""
    return Counter(
        (alert["status"], alert["labels"]["address"], alert["labels"]["port"])
        for told in hook.taken()
        for alert in told["alerts"]
    )


def both(address, port):
    return Counter([("firing", address, port), ("resolved", address, port)])


def test_two_alertmanagers_of_which_one_is_away_for_a_while(lab, web, make_hook, make_daemon):
    hooks = [make_hook(port=8101), make_hook(port=8102)]
    steady = Alertmanager(lab, 9093, hooks[0])
    leaving = Alertmanager(lab, 9094, hooks[1])
    urls = f"['{steady.url}', '{leaving.url}']"
    daemon = make_daemon(
        policy=POLICY, receivers=[f"{{name: am, alertmanager: {{urls: {urls}}}}}"]
    ).start()
    redis = start_redis(web, addresses=[web.ipv4])
    first, second = (web.ipv4, "6379"), (web.ipv6, "6379")
    brief = [(web.ipv4, "80"), (web.ipv6, "80")]
    for alertmanager in (steady, leaving):
        wait_for("the first alert", lambda am=alertmanager: places(am) == [first])
    wait_for("both told of it", lambda: notified(hooks[0]) == notified(hooks[1]) != Counter())

    # It tells again of what it does not know to have arrived, and of the end of nothing else.
    wait_for("it knows that", lambda: leaving.notifications() == 1)

    # One ends, one comes, two come and go; and the daemon is killed and restarted among them.
    leaving.stop()
    redis.stop()
    wait_for("the first has ended", lambda: places(steady) == [])
    daemon.kill()
    daemon.start()
    redis = start_redis(web, addresses=[web.ipv6])
    wait_for("the second alert", lambda: places(steady) == [second])
    nginx = start_nginx(web, ports=[80])
    wait_for("the brief ones", lambda: places(steady) == sorted([second, *brief]))
    assert daemon.stop() == 0
    daemon.start()
    nginx.stop()
    wait_for("the brief ones have ended", lambda: places(steady) == [second])
    assert daemon.metric("postern_outbox_pending", receiver="am/127.0.0.1:9094") > 0

    leaving.start()
    wait_for("it has the present state", lambda: places(leaving) == [second], timeout=90)
    wait_for(
        "nothing waits",
        lambda: daemon.metric("postern_outbox_pending", receiver="am/127.0.0.1:9094") == 0,
    )
    daemon.kill()
    daemon.start()
    redis.stop()
    for alertmanager in (steady, leaving):
        wait_for("all have ended", lambda am=alertmanager: places(am) == [], timeout=30)

    # What came and went while it was away it does not notify of.
    for hook, expected in zip(hooks, ([first, second, *brief], [first, second])):
        wait_for(
            "each beginning and each end was told once",
            lambda h=hook, e=expected: notified(h) == sum((both(*p) for p in e), Counter()),
            timeout=30,
        )


def test_an_alert_that_is_refused_keeps_no_other_back(web, make_hook, make_daemon):
    gate = make_hook(judge=lambda body: 400 if '"port":"6379"' in body else 200)

    def arrived():
        return {a["labels"]["port"] for taken in gate.taken() for a in taken}

    daemon = make_daemon(policy=POLICY, receivers=["http://127.0.0.1:8099"]).start()
    start_redis(web, addresses=[web.ipv4])
    failures = {"receiver": "am-0", "reason": "refused"}
    metric = "postern_notification_failures_total"
    wait_for("it is refused", lambda: daemon.metric(metric, **failures) == 1)
    start_nginx(web, ports=[80])
    wait_for("another arrives", lambda: arrived() == {"80"})
    wait_for(
        "nothing waits",
        lambda: daemon.metric("postern_outbox_pending", receiver="am-0") == 0,
    )
    assert daemon.metric(metric, **failures) == 1
    assert daemon.process.log_text().count("a receiver refuses") == 1
    shown = postern("findings", "undelivered", "--config", daemon.config_path).stdout
    assert "am-0" in shown and "HTTP status 400" in shown
    assert [status for _, _, status in gate.requests].count(400) == 1, "it was not sent again"

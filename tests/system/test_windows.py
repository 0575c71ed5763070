"""Windows of change: scanning goes on, notifications wait, and at the end what is left is told."""

import json
import time

import pytest
from daemon import postern
from lab import wait_for
from mail_server import MailServer
from servers import Alertmanager, Hook, http_get, start_redis
from test_control import ask, status

POLICY = """
hosts:
  - {name: cache-1, addresses: [192.0.2.10], owner: storage}
  - {name: cache-2, addresses: [192.0.2.11], owner: storage}
"""

CONFIRM = "confirm: {open: {methods: 1}, gone: {runs: 1}, resolve_after: 1}\n"
PORTS = [1, 80, 443, 6379]
SCANS = f"""
  - {{name: top, stage: top, ports: "tcp/{",".join(map(str, PORTS))}", every: 1s}}
"""


@pytest.fixture
def caches(lab):
    return lab.target("cache-1", 10), lab.target("cache-2", 11)


@pytest.fixture
def hook(network):
    hook = Hook()
    yield hook
    hook.close()


@pytest.fixture
def mails(lab):
    server = MailServer(lab.folder)
    (lab.folder / "password").write_text(MailServer.PASSWORD + "\n")
    yield server
    server.stop()


HOOK = f"{{name: hook, webhook: {{url: '{Hook.url}'}}}}"


def quick(daemon):
    """One run opens and one ends."""
    daemon.config_path.write_text(daemon.config_path.read_text() + CONFIRM)
    return daemon


def told(hook):
    return [(event["type"], event["finding"]["host"]) for event in hook.taken()]


def held(daemon, receiver="hook"):
    return daemon.metric("postern_notifications_held", receiver=receiver)


def test_what_a_window_holds_is_told_at_its_end(lab, caches, hook, mails, make_daemon):
    alertmanager = Alertmanager(lab)
    mail = (
        f"{{name: mail, email: {{server: '{mails.url}', from: postern@example.com,"
        " to: [soc@example.com], username: postern, password_file: password}}"
    )
    daemon = make_daemon(
        policy=POLICY, scans=SCANS, receivers=[HOOK, mail, alertmanager.url]
    )
    daemon = quick(daemon)
    daemon.launch(env=mails.environment())
    wait_for("posternd is ready", daemon.ready)
    known = start_redis(caches[0])
    daemon.wait_for_finding(state="open", host="cache-1")
    wait_for("it is told", lambda: told(hook) == [("finding.opened", "cache-1")])
    wait_for("by mail too", lambda: len(mails.mails) == 1)
    wait_for("and fires", lambda: alertmanager.alerts(host="cache-1"))

    said = ask(
        daemon, "pause", "--owner", "storage", "--network", "192.0.2.0/28", "--for", "1h",
        "--reason", "rack move, CHG-7",
    )  # fmt: skip
    assert "notifications about owner storage; network 192.0.2.0/28 wait until" in said
    wait_for("the metric", lambda: daemon.metric("postern_change_windows_active") == 1)
    assert status(daemon)["windows"][0]["window"].endswith(": rack move, CHG-7")
    assert "paused" not in status(daemon), "scanning goes on"

    # One that was told ends; one comes and goes; two open and stay.
    known.stop()
    brief = start_redis(caches[1])
    daemon.wait_for_finding(state="resolved", host="cache-1", port=6379)
    brief_id = daemon.wait_for_finding(state="open", host="cache-2")["id"]
    wait_for("both are held", lambda: held(daemon) == 2)
    waits = daemon.findings(id=brief_id)[0]["held"]
    assert waits["window"].endswith(": rack move, CHG-7")
    assert "(held: pause by" in ask(daemon, "findings", "list")
    assert "rack move, CHG-7, since" in ask(daemon, "findings", "show", brief_id)
    api = json.loads(http_get(f"http://{daemon.address}/api/v1/findings/{brief_id}"))
    assert api["held"] == waits
    brief.stop()
    daemon.wait_for_finding(state="resolved", host="cache-2")
    others = [start_redis(caches[1], port=80), start_redis(caches[1], port=443)]
    for port in (80, 443):
        daemon.wait_for_finding(state="open", host="cache-2", port=port)
    wait_for("all are held", lambda: held(daemon) == 5)
    daemon.wait_for_runs("top", 1)
    assert len(told(hook)) == 1
    assert len(mails.mails) == 1
    assert [a["labels"]["host"] for a in alertmanager.alerts()] == ["cache-1"]
    assert daemon.metric("postern_outbox_pending") == 0, "what is held is not late"

    ask(daemon, "resume", "--network", "192.0.2.0/28", "--owner", "storage")
    wait_for("what is left is told", lambda: len(told(hook)) == 4)
    assert sorted(told(hook)[1:]) == [
        ("finding.opened", "cache-2"),
        ("finding.opened", "cache-2"),
        ("finding.resolved", "cache-1"),
    ]
    assert all(e["window"].endswith("CHG-7") for e in hook.taken()[1:])
    wait_for("by one mail", lambda: len(mails.mails) == 2)
    text = mails.mails[1][0].get_content()
    assert "2 opened, 1 resolved" in text and "rack move, CHG-7" in text
    wait_for("the new ones fire", lambda: len(alertmanager.alerts(host="cache-2")) == 2)
    wait_for("the old one ended", lambda: not alertmanager.alerts(host="cache-1"))
    daemon.wait_for_runs("top", 2)
    assert len(told(hook)) == 4 and len(mails.mails) == 2
    assert held(daemon) == 0
    assert daemon.metric("postern_change_windows_active") == 0
    for one in others:
        one.stop()


def test_a_window_outlasts_a_kill_and_ends_by_itself(caches, hook, make_daemon):
    daemon = quick(make_daemon(policy=POLICY, scans=SCANS, receivers=[HOOK])).start()
    daemon.wait_for_runs("top", 1)
    ask(daemon, "pause", "--host", "cache-1", "--for", "9s", "--reason", "kernel")
    end = time.monotonic() + 9
    start_redis(caches[0])
    start_redis(caches[1])
    daemon.wait_for_finding(state="open", host="cache-1")
    wait_for("another host is told of", lambda: told(hook) == [("finding.opened", "cache-2")])
    daemon.kill()
    daemon.start()
    if time.monotonic() < end - 2:
        assert told(hook) == [("finding.opened", "cache-2")]
    wait_for("the rest", lambda: told(hook)[-1] == ("finding.opened", "cache-1"), timeout=30)
    assert time.monotonic() > end - 1
    wait_for("no window is left", lambda: status(daemon)["windows"] == [])
    assert daemon.log_has("a window of change is over")


def test_a_window_of_the_policy_follows_a_reload(caches, hook, make_daemon):
    now = time.gmtime()
    day = time.strftime("%Y-%m-%d", now)
    windows = f"""
windows:
  - name: move
    hosts: [cache-1]
    when: "{day} 00:00-{day} 24:00"
    reason: CHG-7
"""
    daemon = quick(make_daemon(policy=POLICY + windows, scans=SCANS, receivers=[HOOK])).start()
    start_redis(caches[0])
    daemon.wait_for_finding(state="open", host="cache-1")
    wait_for("it is held", lambda: held(daemon) == 1)
    assert daemon.findings(host="cache-1")[0]["held"]["window"] == "window move: CHG-7"
    assert told(hook) == []
    daemon.write_policy(POLICY)
    daemon.reload()
    wait_for("it is told", lambda: told(hook) == [("finding.opened", "cache-1")])


def test_a_window_needs_something_to_be_about(make_daemon, caches):
    daemon = make_daemon(policy=POLICY, scans=SCANS).start()

    def refused(*command):
        result = postern(*command, "--config", daemon.config_path)
        assert result.returncode != 0
        return result.stderr

    why = ("--reason", "x")
    assert "no host 'cache-9'" in refused("pause", "--host", "cache-9", "--for", "1h", *why)
    assert "the owner 'nobody'" in refused("pause", "--owner", "nobody", "--for", "1h", *why)
    assert "host bits" in refused("pause", "--network", "192.0.2.1/24", "--for", "1h", *why)
    assert "for how long" in refused("pause", "--host", "cache-1", *why)
    assert "at most 30d" in refused("pause", "--host", "cache-1", "--for", "31d", *why)
    assert "say why" in refused("pause", "--host", "cache-1", "--for", "1h")
    assert "no window of change for host cache-1" in refused("resume", "--host", "cache-1")
    assert "--reason belongs to" in refused("pause", *why)
    assert status(daemon)["windows"] == []

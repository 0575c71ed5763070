"""What posternd writes: a line for each transition and each delivery, in both formats, with the
journal's priorities; and no secret anywhere, though the receivers answer with what they were sent."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from lab import wait_for
from servers import Hook, http_get, start_nginx, start_redis

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10]
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


def configure(daemon, log):
    with daemon.config_path.open("a") as file:
        file.write(f"log: {log}\n")


def journal_of(daemon):
    """The environment in which systemd would start it, with its log as the journal."""
    log = daemon.lab.folder / "posternd.log"
    log.touch()
    return {"JOURNAL_STREAM": f"{log.stat().st_dev}:{log.stat().st_ino}"}


def test_each_transition_and_each_delivery_is_a_line(web, make_hook, make_daemon):
    hook = make_hook()
    soc = f"{{name: soc, webhook: {{url: '{hook.url}'}}}}"
    daemon = make_daemon(policy=POLICY, receivers=[soc])
    configure(daemon, "{level: info, format: json}")
    daemon.launch(env=journal_of(daemon))
    wait_for("posternd is ready", daemon.ready)
    redis = start_redis(web, addresses=[web.ipv4])
    wait_for("opened", lambda: len(hook.taken()) == 1)
    redis.stop()
    wait_for("resolved", lambda: len(hook.taken()) == 2)
    assert daemon.stop() == 0

    lines = [re.match(r"<(\d)>(\{.*\})$", line) for line in daemon.process.log_text().splitlines()]
    assert all(lines), daemon.process.log_text()
    priorities = {"info": "6", "warning": "4", "error": "3"}
    told, delivered = [], []  # by threads of their own
    for priority, text in (line.groups() for line in lines):
        line = json.loads(text)
        assert priority == priorities[line["level"]]
        if line["msg"].startswith("finding "):
            told.append((line["msg"], line["id"]))
        if line["msg"] == "notification delivered":
            delivered.append((line["receiver"], line["news"], line["id"]))
    finding = hook.taken()[0]["finding"]["id"]
    assert told == [("finding opened", finding), ("finding resolved", finding)]
    assert delivered == [("soc", "opened", finding), ("soc", "resolved", finding)]


def test_what_keeps_it_from_starting_is_an_error_in_the_journal(web, make_daemon):
    daemon = make_daemon(policy=POLICY.replace("expect:", "expct:"))
    process = daemon.launch(env=journal_of(daemon))
    assert process.wait() == 2
    priorities = {line[:3] for line in process.log_text().splitlines()}
    assert priorities == {"<3>"}
    assert daemon.log_has("unknown key 'expct'", 'msg="posternd cannot run"')


def test_another_programs_journal_is_not_taken_for_its_own(web, make_daemon):
    daemon = make_daemon(policy=POLICY)
    daemon.launch(env={"JOURNAL_STREAM": "9:123456"})
    wait_for("posternd is ready", daemon.ready)
    assert daemon.process.log_text().startswith("time=")


def everything_said(daemon):
    """{where: text} of all that the daemon and its files show to others."""
    with closing(sqlite3.connect(daemon.config_path.parent / "postern.db")) as database:
        stored = "\n".join(database.iterdump())
    return {
        "log": daemon.process.log_text(),
        "metrics": http_get(f"http://{daemon.address}/metrics"),
        "database": stored,
        "command line": Path(f"/proc/{daemon.process.pid}/cmdline").read_text(),
        "environment": Path(f"/proc/{daemon.process.pid}/environ").read_text(),
    }


def test_no_secret_is_shown(lab, web, make_hook, make_daemon):
    secrets = {"failing": "tr0ub4dor-and-3", "refusing": "whsec_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"}
    # As if the receivers had the secrets too, and told them with the request.
    failing = make_hook(port=8101, judge=lambda body: 500, echo=secrets["failing"])
    refusing = make_hook(port=8102, judge=lambda body: 422, echo=secrets["refusing"])
    receivers = []
    for name, hook in (("failing", failing), ("refusing", refusing)):
        (lab.folder / name).write_text(secrets[name] + "\n")
        receivers.append(f"{{name: {name}, webhook: {{url: '{hook.url}', secret_file: {name}}}}}")
    # The tracker answers to its first request, which is a list.
    secrets["tickets"] = "ghp_c0rrectH0rseBatteryStaple"
    tracker = make_hook(port=8103, judge=lambda body: 500, echo=secrets["tickets"])
    (lab.folder / "tickets").write_text(secrets["tickets"] + "\n")
    receivers.append(
        f"{{name: tickets, ticket: {{system: github, url: '{tracker.url}', token_file: tickets,"
        " repository: sec/exposure}}"
    )
    daemon = make_daemon(policy=POLICY, receivers=receivers)
    configure(daemon, "{level: debug}")
    daemon.start()
    start_redis(web, addresses=[web.ipv4])
    wait_for(
        "two fail, one is a dead letter",
        lambda: len(failing.requests) > 1
        and len(tracker.requests) > 1
        and daemon.metric("postern_outbox_dead_letters", receiver="refusing") == 1,
    )
    daemon.reload()
    wait_for("reloaded", lambda: daemon.log_has("msg=reloaded"))
    said = everything_said(daemon)
    for name, secret in secrets.items():
        assert [where for where, text in said.items() if secret in text] == [], name
    assert f"Bearer {secrets['tickets']}" in {r[0]["Authorization"] for r in tracker.requests}
    # The answers themselves are shown.
    assert "HTTP status 500: [secret] Host:" in said["log"]
    assert "HTTP status 422: [secret] Host:" in said["log"]
    assert "HTTP status 422: [secret]" in said["database"]

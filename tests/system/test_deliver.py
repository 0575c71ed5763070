"""posternd is killed at random moments while findings open and end, again and again: each transition
reaches each receiver, under one key each time, and a finding has one ticket. scripts/deliver.sh runs
500 rounds."""

import calendar
import json
import math
import os
import random
import re
import sqlite3
import time
from contextlib import closing

from lab import wait_for
from mail_server import MailServer
from servers import Alertmanager, Hook, LocalPorts
from trackers import Github

ROUNDS = int(os.environ.get("POSTERN_DELIVER_ROUNDS", "10"))
PORTS = range(7001, 7021)

HEAD = """
version: 1
scope: {authorized_by: "the system tests", include: [127.0.0.1]}
viewpoints:
  lab: {description: "this machine"}
"""

POLICY = """
hosts:
  - name: here
    addresses: [127.0.0.1]
    owner: nobody
    expect:
      - {ports: "tcp/7000", state: open}
"""

SCANS = f"""
  - {{name: top, stage: top, ports: "tcp/7000-{PORTS[-1]}", every: 1s}}
"""

CONFIRM = "confirm: {open: {methods: 1}, gone: {runs: 1}, resolve_after: 1}\n"


def transitions(folder):
    """All that ever happened as (finding, episode, kind, at); what of it was queued for each
    receiver; and how many wait."""
    with closing(sqlite3.connect(f"file:{folder / 'postern.db'}?mode=ro", uri=True)) as database:
        happened = set(database.execute("SELECT finding, episode, kind, at FROM outbox"))
        queued = {
            receiver: set(database.execute(
                "SELECT finding, episode, kind, at FROM outbox WHERE receiver = ?", [receiver]
            ))
            for (receiver,) in database.execute("SELECT DISTINCT receiver FROM outbox").fetchall()
        }
        (waiting,) = database.execute(
            "SELECT count(*) FROM outbox WHERE delivered IS NULL"
        ).fetchone()
    return happened, queued, waiting


def seen_later(transition, arrived):
    """Whether it arrived, if perhaps when the finding was in a later episode already."""
    finding, _, kind, at = transition
    return any((f, k, t) == (finding, kind, at) for f, _, k, t in arrived)


def millis(text):
    """Of a time as notifications have it."""
    whole, fraction = text.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 1000 + int(fraction)


def told(hook):
    """{transition: keys that it came under}, of what the webhook took."""
    told = {}
    for headers, body, status in hook.requests:
        if status != 200:
            continue
        event = json.loads(body)
        finding, _, episode = event["finding"]["id"].partition("-")
        kind = event["type"].removeprefix("finding.")
        # The finding is as it stands now; of an earlier episode only the key tells.
        place = (finding, int(episode or 1), kind, millis(event["timestamp"]))
        told.setdefault(place, set()).add(headers["Idempotency-Key"])
    return told


def alerts_told(gate):
    """{finding: its beginnings}, {finding: its last end}, of what the gate took."""
    fired, ended = {}, {}
    for alerts in gate.taken():
        for alert in alerts:
            finding = alert["annotations"]["finding"].partition("-")[0]
            fired.setdefault(finding, set()).add(alert["startsAt"])
            ended[finding] = alert["endsAt"]
    return fired, ended


def tickets_told(github):
    """{finding: whether its ticket is open}, and the tickets that sum up what would be more than
    twenty within an hour; no finding has two."""
    told, sums = {}, []
    for issue in github.issues:
        of, name = re.search(r"^postern-(finding|sum)-(\w+)-\d+$", issue.body, re.MULTILINE).groups()
        if of == "sum":
            sums.append(issue)
            continue
        assert name not in told
        told[name] = issue.is_open
    assert len(sums) <= 1 and len(told) <= 20
    return told, sums


def let_it_live(chance, deliveries):
    """Until some moment: any, or one while something is being delivered."""
    until = time.monotonic() + chance.uniform(0.05, 2)
    if chance.random() < 0.5:
        before = deliveries()
        until += 1
        while time.monotonic() < until:
            if deliveries() > before:
                until = time.monotonic() + chance.uniform(0, 0.2)
                before = math.inf
            time.sleep(0.002)
    # Not a synchronisation: the moment is to be any.
    time.sleep(max(0, until - time.monotonic()))


def test_a_daemon_killed_while_findings_open_and_end(lab, make_daemon):
    chance = random.Random(5)
    services = LocalPorts()
    services.toggle(7000)
    # A slow answer makes room for a kill between it and its acknowledgement.
    hook = Hook(judge=lambda body: time.sleep(0.05) or 200)
    gate = Hook(port=8097, judge=lambda body: time.sleep(0.05) or 200)
    github = Github(delay=0.05)
    (lab.folder / "token").write_text("hub-token\n")
    (lab.folder / "password").write_text(MailServer.PASSWORD + "\n")
    post = MailServer(lab.folder)
    real = Alertmanager(lab)
    daemon = make_daemon(
        policy=POLICY,
        head=HEAD,
        scans=SCANS,
        receivers=[
            real.url,
            gate.url.removesuffix("/hook"),
            f"{{name: soc, webhook: {{url: '{hook.url}'}}}}",
            f"{{name: hub, ticket: {{system: github, url: '{github.url}', token_file: token,"
            " repository: sec/exposure}}",
            f"{{name: mail, email: {{server: '{post.url}', from: postern@example.com,"
            " to: [soc@example.com], username: postern, password_file: password}}",
        ],
    )
    with daemon.config_path.open("a") as file:
        file.write(CONFIRM)
    kills = 0
    try:
        for _ in range(ROUNDS):
            daemon.launch(env=post.environment())
            for port in chance.sample(PORTS, 3):
                services.toggle(port)
            let_it_live(
                chance,
                lambda: len(hook.requests)
                + len(gate.requests)
                + github.writes
                + len(post.mails),
            )
            daemon.process.must_run()
            daemon.kill()
            kills += 1
        daemon.launch(env=post.environment())
        wait_for("posternd is ready", daemon.ready)
        wait_for("a last look", lambda: daemon.runs("top") >= 3, timeout=30)
        # A ticket of which nobody knows whether it was made is looked for 90 s later.
        wait_for("all is delivered", lambda: transitions(lab.folder)[2] == 0, timeout=300)
        daemon.stop()
        happened, queued, _ = transitions(lab.folder)
        assert {name: rows == happened for name, rows in queued.items()} == {
            "am-0": True, "am-1": True, "soc": True, "hub": True, "mail": True,
        }
        arrived = told(hook)
        assert [t for t in happened if not seen_later(t, arrived)] == [], "each arrived"
        keys = arrived.values()
        assert len(set().union(*keys)) == len(happened), "a key for each transition, and no other"
        mails = [mail["Message-ID"] for mail, _ in post.mails]
        assert len(set(mails)) == len(happened), "a mail for each transition, and no other"
        requests = [status for _, _, status in hook.requests].count(200)

        fired, ended = alerts_told(gate)
        findings = {f["id"].partition("-")[0]: f for f in daemon.findings()}
        for finding, now in findings.items():
            if now["state"] == "resolved":
                assert ended[finding] == now["resolved"]
            else:
                assert now["opened"] in fired[finding] and ended[finding] > now["last_seen"]
        assert {f["port"] for f in findings.values() if f["state"] == "open"} == (
            set(services.open) - {7000}
        )
        tickets, sums = tickets_told(github)
        still_open = {f for f, now in findings.items() if now["state"] == "open"}
        with_ticket = {finding for finding, is_open in tickets.items() if is_open}
        assert with_ticket <= still_open
        summed_up = "".join("".join([one.body, *one.comments]) for one in sums if one.is_open)
        assert [finding for finding in still_open - with_ticket if finding not in summed_up] == []
        wait_for(
            "the real Alertmanager has what is open, once each",
            lambda: sorted(int(a["labels"]["port"]) for a in real.alerts())
            == sorted(set(services.open) - {7000}),
        )
        print(
            f"{kills} kills, {len(happened)} transitions of {len(findings)} findings; "
            f"the webhook took {requests} requests with {len(happened)} keys; "
            f"{len(mails)} mails with {len(set(mails))} Message-IDs; "
            f"{len(tickets)} tickets and {len(sums)} that sums up, {github.writes} requests that write"
        )
    finally:
        hook.close()
        gate.close()
        github.close()
        post.stop()
        services.close()

"""What people do to a running daemon: acknowledge, pause, resume, and ask what it does."""

import json
import socket
import time

import pytest
from daemon import postern
from lab import wait_for
from servers import Alertmanager, start_redis

POLICY = """
hosts:
  - name: cache-1
    addresses: [192.0.2.10]
    owner: storage
    expect:
      - {ports: "tcp/22", state: allowed}
"""


@pytest.fixture
def cache(lab):
    return lab.target("cache-1", 10)


def ask(daemon, *command):
    """A command that must succeed."""
    result = postern(*command, "--config", daemon.config_path)
    assert result.returncode == 0, result.stderr
    return result.stdout


def status(daemon):
    return json.loads(ask(daemon, "status", "--format", "json"))


def test_an_acknowledgement_ends_the_notifications(lab, cache, make_daemon):
    alertmanager = Alertmanager(lab)
    start_redis(cache)
    daemon = make_daemon(policy=POLICY, receivers=[alertmanager.url]).start()
    finding = daemon.wait_for_finding(state="open", port=6379)
    wait_for("the alert", lambda: alertmanager.alerts(port="6379"))

    ask(daemon, "findings", "ack", finding["id"], "--comment", "moves behind the VPN")
    wait_for("the alert ends", lambda: not alertmanager.alerts())
    daemon.wait_for_runs("expected", 2)
    acknowledged = daemon.findings(port=6379)[0]
    assert acknowledged["state"] == "acknowledged"
    assert acknowledged["acknowledged"]["comment"] == "moves behind the VPN"
    assert acknowledged["acknowledged"]["by"]
    assert daemon.metric("postern_findings", state="acknowledged") == 1

    # It outlasts a restart, and can be taken back.
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.findings(port=6379)[0]["state"] == "acknowledged"
    ask(daemon, "findings", "reopen", finding["id"])
    wait_for("the alert is back", lambda: alertmanager.alerts(port="6379"))

    refused = postern(
        *("findings", "ack", finding["id"], "--comment", "x", "--until", "2020-01-01"),
        *("--config", daemon.config_path),
    )
    assert refused.returncode == 1
    assert "name a date that is to come" in refused.stderr


def test_a_pause_stops_all_packets_and_outlasts_a_restart(cache, make_daemon):
    daemon = make_daemon(policy=POLICY).start()
    daemon.wait_for_runs("expected", 1)
    assert "paused since" in ask(daemon, "pause")
    wait_for("the metric says so", lambda: daemon.metric("postern_paused") == 1)
    assert status(daemon)["paused"]["by"]
    wait_for("the log too", lambda: daemon.log_has("probing is paused", "until=resumed"))

    start_redis(cache)
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.metric("postern_paused") == 1
    assert daemon.metric("postern_probing_since_timestamp_seconds") == 0
    # Two scans are due every second; that they are not made takes a while to see.
    cache.filter("meta l4proto tcp counter name hits")
    end = time.monotonic() + 3
    wait_for("three seconds pass", lambda: time.monotonic() > end)
    assert cache.hits() == 0
    assert daemon.findings() == []

    ask(daemon, "resume")
    wait_for("the log says so", lambda: daemon.log_has("probing is resumed"))
    daemon.wait_for_finding(state="open", port=6379)
    assert daemon.metric("postern_paused") == 0
    assert daemon.metric("postern_probing_since_timestamp_seconds") > 0
    assert "paused" not in status(daemon)


def say(daemon, line):
    """The answer to a line of a client that may not be `postern`."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(daemon.config_path.parent / "postern.sock"))
        client.sendall(line.encode() + b"\n")
        return json.loads(client.makefile().read())


def test_a_request_that_says_something_else_than_it_means_is_refused(cache, make_daemon):
    daemon = make_daemon(policy=POLICY).start()
    for request, why in (
        ('{"command":"pause","for":5}', "'for' must be a text"),
        ('{"command":"pause","for":"5"}', "is no duration"),
        ('{"command":"pause","for":null}', "'for' must be a text"),
        ('{"command":"redeliver","receiver":5}', "'receiver' must be a text"),
        ('{"command":"ack","id":"x","comment":"y","until":5}', "'until' must be a text"),
        (json.dumps({"command": "ack", "id": "x", "comment": "y" * 1001}), "more than 1000 bytes"),
        ("[" * 60000, "no JSON object"),
    ):
        answer = say(daemon, request)
        assert answer["ok"] is False and why in answer["error"], request
    assert "paused" not in say(daemon, '{"command":"status"}')


def test_a_pause_ends_by_itself(cache, make_daemon):
    start_redis(cache)
    daemon = make_daemon(policy=POLICY).start()
    daemon.wait_for_runs("expected", 1)
    assert ", until 2" in ask(daemon, "pause", "--for", "5s")
    assert daemon.metric("postern_paused") == 1
    assert daemon.metric("postern_probing_since_timestamp_seconds") == 0
    wait_for("it is over", lambda: daemon.metric("postern_paused") == 0)
    daemon.wait_for_runs("expected", 1)

    # Nor does it come back with the next start.
    assert daemon.stop() == 0
    daemon.start()
    daemon.wait_for_runs("expected", 1)
    assert daemon.metric("postern_paused") == 0
    assert daemon.metric("postern_probing_since_timestamp_seconds") > 0


def test_status_tells_what_the_daemon_does(cache, make_daemon):
    daemon = make_daemon(policy=POLICY).start()
    daemon.wait_for_runs("expected", 1)
    said = status(daemon)
    assert said["viewpoint"] == "lab"
    assert [scan["name"] for scan in said["scans"]] == ["expected", "top"]
    assert said["scans"][0]["last_success"]
    assert "expected" in ask(daemon, "status")


def test_commands_say_what_to_do_when_no_daemon_answers(lab, make_daemon):
    daemon = make_daemon(policy=POLICY)
    result = postern("pause", "--config", daemon.config_path)
    assert result.returncode == 2
    assert "is posternd running, with this configuration?" in result.stderr

"""Findings at a webhook: what arrives, how it is signed, and what happens when it is not taken."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import jsonschema
import pytest
from daemon import postern
from lab import wait_for
from servers import Hook, start_nginx, start_redis

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/webhook.schema.json").read_text())

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8:10::10"]
    owner: web-platform
    labels: {team: core}
    expect:
      - {ports: "tcp/443", state: open}
"""


@pytest.fixture
def hook(network):
    hook = Hook()
    yield hook
    hook.close()


@pytest.fixture
def web(lab):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    return web


def soc(lab):
    (lab.folder / "secret").write_text("correct horse\n")
    return f"{{name: soc, webhook: {{url: '{Hook.url}', secret_file: secret}}}}"


def told(hook):
    """What the hook took: (type, port, address)."""
    return [
        (event["type"], event["finding"]["port"], event["finding"]["address"])
        for event in hook.taken()
    ]


def opened(address):
    return ("finding.opened", 6379, address)


def signature(headers, body):
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}"
    digest = hmac.new(b"correct horse", signed.encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def test_each_transition_arrives_signed_and_in_order(lab, web, hook, make_daemon):
    daemon = make_daemon(policy=POLICY, receivers=[soc(lab)]).start()
    hook.answers = [503, 503]  # what is not taken comes again
    redis = start_redis(web, addresses=[web.ipv4])
    wait_for("opened", lambda: told(hook) == [opened(web.ipv4)], timeout=30)
    redis.stop()
    wait_for("resolved", lambda: len(told(hook)) == 2, timeout=30)
    assert told(hook)[1] == ("finding.resolved", 6379, web.ipv4)

    tries = [json.loads(body)["id"] for _, body, _ in hook.requests[:3]]
    assert tries == tries[:1] * 3
    for headers, body, _ in hook.requests:
        jsonschema.validate(json.loads(body), SCHEMA)
        assert headers["webhook-signature"] == signature(headers, body)
        assert headers["Idempotency-Key"] == json.loads(body)["id"]
    assert daemon.metric("postern_notification_failures_total", receiver="soc", reason="http_5xx") == 2


def test_what_it_refuses_is_a_dead_letter_that_can_be_sent_again(lab, web, hook, make_daemon):
    daemon = make_daemon(policy=POLICY, receivers=[soc(lab)]).start()
    hook.answers = [422]
    start_redis(web, addresses=[web.ipv4])
    wait_for(
        "a dead letter",
        lambda: daemon.metric("postern_outbox_dead_letters", receiver="soc") == 1,
        timeout=30,
    )
    start_redis(web, addresses=[web.ipv6])
    wait_for("the next is taken", lambda: opened(web.ipv6) in told(hook), timeout=30)
    assert opened(web.ipv4) not in told(hook)

    arguments = ["--config", daemon.config_path]
    shown = postern("findings", "undelivered", *arguments).stdout
    assert "soc" in shown and "HTTP status 422" in shown
    typo = postern("findings", "redeliver", "sock", *arguments)
    assert typo.returncode == 2
    assert typo.stderr == "postern: there is no receiver 'sock'; the configuration has: soc\n"
    again = postern("findings", "redeliver", *arguments)
    assert again.stdout == "1 to be delivered once more\n", again.stderr
    wait_for("it is taken now", lambda: opened(web.ipv4) in told(hook), timeout=30)
    wait_for(
        "no dead letter",
        lambda: daemon.metric("postern_outbox_dead_letters", receiver="soc") == 0,
        timeout=30,
    )

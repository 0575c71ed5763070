"""Tickets at a stand-in of GitHub: one for a finding's life, whatever happens on the way."""

import pytest
from lab import wait_for
from servers import GithubIssues, start_nginx, start_redis

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10]
    owner: web-platform
    expect:
      - {ports: "tcp/443", state: open}
"""


@pytest.fixture
def github(network):
    github = GithubIssues()
    yield github
    github.close()


@pytest.fixture
def web(lab):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    return web


def receiver(lab):
    (lab.folder / "token").write_text("hub-token\n")
    return (
        f"{{name: hub, ticket: {{system: github, url: '{GithubIssues.url}', token_file: token,"
        " repository: sec/exposure,"
        " owners: {web-platform: {repository: web/exposure, assignee: wanda}}}}"
    )


def test_a_ticket_follows_its_finding(lab, web, github, make_daemon):
    daemon = make_daemon(policy=POLICY, receivers=[receiver(lab)]).start()
    github.next_creates = [429]  # nothing was made: tried again soon
    redis = start_redis(web, addresses=[web.ipv4])
    finding = daemon.wait_for_finding(state="open", port=6379)
    wait_for("a ticket", lambda: len(github.issues) == 1, timeout=30)
    (issue,) = github.issues
    assert issue["repository"] == "web/exposure"
    assert issue["title"].startswith("[critical] tcp/6379 is open on web-1 (192.0.2.10)")
    assert issue["assignees"] == ["wanda"]
    assert f"postern-finding-{finding['id']}-1\n" in issue["body"]
    assert github.tokens == {"Bearer hub-token"}

    redis.stop()
    wait_for("closed", lambda: issue["state"] == "closed", timeout=30)
    start_redis(web, addresses=[web.ipv4])
    wait_for("open again", lambda: issue["state"] == "open", timeout=30)
    assert [text.splitlines()[0] for text in issue["comments"]] == [
        "Fixed: fresh observations agree with the policy.",
        "It is back.",
    ]
    assert len(github.issues) == 1
    assert "hub-token" not in daemon.process.log_text()

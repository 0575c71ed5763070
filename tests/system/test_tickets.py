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


def receiver(lab, keys=""):
    (lab.folder / "token").write_text("hub-token\n")
    return (
        f"{{name: hub, ticket: {{system: github, url: '{GithubIssues.url}', token_file: token,"
        " repository: sec/exposure,"
        " owners: {web-platform: {repository: web/exposure, assignee: wanda}}"
        f"{keys}}}}}"
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


def test_a_hosts_findings_share_a_ticket_in_the_operators_words(lab, web, github, make_daemon):
    keys = ", per: host, title: '${host}!', body: 'For ${owner}: ${findings}'"
    daemon = make_daemon(
        policy=POLICY,
        receivers=[receiver(lab, keys)],
        scans="\n  - {name: top, stage: top, ports: 'tcp/443,6379,6380', every: 1s}",
    ).start()
    first = start_redis(web, addresses=[web.ipv4])
    one = daemon.wait_for_finding(state="open", port=6379)
    wait_for("a ticket", lambda: len(github.issues) == 1, timeout=30)
    (issue,) = github.issues
    assert (issue["title"], issue["repository"]) == ("web-1!", "web/exposure")
    assert issue["body"].startswith(f"For `web-platform`: \n\n```\n{one['id']}  [critical] tcp/6379")

    second = start_redis(web, port=6380, addresses=[web.ipv4])
    daemon.wait_for_finding(state="open", port=6380)
    wait_for("a comment", lambda: len(issue["comments"]) == 1, timeout=30)
    first.stop()
    wait_for("another", lambda: len(issue["comments"]) == 2, timeout=30)
    assert f"{one['id']}  resolved: fixed, closed (rst)" in issue["comments"][1]
    assert issue["state"] == "open"
    second.stop()
    wait_for("closed", lambda: issue["state"] == "closed", timeout=30)
    assert len(github.issues) == 1

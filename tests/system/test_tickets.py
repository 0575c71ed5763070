"""Tickets at a stand-in of GitHub: one for a finding's life, whatever happens on the way."""

import pytest
from lab import wait_for
from servers import start_nginx, start_redis
from trackers import Github

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
    github = Github()
    yield github
    github.close()


@pytest.fixture
def web(lab):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    return web


def receiver(lab, tracker=Github, keys="", url=None):
    """The receiver `hub`; `url`: where the tracker is, if not where it stands."""
    (lab.folder / "token").write_text("hub:token\n")
    settings = tracker.receiver("token").replace(tracker.url, url or tracker.url)
    return f"{{name: hub, ticket: {{{settings}{keys}}}}}"


def test_a_ticket_follows_its_finding(lab, web, github, make_daemon):
    daemon = make_daemon(policy=POLICY, receivers=[receiver(lab)]).start()
    github.next_creates = [401]  # nothing was made: tried again soon
    redis = start_redis(web, addresses=[web.ipv4])
    finding = daemon.wait_for_finding(state="open", port=6379)
    wait_for("a ticket", lambda: len(github.issues) == 1, timeout=30)
    (issue,) = github.issues
    assert issue.place == "web/exposure"
    assert issue.title.startswith("[critical] tcp/6379 is open on web-1 (192.0.2.10)")
    assert issue.assignee == "wanda"
    assert f"postern-finding-{finding['id']}-1\n" in issue.body
    assert github.secrets == {"Bearer hub:token"}

    redis.stop()
    wait_for("closed", lambda: not issue.is_open, timeout=30)
    start_redis(web, addresses=[web.ipv4])
    wait_for("open again", lambda: issue.is_open and len(issue.comments) == 2, timeout=30)
    assert [text.splitlines()[0] for text in issue.comments] == [
        "Fixed: fresh observations agree with the policy.",
        "It is back.",
    ]
    assert len(github.issues) == 1
    assert "hub:token" not in daemon.process.log_text()


def test_a_hosts_findings_share_a_ticket_in_the_operators_words(lab, web, github, make_daemon):
    keys = ", per: host, title: '${host}!', body: 'For ${owner}: ${findings}'"
    daemon = make_daemon(
        policy=POLICY,
        receivers=[receiver(lab, keys=keys)],
        scans="\n  - {name: top, stage: top, ports: 'tcp/443,6379,6380', every: 1s}",
    ).start()
    first = start_redis(web, addresses=[web.ipv4])
    one = daemon.wait_for_finding(state="open", port=6379)
    wait_for("a ticket", lambda: len(github.issues) == 1, timeout=30)
    (issue,) = github.issues
    assert (issue.title, issue.place) == ("web-1!", "web/exposure")
    assert issue.body.startswith(f"For `web-platform`: \n\n```\n{one['id']}  [critical] tcp/6379")

    second = start_redis(web, port=6380, addresses=[web.ipv4])
    daemon.wait_for_finding(state="open", port=6380)
    wait_for("a comment", lambda: len(issue.comments) == 1, timeout=30)
    first.stop()
    wait_for("another", lambda: len(issue.comments) == 2, timeout=30)
    assert f"{one['id']}  resolved: fixed, closed (rst)" in issue.comments[1]
    assert issue.is_open
    second.stop()
    wait_for("closed", lambda: not issue.is_open, timeout=30)
    assert len(github.issues) == 1

"""Tickets at a real Redmine. Run by scripts/test-tickets.sh: it takes minutes, and Redmine's 140
packages."""

import pytest
from faulty_proxy import FaultyProxy, cut, failed, garbled, limited, slow, then
from lab import wait_for
from redmine import Redmine
from servers import start_nginx, start_redis

POLICY = """
hosts:
  - name: web-1
    addresses: [192.0.2.10]
    owner: data
    expect:
      - {ports: "tcp/443", state: open}
"""
CLOSED, REJECTED = 5, 6  # of Redmine's default statuses


@pytest.fixture(params=["textile", "common_mark"])
def redmine(lab, request):
    return Redmine(lab, request.param)


@pytest.fixture
def plain_redmine(lab):
    return Redmine(lab)


@pytest.fixture
def web(lab):
    web = lab.target("web-1", 10)
    start_nginx(web, ports=[443])
    return web


def receiver(lab, redmine, url=None):
    (lab.folder / "key").write_text(redmine.key + "\n")
    return (
        f"{{name: red, ticket: {{system: redmine, url: '{url or redmine.url}', token_file: key,"
        " project: exposure,"
        f" owners: {{data: {{project: data-platform, component: caches, assignee: '{redmine.dora}'}}}}}}}}"
    )


def test_a_ticket_follows_its_finding(lab, web, redmine, make_daemon):
    daemon = make_daemon(policy=POLICY, receivers=[receiver(lab, redmine)]).start()
    redis = start_redis(web, addresses=[web.ipv4])
    finding = daemon.wait_for_finding(state="open", port=6379)
    (issue,) = wait_for("a ticket", redmine.issues, timeout=30)
    assert issue["project"]["name"] == "data-platform"
    assert issue["assigned_to"]["id"] == redmine.dora
    assert issue["category"]["name"] == "caches"
    assert issue["subject"].startswith("[critical] tcp/6379 is open on web-1 (192.0.2.10)")
    assert issue["description"].splitlines()[-1] == f"postern-finding-{finding['id']}-1"
    page = redmine.page(issue["id"])
    block = page[page.index("<pre>") : page.index("</pre>")]
    assert "host          web-1\n" in block.replace("\r", "")
    assert "&lt;pre" not in page

    number = issue["id"]
    redis.stop()
    wait_for("closed", lambda: not redmine.is_open(number), timeout=30)
    redis = start_redis(web, addresses=[web.ipv4])
    wait_for("open again", lambda: redmine.is_open(number), timeout=30)
    # It is opened before it is commented.
    comments = wait_for("both comments", lambda: len(said := redmine.comments(number)) > 1 and said)
    assert [text.splitlines()[0] for text in comments] == [
        "Fixed: fresh observations agree with the policy.",
        "It is back.",
    ]

    redmine.set_status(number, REJECTED)
    redis.stop()
    daemon.wait_for_finding(state="resolved", port=6379)
    wait_for("all is told", lambda: daemon.metric("postern_outbox_pending", receiver="red") == 0)
    assert len(redmine.comments(number)) == 2, "a person's word is the last"
    assert len(redmine.issues()) == 1
    assert redmine.key not in daemon.process.log_text()


def test_killed_between_request_and_acknowledgement_it_makes_no_second_ticket(
    lab, web, plain_redmine, make_daemon
):
    redmine = plain_redmine
    proxy = FaultyProxy(redmine.url)
    daemon = make_daemon(policy=POLICY, receivers=[receiver(lab, redmine, proxy.url)]).start()
    proxy.faults = [then(daemon.kill)]
    redis = start_redis(web, addresses=[web.ipv4])
    wait_for("it is dead", lambda: not daemon.process.running(), timeout=30)
    (issue,) = redmine.issues()
    daemon.start()
    wait_for(
        "the row is taken",
        lambda: daemon.metric("postern_outbox_pending", receiver="red") == 0,
        timeout=150,
    )
    redis.stop()
    wait_for("closed", lambda: not redmine.is_open(issue["id"]), timeout=30)
    assert len(redmine.issues()) == 1
    assert proxy.requests.count(("POST", "/issues.json")) == 1
    proxy.close()


def test_whatever_happens_on_the_way_each_finding_has_one_ticket(
    lab, web, plain_redmine, make_daemon
):
    redmine = plain_redmine
    proxy = FaultyProxy(redmine.url)
    ports = [22, 80, 6379, 8080, 8081]
    daemon = make_daemon(
        policy=POLICY,
        receivers=[receiver(lab, redmine, proxy.url)],
        scans=f"\n  - {{name: top, stage: top, ports: 'tcp/443,{','.join(map(str, ports))}', every: 1s}}",
    ).start()
    proxy.faults = [limited, failed, cut, garbled, slow]
    servers = [start_redis(web, port=port, addresses=[web.ipv4]) for port in ports]
    for port in ports:
        daemon.wait_for_finding(state="open", port=port)
    wait_for(
        "all is told",
        lambda: not proxy.faults and daemon.metric("postern_outbox_pending", receiver="red") == 0,
        timeout=300,
    )
    assert len(redmine.issues()) == len(ports)
    for server in servers:
        server.stop()
    wait_for(
        "all are closed",
        lambda: all(issue["status"]["is_closed"] for issue in redmine.issues()),
        timeout=60,
    )
    assert len(redmine.issues()) == len(ports)
    proxy.close()

"""Tickets whose making nobody heard of: looked for 90 s later, and never made twice. Run by
scripts/test-tickets.sh."""

import pytest
from faulty_proxy import FaultyProxy, cut, failed, garbled, limited, slow
from lab import wait_for
from servers import start_redis
from test_tickets import POLICY, github, receiver, web  # noqa: F401
from trackers import Github, Gitlab, Jira


@pytest.fixture(params=[Github, Gitlab, Jira])
def tracker(network, request):
    tracker = request.param()
    yield tracker
    tracker.close()


@pytest.fixture
def proxy(tracker):
    proxy = FaultyProxy(tracker.url)
    yield proxy
    proxy.close()


def test_a_failure_of_the_tracker_that_may_have_made_it(lab, web, github, make_daemon):  # noqa: F811
    daemon = make_daemon(policy=POLICY, receivers=[receiver(lab)]).start()
    github.next_creates = [502]
    start_redis(web, addresses=[web.ipv4])
    wait_for("a ticket", lambda: len(github.issues) == 1, timeout=120)
    assert github.creates == 2
    assert daemon.metric("postern_notification_failures_total", receiver="hub", reason="http_5xx") == 1


def test_killed_between_request_and_acknowledgement_it_makes_no_second_ticket(
    lab, web, github, make_daemon  # noqa: F811
):
    daemon = make_daemon(policy=POLICY, receivers=[receiver(lab)]).start()
    github.next_creates = [daemon.kill]
    redis = start_redis(web, addresses=[web.ipv4])
    wait_for("it is dead", lambda: not daemon.process.running(), timeout=30)
    assert len(github.issues) == 1
    daemon.start()
    wait_for(
        "the row is taken",
        lambda: daemon.metric("postern_outbox_pending", receiver="hub") == 0,
        timeout=120,
    )
    redis.stop()
    wait_for("closed", lambda: not github.issues[0].is_open, timeout=30)
    assert github.creates == 1


def test_whatever_happens_on_the_way_each_finding_has_one_ticket(
    lab, web, tracker, proxy, make_daemon  # noqa: F811
):
    ports = [22, 80, 6379, 8080, 8081]
    scanned = ",".join(map(str, ports))
    daemon = make_daemon(
        policy=POLICY,
        receivers=[receiver(lab, tracker, url=proxy.url)],
        scans=f"\n  - {{name: top, stage: top, ports: 'tcp/443,{scanned}', every: 1s}}",
    ).start()
    proxy.faults = [limited, failed, cut, garbled, slow]
    servers = [start_redis(web, port=port, addresses=[web.ipv4]) for port in ports]
    for port in ports:
        daemon.wait_for_finding(state="open", port=port)

    def all_is_told():
        return daemon.metric("postern_outbox_pending", receiver="hub") == 0

    wait_for("all is told", lambda: not proxy.faults and all_is_told(), timeout=300)
    assert len(tracker.issues) == len(ports)
    for server in servers:
        server.stop()
    wait_for("closed", lambda: not any(i.is_open for i in tracker.issues), timeout=60)
    wait_for("all is told", all_is_told)
    assert len(tracker.issues) == len(ports)

"""Tickets whose making nobody heard of: looked for 70 s later, and never made twice. Run by
scripts/test-tickets.sh."""

from lab import wait_for
from servers import start_redis
from test_tickets import POLICY, github, receiver, web  # noqa: F401


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
    wait_for("closed", lambda: github.issues[0]["state"] == "closed", timeout=30)
    assert github.creates == 1

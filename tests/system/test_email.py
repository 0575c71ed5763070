"""Findings by mail, at a real SMTP server with TLS and login."""

import pytest
from daemon import postern
from lab import wait_for
from mail_server import MailServer
from servers import LocalPorts

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
    owner: "Häns, \\nBcc: evil@example.com"
    expect:
      - {ports: "tcp/7000", state: open}
"""

SCANS = """
  - {name: top, stage: top, ports: "tcp/7000-7003", every: 1s}
"""

CONFIRM = "confirm: {open: {methods: 1}, gone: {runs: 1}, resolve_after: 1}\n"


@pytest.fixture
def server(lab, request):
    server = MailServer(lab.folder, smtps=getattr(request, "param", False))
    yield server
    server.stop()


@pytest.fixture
def services(network):
    services = LocalPorts()
    services.toggle(7000)
    yield services
    services.close()


@pytest.fixture
def mailing(lab, server, make_daemon):
    """A daemon that is not started yet, whose receiver has these keys too."""

    def make(keys=""):
        (lab.folder / "password").write_text(MailServer.PASSWORD + "\n")
        daemon = make_daemon(
            policy=POLICY,
            head=HEAD,
            scans=SCANS,
            receivers=[
                f"{{name: mail, email: {{server: '{server.url}', from: postern@example.com,"
                f" to: [soc@example.com, noc@example.com], username: postern,"
                f" password_file: password{keys}}}}}"
            ],
        )
        with daemon.config_path.open("a") as file:
            file.write(CONFIRM)
        return daemon

    return make


def launch(daemon, server):
    daemon.launch(env=server.environment())


def start(daemon, server):
    launch(daemon, server)
    wait_for("posternd is ready", daemon.ready)


OPENED = "[critical] tcp/7001 is open on here (127.0.0.1); the policy says not_open"


both_kinds_of_tls = pytest.mark.parametrize(
    "server", [False, True], indirect=True, ids=["starttls", "smtps"]
)


@both_kinds_of_tls
def test_a_mail_for_each_transition_in_one_thread(server, services, mailing):
    daemon = mailing()
    server.replies = ["451 4.3.0 later"]
    start(daemon, server)
    services.toggle(7001)
    wait_for("opened", lambda: len(server.mails) == 1)
    services.toggle(7001)
    wait_for("resolved", lambda: len(server.mails) == 2)
    assert server.subjects() == [OPENED, OPENED.replace("critical", "resolved")]
    (first, to), (second, _) = server.mails
    assert to == ["soc@example.com", "noc@example.com"]
    assert first["Auto-Submitted"] == "auto-generated" and first["Bcc"] is None
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert "owner         Häns, \\u{a}Bcc: evil@example.com" in first.get_content().splitlines()
    failures = daemon.metric(
        "postern_notification_failures_total", receiver="mail", reason="smtp_4xx"
    )
    assert failures == 1


def test_a_digest_after_the_server_was_away_and_the_daemon_was_killed(server, services, mailing):
    daemon = mailing(", digest: 1s")
    server.stop()
    start(daemon, server)
    for port in (7001, 7002, 7003):
        services.toggle(port)
    wait_for(
        "it cannot deliver",
        lambda: daemon.metric(
            "postern_notification_failures_total", receiver="mail", reason="connect"
        ),
    )
    daemon.kill()
    # Killed again once the server has the mail, and before its answer.
    server.on_mail = lambda: server.mails or daemon.kill()
    server.start()
    launch(daemon, server)
    wait_for("a digest", lambda: len(server.mails) == 1)
    start(daemon, server)
    wait_for("the same digest", lambda: len(server.mails) >= 2)
    (first, _), (second, _) = server.mails[:2]
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Subject"] == second["Subject"] and first["Subject"].startswith("Postern lab: ")
    wait_for(
        "all is delivered", lambda: daemon.metric("postern_outbox_pending", receiver="mail") == 0
    )
    told = "".join(mail.get_content() for mail, _ in server.mails)
    for port in (7001, 7002, 7003):
        assert f"tcp/{port} is open" in told


def test_a_refused_recipient_keeps_no_other_back_and_is_a_dead_letter(server, services, mailing):
    daemon = mailing()
    server.refused = {"soc@example.com"}
    start(daemon, server)
    services.toggle(7001)
    wait_for(
        "a dead letter",
        lambda: daemon.metric("postern_outbox_dead_letters", receiver="mail") == 1,
    )
    assert [to for _, to in server.mails] == [["noc@example.com"]]
    shown = postern("findings", "undelivered", "--config", daemon.config_path).stdout
    assert "soc@example.com: 550 5.1.1 no such user" in shown
    assert MailServer.PASSWORD not in daemon.process.log_text()


@both_kinds_of_tls
def test_a_server_that_is_not_trusted_or_refuses_the_login_gets_nothing(
    lab, server, services, mailing
):
    daemon = mailing()
    daemon.start()  # without the certificate
    services.toggle(7001)

    def failed(reason):
        return daemon.metric(
            "postern_notification_failures_total", receiver="mail", reason=reason
        )

    wait_for("no trust", lambda: failed("tls"))
    daemon.stop()
    (lab.folder / "password").write_text("wrong\n")
    start(daemon, server)
    wait_for("no login", lambda: failed("smtp_5xx"))
    assert server.mails == []
    assert daemon.metric("postern_outbox_dead_letters", receiver="mail") == 0

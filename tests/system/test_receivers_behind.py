"""Receivers behind something: an Alertmanager behind a password, a webhook and a mail server behind
mutual TLS and a proxy, a tracker behind a proxy; all certificates are of private authorities."""

import base64
import ssl

import pytest
from daemon import postern
from forward_proxy import ForwardProxy
from lab import run, wait_for
from mail_server import MailServer
from servers import Alertmanager, Hook, LocalPorts, http_get
from trackers import Github

HEAD = """
version: 1
scope: {authorized_by: "the system tests", include: [127.0.0.1]}
viewpoints:
  lab: {description: "this machine"}
"""

POLICY = """
hosts:
  - {name: here, addresses: [127.0.0.1], owner: web-platform}
"""

SCANS = """
  - {name: top, stage: top, ports: "tcp/7000-7003", every: 1s}
"""


class Authority:
    """A private one: the files of its certificates."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate, self.key = folder / "ca.pem", folder / "ca.key"
        self.make("ca", "/CN=Lab authority", "basicConstraints=critical,CA:true")

    def make(self, name, subject, extension, *signer):
        run(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", subject, "-addext", extension, *signer),
            *("-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.pem"),
        )

    def sign(self, name, extension):
        signer = ("-CA", self.certificate, "-CAkey", self.key)
        self.make(name, f"/CN={name}", extension, *signer)


def start_gateway(lab):
    """nginx: 9443 asks for a password and a tenant before Alertmanager, 9444 for a certificate of the
    authority before the hook. Both are known by names that only the proxy resolves."""
    folder = lab.folder
    hashed = run("openssl", "passwd", "-apr1", "correct horse").stdout.strip()
    (folder / "users").write_text(f"postern:{hashed}\n")
    tls = f"ssl_certificate {folder}/gateway.pem; ssl_certificate_key {folder}/gateway.key;"
    configuration = folder / "gateway.conf"
    configuration.write_text(
        f"user root root; daemon off; master_process off; pid {folder}/gateway.pid;\n"
        f"error_log {folder}/gateway.log;\nevents {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; fastcgi_temp_path {folder}/f;"
        f" proxy_temp_path {folder}/proxy; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"server {{ listen [::1]:9443 ssl; {tls} auth_basic am; auth_basic_user_file {folder}/users;"
        ' if ($http_x_scope_orgid != "team") { return 403; }'
        " location / { proxy_pass http://127.0.0.1:9093; } }\n"
        f"server {{ listen 127.0.0.1:9444 ssl; {tls} ssl_verify_client on;"
        f" ssl_client_certificate {folder}/ca.pem;"
        " location / { proxy_pass http://127.0.0.1:8099; } } }\n"
    )
    process = lab.start("nginx", "-e", folder / "gateway.log", "-c", configuration)
    wait_for("the gateway listens", lambda: process.must_run() and listens(9443) and listens(9444))
    return process


def listens(port):
    return run("ss", "-Hltn", f"sport = :{port}").stdout != ""


def write_secret(folder, name, text):
    path = folder / name
    path.write_bytes(text)
    path.chmod(0o600)


@pytest.fixture
def peers(network, lab):
    """The four receivers and what stands before them, by name."""
    authority = Authority(lab.folder)
    authority.sign("gateway", "subjectAltName=DNS:am.example,DNS:hook.example")
    authority.sign("client", "extendedKeyUsage=clientAuth")
    (lab.folder / "client.key").chmod(0o600)
    start_gateway(lab)
    made = {
        "proxy": ForwardProxy({"hook.example": "127.0.0.1", "127.0.0.1": "127.0.0.1"}),
        "hook": Hook(),
        "github": Github(),
        "mail": MailServer(lab.folder),
    }
    made["mail"].tls.load_verify_locations(authority.certificate)
    made["mail"].tls.verify_mode = ssl.CERT_REQUIRED
    made["am"] = Alertmanager(lab)
    services = LocalPorts()
    yield {**made, "services": services}
    services.close()
    for name in ("proxy", "hook", "github"):
        made[name].close()
    made["mail"].stop()


def receivers(lab):
    """As files come: with a mark, with the line ends of another system, with none."""
    write_secret(lab.folder, "am.password", b"\xef\xbb\xbfcorrect horse\r\n")
    write_secret(lab.folder, "proxy.password", ForwardProxy.PASSWORD.encode() + b"\n")
    write_secret(lab.folder, "token", b"hub:token")
    write_secret(lab.folder, "mail.password", MailServer.PASSWORD.encode() + b"\r\n")
    proxy = (
        "proxy_url: 'http://127.0.0.1:3128',"
        " proxy_basic_auth: {username: postern, password_file: proxy.password}"
    )
    return [
        "{name: am, alertmanager: {urls: ['https://[::1]:9443'], username: postern,"
        " password_file: am.password, headers: {X-Scope-OrgID: team},"
        " tls_config: {ca_file: ca.pem, server_name: am.example}}}",
        "{name: hook, webhook: {url: 'https://hook.example:9444/hook', tls_config: {ca_file: ca.pem,"
        f" cert_file: client.pem, key_file: client.key}}, {proxy}}}}}",
        f"{{name: hub, ticket: {{{Github.receiver('token')}, {proxy}}}}}",
        f"{{name: mail, email: {{server: 'smtp://127.0.0.1:{MailServer.port}', from: p@example.com,"
        " to: [soc@example.com], username: postern, password_file: mail.password,"
        " tls_config: {ca_file: mail.pem, cert_file: client.pem, key_file: client.key,"
        f" server_name: localhost, min_version: TLS13}}, {proxy}}}}}",
    ]


def shown(daemon):
    """All that the daemon and its tools say."""
    check = postern("check", daemon.config_path)
    assert check.returncode == 0, check.stderr
    return daemon.process.log_text() + check.stdout + check.stderr + (http_get(f"http://{daemon.address}/metrics") or "")


def test_each_is_reached_and_no_secret_is_shown(lab, peers, make_daemon):
    daemon = make_daemon(policy=POLICY, head=HEAD, scans=SCANS, receivers=receivers(lab)).start()
    peers["services"].toggle(7001)
    wait_for("an alert", lambda: peers["am"].alerts(port="7001"), timeout=30)
    wait_for("a webhook", lambda: len(peers["hook"].taken()) == 1, timeout=30)
    wait_for("a ticket", lambda: len(peers["github"].issues) == 1, timeout=30)
    wait_for("a mail", lambda: len(peers["mail"].mails) == 1, timeout=30)
    for reason in ("http_4xx", "tls", "secret"):
        assert daemon.metric("postern_notification_failures_total", reason=reason) == 0, reason
    assert peers["github"].secrets == {"Bearer hub:token"}
    proxied = peers["proxy"].requests
    assert "CONNECT hook.example:9444 HTTP/1.1" in proxied and not peers["proxy"].refused
    assert f"CONNECT 127.0.0.1:{MailServer.port} HTTP/1.1" in proxied
    assert any(r.startswith("POST http://127.0.0.1:8098/repos/") for r in proxied)

    # A password that is wrong for a while, then rotated on both sides: nothing is lost.
    write_secret(lab.folder, "am.password", b"wrong horse\n")
    peers["services"].toggle(7002)
    wait_for(
        "a failure that is counted",
        lambda: daemon.metric("postern_notification_failures_total", receiver="am", reason="http_4xx"),
        timeout=30,
    )
    hashed = run("openssl", "passwd", "-apr1", "new horse").stdout.strip()
    (lab.folder / "users").write_text(f"postern:{hashed}\n")
    write_secret(lab.folder, "am.password", b"new horse\n")
    peers["services"].toggle(7003)
    for port in ("7002", "7003"):
        wait_for(f"the alert of {port}", lambda p=port: peers["am"].alerts(port=p), timeout=60)

    told = shown(daemon)
    secrets = ["correct horse", "wrong horse", "new horse", "hub:token", ForwardProxy.PASSWORD]
    logins = [f"postern:{secret}" for secret in secrets]
    encoded = [base64.b64encode(text.encode()).decode() for text in secrets + logins]
    assert [secret for secret in secrets + encoded if secret in told] == []


def test_a_secret_in_clear_text_is_refused(lab, network, make_daemon):
    write_secret(lab.folder, "token", b"t")
    receiver = "{name: am, alertmanager: {urls: ['http://192.0.2.9:9093'], bearer_token_file: token}}"
    daemon = make_daemon(policy=POLICY, head=HEAD, scans=SCANS, receivers=[receiver])
    why = "a password or token would cross the network in clear text; write https://"
    check = postern("check", daemon.config_path)
    assert check.returncode == 1 and why in check.stderr
    assert daemon.launch().wait() == 2
    assert why in daemon.process.log_text()
    assert http_get("http://127.0.0.1:9977/-/ready") is None

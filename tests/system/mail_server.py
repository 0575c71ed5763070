"""An SMTP server in this process, with TLS and a login."""

import email
import email.policy
import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from lab import run


class MailServer:
    """Debian's aiosmtpd in this process: TLS, by STARTTLS or from the beginning (`smtps`), and a login
    before any mail. `replies` are what it says to the next mails instead of taking them; `refused`
    recipients get a 550. `on_mail` is called before a mail is in `mails`."""

    PASSWORD = "correct horse"
    port = 2525

    def __init__(self, folder, smtps=False):
        self.smtps = smtps
        self.url = f"smtp{'s' if smtps else ''}://localhost:{self.port}"
        self.mails, self.replies, self.refused = [], [], set()
        self.on_mail = lambda: None
        key, self.certificate = folder / "mail-key.pem", folder / "mail.pem"
        run(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", self.certificate),
        )
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(self.certificate, key)
        self.start()

    def environment(self):
        """In which posternd trusts it."""
        return {"SSL_CERT_FILE": str(self.certificate)}

    def start(self):
        self.controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=self.tls if self.smtps else None,
            tls_context=None if self.smtps else self.tls,
            require_starttls=not self.smtps,
            auth_required=True,
            auth_require_tls=not self.smtps,  # it knows of STARTTLS alone
            authenticator=self.check,
            ready_timeout=30,
        )
        self.controller.start()

    def stop(self):
        if self.controller:
            self.controller.stop()
        self.controller = None

    def check(self, _server, _session, _envelope, _mechanism, login):
        good = (login.login, login.password) == (b"postern", self.PASSWORD.encode())
        return AuthResult(success=good, handled=False)  # it says 535 then

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refused:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        if self.replies:
            return self.replies.pop(0)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.on_mail()
        self.mails.append((mail, envelope.rcpt_tos))
        return "250 OK"

    def subjects(self):
        return [mail["Subject"] for mail, _ in self.mails]

"""Mail goes through the operator's server, to whom the operator allows, once under one id."""

from __future__ import annotations

from dataclasses import dataclass, field
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from tests.jobs.events.world import collect, quake, watch
from tests.ports import claim_port

from eocene.jobs.events import run_rules


@dataclass
class MailServer:
    """What a real SMTP server (aiosmtpd) took; it refuses as often as it is told to, before or after DATA."""

    letters: list = field(default_factory=list)
    receivers: list = field(default_factory=list)
    logins: list = field(default_factory=list)
    refused: int = 0
    controller: Controller | None = None

    async def handle_DATA(self, _server, _session, envelope):
        if self.refused > 0:
            self.refused -= 1
            return "451 4.3.0 Not now"
        self.receivers += envelope.rcpt_tos
        self.letters.append(message_from_bytes(envelope.content))
        return "250 Taken"

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"open sesame", handled=False)  # aiosmtpd answers

    def close(self):
        if self.controller is not None:
            self.controller.stop()
            self.controller = None


@pytest.fixture
def mail(monkeypatch):
    server = MailServer()
    with claim_port() as port:
        server.controller = Controller(
            server, "127.0.0.1", port, authenticator=server.authenticate, auth_require_tls=False
        )
        server.controller.start()
        monkeypatch.setenv("EOCENE_SMTP", f"smtp://127.0.0.1:{port}")
        monkeypatch.setenv("EOCENE_MAIL_FROM", "eocene@lab.example")
        monkeypatch.setenv("EOCENE_MAIL_TO", "lab.example, ada@home.example")
        yield server
        server.close()


def tell(rules, outside, clock, receiver, looks=2):
    outside.feed = collect(quake("us1", 5.4, title="M 5.4 - near\r\nBcc: all@home.example"))
    rule = rules.create(watch(outside, tell=[{"kind": "email", "to": receiver, "at": "event"}]))
    for _ in range(looks):
        clock.wait(60)
        run_rules(rules, once=True)
    return rules.logs(rule.id)


@pytest.mark.parametrize("receiver", ["bob@lab.example", "ada@home.example"])
def test_a_mail_tells_the_event_once(rules, outside, clock, mail, receiver):
    tell(rules, outside, clock, receiver)
    (letter,) = mail.letters
    assert mail.receivers == [receiver]
    assert (letter["To"], letter["From"], letter["Bcc"]) == (receiver, "eocene@lab.example", None)
    assert letter["Subject"] == "Earthquakes: M 5.4 - near Bcc: all@home.example"
    assert letter["Message-ID"].endswith("@lab.example>")
    assert "id: us1" in letter.get_payload()


def test_nobody_else_gets_mail(rules, outside, clock, mail):
    lines = tell(rules, outside, clock, "eve@away.example")
    assert mail.letters == []
    assert "may not get mail" in lines[-1]["message"]


def test_a_mail_server_that_is_gone_is_told_in_the_log(rules, outside, clock, mail):
    mail.close()
    lines = tell(rules, outside, clock, "bob@lab.example")
    assert any("did not take it" in line["message"] for line in lines)


def test_a_mail_that_was_refused_is_sent_again_and_noted_once(rules, outside, clock, mail):
    mail.refused = 2
    lines = [line["message"] for line in tell(rules, outside, clock, "bob@lab.example", looks=6)]
    assert len(mail.letters) == 1
    assert sum("Not now" in line for line in lines) == 2
    assert sum(line.startswith("Sent the notice") for line in lines) == 1


@pytest.mark.parametrize(("password", "taken"), [("open%20sesame", 1), ("wrong", 0)])
def test_the_sender_logs_in_as_the_operator_says(rules, outside, clock, mail, monkeypatch, password, taken):
    port = mail.controller.port
    monkeypatch.setenv("EOCENE_SMTP", f"smtp://eocene:{password}@127.0.0.1:{port}")
    lines = tell(rules, outside, clock, "bob@lab.example")
    assert len(mail.letters) == taken
    assert mail.logins[0] == ("eocene", password.replace("%20", " "))
    assert any("did not take it" in line["message"] for line in lines) == (not taken)
    assert not any(password in line["message"] for line in lines)

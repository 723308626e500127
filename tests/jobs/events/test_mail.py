"""Mail goes through the operator's server, to whom the operator allows, once under one id."""

from __future__ import annotations

import contextlib
import socket
import threading
from email import message_from_string

import pytest
from tests.jobs.events.world import collect, quake, watch

from eocene.jobs.events import run_rules


class MailServer:
    """As much of SMTP (RFC 5321) as one client speaks."""

    def __init__(self):
        self.letters = []
        self.receivers = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rw", newline="\r\n", encoding="utf-8") as stream:
                self._talk(stream)

    def _talk(self, stream):
        self._say(stream, "220 here")
        while line := stream.readline():
            word = line.strip().upper()
            if word.startswith("RCPT TO"):
                self.receivers.append(line.strip()[9:-1])
            if word == "DATA":
                self._say(stream, "354 go on")
                lines = []
                while (text := stream.readline().rstrip("\r\n")) != ".":
                    lines.append(text)
                self.letters.append(message_from_string("\n".join(lines)))
            self._say(stream, "221 bye" if word == "QUIT" else "250 yes")

    def _say(self, stream, text):
        stream.write(f"{text}\n")
        stream.flush()

    def close(self):
        with contextlib.suppress(OSError):  # closed already
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
        self._listening.close()


@pytest.fixture
def mail(monkeypatch):
    server = MailServer()
    monkeypatch.setenv("EOCENE_SMTP", f"smtp://127.0.0.1:{server.port}")
    monkeypatch.setenv("EOCENE_MAIL_FROM", "eocene@lab.example")
    monkeypatch.setenv("EOCENE_MAIL_TO", "lab.example, ada@home.example")
    yield server
    server.close()


def tell(rules, outside, clock, receiver):
    outside.feed = collect(quake("us1", 5.4, title="M 5.4 - near\r\nBcc: all@home.example"))
    rule = rules.create(watch(outside, tell=[{"kind": "email", "to": receiver, "at": "event"}]))
    for _ in range(2):
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

"""Telling: a notice goes out as a signed webhook, or as a mail through the operator's server.

Webhooks follow the specification of Standard Webhooks 1.0: ``webhook-id`` is the same at every
attempt, so that a receiver knows what it has; ``webhook-signature`` is HMAC-SHA256 over id, time
and body. Where they may go is said by the operator: EOCENE_WEBHOOKS lists prefixes of URLs,
EOCENE_SMTP a server as ``smtp://[user:password@]host:port`` (``smtps`` for TLS from the start),
EOCENE_MAIL_FROM the sender, EOCENE_MAIL_TO addresses and domains that may get mail.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import smtplib
import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from eocene.archive.fetch import Door, Limits, Policy
from eocene.archive.fetch.policy import PRIVATE
from eocene.archive.fetch.urls import parse_url
from eocene.model import DamageError, ForbiddenError, UnavailableError

if TYPE_CHECKING:
    from eocene.jobs.events.agenda import Notice

WEBHOOKS, SMTP, SENDER, RECEIVERS = "EOCENE_WEBHOOKS", "EOCENE_SMTP", "EOCENE_MAIL_FROM", "EOCENE_MAIL_TO"
_LIMITS = Limits(connect_s=5.0, stall_s=15.0, total_s=30.0, attempts=1, redirects=0)
_MAIL_S = 20.0


def send_notice(notice: Notice, now: float) -> None:
    """Send a notice to whom it is for.

    Raises
    ------
    EoceneError
        If it was not taken, or may not be sent there.
    """
    if notice.target["kind"] == "webhook":
        _post(notice, now)
    else:
        _mail(notice)


def sign_webhook(secret: str, notice_id: str, stamp: str, body: bytes) -> str:
    """Return ``v1,`` and the signature in Base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((notice_id.encode(), stamp.encode(), body))
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def write_body(notice: Notice) -> bytes:
    """Return the body of a webhook, the same at every attempt but for the state of the job."""
    message = {"type": "rule.event", "timestamp": notice.message["found"], "data": notice.message}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _post(notice: Notice, now: float) -> None:
    prefixes = tuple(parse_url(text) for text in _list(WEBHOOKS))
    door = Door((), Policy(prefixes, frozenset(host.lower() for host in _list(PRIVATE))), _LIMITS)
    body, stamp = write_body(notice), str(int(now))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": notice.id,
        "webhook-timestamp": stamp,
        "webhook-signature": sign_webhook(notice.target["secret"], notice.id, stamp, body),
    }
    door.post(notice.target["url"], body, headers)


def _mail(notice: Notice) -> None:
    server, sender, receiver = os.environ.get(SMTP), os.environ.get(SENDER), notice.target["to"]
    if not server or not sender:
        raise UnavailableError("No mail can be sent from here.", f"Let the operator set {SMTP} and {SENDER}.")
    if not {receiver.lower(), receiver.lower().rpartition("@")[2]} & {t.lower() for t in _list(RECEIVERS)}:
        raise ForbiddenError(
            f"The address {receiver!r} may not get mail from here.",
            f"Let the operator add it to {RECEIVERS}.",
        )
    place = urlsplit(server)
    try:
        with _connect(place.scheme, place.hostname or "", place.port) as connection:
            if place.username:
                connection.login(unquote(place.username), unquote(place.password or ""))
            connection.send_message(_write_mail(notice, sender))
    except (OSError, smtplib.SMTPException) as error:
        raise DamageError(f"The mail server did not take it: {str(error)[:200]}.") from error


def _connect(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=_MAIL_S, context=context)
    connection = smtplib.SMTP(host, port or 25, timeout=_MAIL_S)
    if connection.has_extn("starttls") or (connection.ehlo()[0] == 250 and connection.has_extn("starttls")):
        connection.starttls(context=context)
    return connection


def _write_mail(notice: Notice, sender: str) -> EmailMessage:
    told = notice.message
    event, title = told["event"], told["rule"]["title"] or told["rule"]["id"]
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, notice.target["to"]
    mail["Subject"] = _one_line(f"{title}: {event['title'] or event['id']}")
    mail["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    lines = [f"{name}: {event[name]}" for name in ("id", "title", "time", "bbox") if event[name]]
    if told["job"]:
        lines.append(f"job: {told['job']['id']} ({told['job']['status']})")
    if told.get("fault"):
        lines.append(f"fault: {told['fault']}")
    mail.set_content("\n".join(lines) + "\n")
    return mail


def _one_line(text: Any) -> str:
    return " ".join(str(text).split())[:200]


def _list(variable: str) -> list[str]:
    return [part.strip() for part in os.environ.get(variable, "").split(",") if part.strip()]

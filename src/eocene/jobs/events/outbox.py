"""What an event sets off, written in the transaction of the event: its job and its notices.

The functions work inside a transaction of the caller. Whoever is cut off before its end has done
nothing; whoever is cut off after it has left all that the next one needs.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from eocene.jobs.events.arguments import fill_arguments
from eocene.jobs.events.tables import rule_events, rule_logs, rule_notices
from eocene.jobs.job import give_arguments
from eocene.jobs.logs import write_log
from eocene.jobs.queue import load_job
from eocene.jobs.tables import jobs
from eocene.model import EoceneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from eocene.jobs.events.event import Event
    from eocene.jobs.events.rule import Rule
    from eocene.jobs.job import Job

    Admission = Callable[[Connection, Job], float | None]

_DAY_S, _AGAIN_S = 86_400.0, 60.0
_AT_ONCE = 500
"""Names asked for in one statement."""
_ENDED = ("finished", "error", "canceled")


def find_known(connection: Connection, rule_id: str, ids: Iterable[str]) -> set[str]:
    """Return which of these events a rule has met."""
    names = list(ids)
    known: set[str] = set()
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        asked = select(rule_events.c.event).where(
            rule_events.c.rule == rule_id, rule_events.c.event.in_(part)
        )
        known |= set(connection.scalars(asked))
    return known


def insert_known(connection: Connection, rule_id: str, ids: Iterable[str], now: float) -> None:
    """Note ids that shall not fire: of what was there before, or other names of what fired."""
    rows = [{"rule": rule_id, "event": name, "fired": False, "found": now} for name in dict.fromkeys(ids)]
    if rows:
        connection.execute(insert(rule_events), rows)


def insert_event(
    connection: Connection, rule: Rule, event: Event, now: float, admission: Admission | None = None
) -> None:
    """Note an event that fires, with its other names, its notices, and its job if that is due now."""
    wait = float((rule.run or {}).get("wait_days", 0.0)) * _DAY_S
    due = None if rule.run is None else max(now, (event.time or now) + wait)
    row = {"rule": rule.id, "event": event.id, "fired": True, "found": now, "document": event.to_dict()}
    connection.execute(insert(rule_events).values(**row, due=due))
    others = [name for name in event.ids[1:] if name != event.id]
    insert_known(connection, rule.id, set(others) - find_known(connection, rule.id, others), now)
    for number, target in enumerate(rule.tell):
        notice: dict[str, Any] = {"id": _name_notice(rule, event, number), "rule": rule.id, "event": event.id}
        notice |= {"target": target, "status": "waiting", "attempts": 0, "due": now}
        connection.execute(insert(rule_notices).values(**notice))
    write_rule_log(connection, rule.id, now, "info", f"Met the event {event.id!r} ({event.title}).")
    if due is not None and due <= now:
        start_job(connection, rule, event, now, admission)


def start_job(
    connection: Connection, rule: Rule, event: Event, now: float, admission: Admission | None = None
) -> None:
    """Queue the job of an event unless that was done; an event that does not fit the graph is noted.

    A job that the owner's quota does not admit now is tried again later.
    """
    here = (rule_events.c.rule == rule.id) & (rule_events.c.event == event.id)
    waiting = here & rule_events.c.due.is_not(None)
    taken = update(rule_events).where(waiting).values(due=None)
    if rule.run is None or not connection.execute(taken).rowcount:
        return
    try:
        values = fill_arguments(rule.run.get("arguments") or {}, event, rule.windows)
    except EoceneError as error:
        connection.execute(update(rule_events).where(here).values(fault=str(error)))
        write_rule_log(connection, rule.id, now, "error", str(error), error.code)
        return
    job_id = _insert_job(connection, rule, event, values, now)
    try:
        budget = None if admission is None else admission(connection, load_job(connection, job_id))
    except EoceneError as error:
        connection.execute(delete(jobs).where(jobs.c.id == job_id))
        connection.execute(update(rule_events).where(here).values(due=now + _AGAIN_S))
        if str(error) not in find_told(connection, rule.id, "warning"):  # or each minute, for days
            write_rule_log(connection, rule.id, now, "warning", str(error), error.code)
        return
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(status="queued", budget=budget))
    connection.execute(update(rule_events).where(here).values(job=job_id))
    write_rule_log(connection, rule.id, now, "info", f"Queued the job {job_id} for {event.id!r}.")


def is_to_be_told(now: float) -> Any:
    """Return the condition on notices, their events and jobs, by which a notice can be sent."""
    # A job that was deleted has ended, too.
    over = or_(rule_events.c.job.is_(None), jobs.c.id.is_(None), jobs.c.status.in_(_ENDED))
    ripe = or_(rule_notices.c.target["at"].as_string() == "event", (rule_events.c.due.is_(None)) & over)
    return (rule_notices.c.status == "waiting") & (rule_notices.c.due <= now) & ripe


def find_told(connection: Connection, rule_id: str, level: str) -> set[str]:
    """Return the last lines of one level in the log of a rule: what goes on is not told again."""
    lines = select(rule_logs.c.message).where(rule_logs.c.rule == rule_id, rule_logs.c.level == level)
    return set(connection.scalars(lines.order_by(rule_logs.c.id.desc()).limit(20)))


def write_rule_log(
    connection: Connection, rule_id: str, now: float, level: str, message: str, code: str | None = None
) -> None:
    """Add a line to the log of a rule."""
    values = {"rule": rule_id, "time": now, "level": level, "message": message[:2000], "code": code}
    connection.execute(insert(rule_logs).values(**values))


def _insert_job(connection: Connection, rule: Rule, event: Event, values: dict[str, Any], now: float) -> str:
    job_id = f"j-{secrets.token_hex(8)}"
    row = {
        "id": job_id,
        "owner": rule.owner,
        "title": f"{rule.title}: {event.title}"[:500],
        "description": f"Run by the rule {rule.id} for the event {event.id}.",
        "process": give_arguments((rule.run or {})["process"], values),
        "status": "created",
        "progress": 0.0,
        "created": now,
        "updated": now,
        "queued": now,
        "attempts": 0,
    }
    connection.execute(insert(jobs).values(**row))
    write_log(connection, job_id, now, "info", f"The job was created and queued by the rule {rule.id}.")
    return job_id


def _name_notice(rule: Rule, event: Event, number: int) -> str:
    digest = hashlib.sha256(f"{rule.id}\n{event.id}\n{number}".encode()).hexdigest()
    return f"n-{digest[:40]}"

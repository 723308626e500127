"""The agenda of the rules: what is due, taken by one scheduler at a time, and noted when it is done."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from sqlalchemy import delete, or_, select, update

from eocene.jobs.events.event import Event
from eocene.jobs.events.outbox import (
    find_known,
    find_told,
    insert_event,
    is_to_be_told,
    start_job,
    write_rule_log,
)
from eocene.jobs.events.rule import Rule
from eocene.jobs.events.store import load_rule, tell_event
from eocene.jobs.events.tables import rule_events, rule_logs, rule_notices, rules
from eocene.jobs.tables import jobs
from eocene.model import EoceneError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from eocene.jobs.events.outbox import Admission
    from eocene.jobs.events.sources import Look
    from eocene.jobs.events.store import Rules

MOST_AT_ONCE = 100
"""Events that one look sets off; the others wait for the next."""
MOST_ATTEMPTS = 10
_LEASE_S = 120.0
_LOGS_KEPT_S = 90 * 86_400.0
_WAITS_S = (10.0, 60.0, 300.0, 1800.0, 7200.0)


class Notice(NamedTuple):
    """What is to be told: to whom, of which event, with which job."""

    id: str
    target: dict[str, Any]
    attempts: int
    message: dict[str, Any]


class Agenda:
    """What a scheduler does with the rules of a store; each method is one transaction.

    Parameters
    ----------
    rules : Rules
        The store.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def claim(self) -> Rule | None:
        """Take the rule whose look is due longest, or return None."""
        now = self._rules.clock()
        free = or_(rules.c.lease.is_(None), rules.c.lease_until < now)
        ready = rules.c.enabled & (rules.c.next_look <= now) & free
        lease = {"lease": secrets.token_hex(16), "lease_until": now + _LEASE_S}
        with self._rules.database.write() as connection:
            found = connection.scalar(select(rules.c.id).where(ready).order_by(rules.c.next_look).limit(1))
            taken = update(rules).where((rules.c.id == found) & ready).values(**lease)
            if found is None or not connection.execute(taken).rowcount:
                return None
            return load_rule(connection, found, None)

    def find_known(self, rule: Rule, ids: list[str]) -> set[str]:
        """Return which of these events a rule has met."""
        with self._rules.database.read() as connection:
            return find_known(connection, rule.id, ids)

    def record(self, rule: Rule, found: Look) -> int:
        """Note what a look gave, and all that it sets off, at once; return how many events were new."""
        now, fired = self._rules.clock(), 0
        admission = self._find_admission(rule) if found.events and rule.run else None
        with self._rules.database.write() as connection:
            if not _end_lease(connection, rule):
                return 0
            known = find_known(connection, rule.id, (name for event in found.events for name in event.ids))
            changes: dict[str, Any] = {"memory": found.memory, "next_look": found.next_look}
            for event in found.events:
                if not known.isdisjoint(event.ids):
                    continue
                if fired == MOST_AT_ONCE:
                    changes = {"next_look": now}
                    break
                insert_event(connection, rule, event, now, admission)
                known |= set(event.ids)
                fired += 1
            connection.execute(update(rules).where(rules.c.id == rule.id).values(**changes))
            _log_faults(connection, rule, found.faults, now)
        return fired

    def record_fault(self, rule: Rule, code: str, message: str, next_look: float) -> None:
        """Note that a look has failed; the same fault again is not told again."""
        with self._rules.database.write() as connection:
            if _end_lease(connection, rule):
                connection.execute(update(rules).where(rules.c.id == rule.id).values(next_look=next_look))
                _log_faults(connection, rule, [message], self._rules.clock(), "error", code)

    def start_due(self) -> int:
        """Queue the jobs of events whose time of waiting is over; return how many."""
        now, started = self._rules.clock(), 0
        due = select(rule_events.c.rule, rule_events.c.document).where(rule_events.c.due <= now)
        with self._rules.database.read() as connection:
            waiting = connection.execute(due.order_by(rule_events.c.due).limit(MOST_AT_ONCE)).all()
        for rule_id, document in waiting:
            with self._rules.database.read() as connection:
                row = connection.execute(select(rules).where(rules.c.id == rule_id)).mappings().first()
            if row is None:  # deleted meanwhile
                continue
            rule = Rule.from_row(dict(row))
            admission = self._find_admission(rule)
            with self._rules.database.write() as connection:
                start_job(connection, rule, Event.from_dict(document), now, admission)
                started += 1
        return started

    def _find_admission(self, rule: Rule) -> Admission | None:
        """Return what admits jobs of a rule; nothing is admitted where the owner's storage is full."""
        try:
            if self._rules.storage is not None:
                self._rules.storage(rule.owner)
        except EoceneError as error:
            return partial(_refuse, error)
        return self._rules.admission

    def claim_notice(self) -> Notice | None:
        """Take a notice that can be sent; it is free again after two minutes unless its end is noted."""
        now = self._rules.clock()
        here = (rule_notices.c.rule == rule_events.c.rule) & (rule_notices.c.event == rule_events.c.event)
        joined = rule_notices.join(rule_events, here).join(rules, rules.c.id == rule_notices.c.rule)
        joined = joined.outerjoin(jobs, rule_events.c.job == jobs.c.id)
        columns = (rule_notices.c.id.label("notice"), rule_notices.c.target, rule_notices.c.attempts)
        query = select(*columns, rule_events, jobs.c.status, rules.c.document.label("rule_document"))
        query = query.select_from(joined).where(is_to_be_told(now)).order_by(rule_notices.c.due).limit(1)
        with self._rules.database.write() as connection:
            row = connection.execute(query).mappings().first()
            if row is None:
                return None
            same = (rule_notices.c.id == row["notice"]) & (rule_notices.c.attempts == row["attempts"])
            taken = {"attempts": row["attempts"] + 1, "due": now + _LEASE_S}
            if not connection.execute(update(rule_notices).where(same).values(**taken)).rowcount:
                return None
        told = {"rule": {"id": row["rule"], "title": row["rule_document"].get("title")}}
        return Notice(row["notice"], row["target"], row["attempts"] + 1, told | tell_event(row))

    def end_notice(self, notice: Notice, fault: str | None = None) -> None:
        """Note that a notice was sent; or why not, and when it is tried again."""
        now = self._rules.clock()
        changes: dict[str, Any] = {"status": "sent"}
        if fault is not None:
            wait = _WAITS_S[min(notice.attempts, len(_WAITS_S)) - 1]
            is_last = notice.attempts >= MOST_ATTEMPTS
            changes = {"status": "failed"} if is_last else {"due": now + wait}
        here = rule_notices.c.id == notice.id
        with self._rules.database.write() as connection:
            if not connection.execute(update(rule_notices).where(here).values(**changes)).rowcount:
                return  # its rule was deleted
            level = "info" if fault is None else "error"
            what = "Sent" if fault is None else f"Attempt {notice.attempts} failed to send"
            line = f"{what} the notice {notice.id} by {notice.target['kind']}. {fault or ''}".strip()
            write_rule_log(connection, notice.message["rule"]["id"], now, level, line)


def _refuse(error: EoceneError, *_: object) -> NoReturn:
    raise error


def _end_lease(connection: Connection, rule: Rule) -> bool:
    held = (rules.c.id == rule.id) & (rules.c.lease == rule.lease)
    return bool(connection.execute(update(rules).where(held).values(lease=None, lease_until=None)).rowcount)


def _log_faults(
    connection: Connection,
    rule: Rule,
    faults: list[str],
    now: float,
    level: str = "warning",
    code: str | None = None,
) -> None:
    told = find_told(connection, rule.id, level)
    for line in dict.fromkeys(fault[:2000] for fault in faults[:20]):
        if line not in told:
            write_rule_log(connection, rule.id, now, level, line, code)
    old = (rule_logs.c.rule == rule.id) & (rule_logs.c.time < now - _LOGS_KEPT_S)
    connection.execute(delete(rule_logs).where(old))

"""The scheduler: looks where rules are due, starts what waits, sends what is to be told.

Any number may run on one state. Each step is one short transaction; what is between two of them
can be cut off anywhere and is done again.
"""

from __future__ import annotations

import logging
import secrets
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from eocene.jobs.events.agenda import Agenda
from eocene.jobs.events.sources import look
from eocene.jobs.events.telling import send_notice
from eocene.model import EoceneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.jobs.events.agenda import Notice
    from eocene.jobs.events.rule import Rule
    from eocene.jobs.events.sources import Look
    from eocene.jobs.events.store import Rules

_log = logging.getLogger(__name__)
_AGAIN_S = 60.0
"""After a look that failed."""


def run_rules(
    rules: Rules, *, once: bool = False, stop: threading.Event | None = None, poll_s: float = 1.0
) -> int:
    """Evaluate rules until told to stop.

    Parameters
    ----------
    rules : Rules
        The store.
    once : bool
        Return when nothing is due.
    stop : threading.Event, optional
        Set it to stop after the present step.
    poll_s : float
        Seconds between two looks at a state in which nothing is due.

    Returns
    -------
    int
        How many events were new.
    """
    stop, fired = stop or threading.Event(), 0
    agenda = Agenda(rules)
    while not stop.is_set():
        try:
            new, steps = _take_steps(rules, agenda, stop)
        except (SQLAlchemyError, EoceneError):
            if once:
                raise
            # A full disk or a lost connection may come back; nothing was half noted.
            _log.exception("the state cannot be used; the rules are looked at again")
            new, steps = 0, 0
        fired += new
        if not steps and once:
            break
        if not steps:
            stop.wait(poll_s)
    return fired


@contextmanager
def keep_rules(rules: Rules) -> Iterator[None]:
    """Evaluate rules in a thread until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=run_rules, args=(rules,), kwargs={"stop": stop}, name="rules")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _take_steps(rules: Rules, agenda: Agenda, stop: threading.Event) -> tuple[int, int]:
    """Do what is due; return how many events were new and how many steps there were."""
    new = steps = 0
    while not stop.is_set() and (rule := agenda.claim()) is not None:
        found = _look(rules, agenda, rule)
        new += agenda.record(rule, found) if found is not None else 0
        steps += 1
    steps += agenda.start_due()
    while not stop.is_set() and (notice := agenda.claim_notice()) is not None:
        agenda.end_notice(notice, _send(notice, rules.clock()))
        steps += 1
    return new, steps


def _look(rules: Rules, agenda: Agenda, rule: Rule) -> Look | None:
    """Look at what one rule watches; if that fails it is noted, and the other rules live on."""
    later = rules.clock() + max(_AGAIN_S, float(rule.when.get("every_s") or 0.0))
    try:
        return look(rule, rules.archive, rules.clock(), partial(agenda.find_known, rule))
    except EoceneError as error:
        agenda.record_fault(rule, error.code, str(error), later)
    except Exception:  # noqa: BLE001  whatever a stranger's feed brings about
        agenda.record_fault(rule, "Internal", _log_unexpected(f"rule {rule.id}"), later)
    return None


def _send(notice: Notice, now: float) -> str | None:
    """Send a notice; return why that failed."""
    try:
        send_notice(notice, now)
    except EoceneError as error:
        return str(error)
    except Exception:  # noqa: BLE001  whatever a stranger's server brings about
        return _log_unexpected(f"notice {notice.id}")
    return None


def _log_unexpected(what: str) -> str:
    number = secrets.token_hex(4)
    _log.exception("%s failed unexpectedly (%s)", what, number)
    return f"An unexpected error; the server's own log tells more under {number}."

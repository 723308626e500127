"""The store of rules: what their owners do with them."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from eocene.jobs.database import open_database
from eocene.jobs.events.outbox import (
    find_known,
    insert_known,
    write_rule_log,
)
from eocene.jobs.events.rule import Rule, check_rule
from eocene.jobs.events.sources import begin_watching
from eocene.jobs.events.tables import rule_events, rule_logs, rules
from eocene.jobs.job import LOCAL_USER, format_instant
from eocene.jobs.own_processes import list_carried, read_processes
from eocene.jobs.tables import jobs
from eocene.model import InputError, NotFoundError
from eocene.process.structure import check_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from eocene.archive import Archive
    from eocene.jobs.events.outbox import Admission
    from eocene.model import Layout

MOST_RULES = 100
"""Of one owner."""


class Rules:
    """Rules of a workspace.

    Parameters
    ----------
    layout : Layout
        The workspace; its folder must exist.
    archive : Archive
        What the rules watch.
    clock : callable
        Gives the time in seconds since 1970.
    admission : callable, optional
        Returns the budget of a job, inside a transaction; raises where the owner's quota forbids it.
    storage : callable, optional
        Raises where the results and files of an owner take as much as they may; asked before a transaction.
    """

    def __init__(
        self,
        layout: Layout,
        archive: Archive,
        *,
        clock: Callable[[], float] = time.time,
        admission: Admission | None = None,
        storage: Callable[[str], None] | None = None,
    ) -> None:
        self.archive = archive
        self.admission, self.storage = admission, storage
        self.clock = clock
        self.database = open_database(layout)

    def close(self) -> None:
        """Give the connections back; the archive stays open."""
        self.database.close()

    # What owners do.

    def create(self, document: dict[str, Any], *, owner: str = LOCAL_USER) -> Rule:
        """Keep a rule; what its catalogue holds already is no event, unless ``when.since`` says so.

        Raises
        ------
        InputError, NotFoundError
            If the rule is wrong, or the owner has too many.
        """
        checked, now = check_rule(document), self.clock()
        self._check_graph(checked, owner)
        memory, there = begin_watching(checked["when"], self.archive, now)
        rule = Rule(
            f"r-{secrets.token_hex(8)}", owner, checked, document.get("enabled") is not False,
            now, now, now, memory, None,
        )  # fmt: skip
        with self.database.write() as connection:
            count = connection.scalar(select(func.count()).select_from(rules).where(rules.c.owner == owner))
            if (count or 0) >= MOST_RULES:
                raise InputError(f"There are {count} rules already.", "Delete one first.")
            connection.execute(insert(rules).values(**vars(rule)))
            insert_known(connection, rule.id, there, now)
            write_rule_log(connection, rule.id, now, "info", "The rule was made.")
        return rule

    def get(self, rule_id: str, owner: str | None = None) -> Rule:
        """Return a rule; another owner's is as unknown as one that does not exist."""
        with self.database.read() as connection:
            return load_rule(connection, rule_id, owner)

    def list(self, owner: str | None = None) -> tuple[Rule, ...]:
        """Return rules, the newest first."""
        query = select(rules).order_by(rules.c.created.desc(), rules.c.id)
        with self.database.read() as connection:
            rows = connection.execute(query if owner is None else query.where(rules.c.owner == owner))
            return tuple(Rule.from_row(dict(row)) for row in rows.mappings())

    def update(self, rule_id: str, changes: dict[str, Any], owner: str | None = None) -> Rule:
        """Change members of a rule; one that watches something else, or again, begins anew.

        Raises
        ------
        InputError, NotFoundError
            If the rule would be wrong, or there is none.
        """
        old, now = self.get(rule_id, owner), self.clock()
        document = check_rule({**old.document, **changes})
        if "run" in changes:
            self._check_graph(document, old.owner)
        enabled = old.enabled if changes.get("enabled") is None else bool(changes["enabled"])
        anew = document["when"] != old.when or (enabled and not old.enabled)
        values: dict[str, Any] = {"document": document, "enabled": enabled, "updated": now}
        memory, there = begin_watching(document["when"], self.archive, now) if anew else (old.memory, [])
        with self.database.write() as connection:
            values |= {"memory": memory, "next_look": now, "lease": None} if anew else {}
            if not connection.execute(update(rules).where(rules.c.id == rule_id).values(**values)).rowcount:
                raise _unknown(rule_id)
            known = find_known(connection, rule_id, there)
            insert_known(connection, rule_id, (name for name in there if name not in known), now)
            return load_rule(connection, rule_id, owner)

    def _check_graph(self, document: dict[str, Any], owner: str) -> None:
        """Refuse a graph of which no event could make a job: it calls what there is not."""
        if document.get("run") is None:
            return
        process = document["run"]["process"]
        with self.database.read() as connection:
            known = read_processes(connection, owner)
        check_calls(process, known | list_carried(process))

    def delete(self, rule_id: str, owner: str | None = None) -> None:
        """Remove a rule with its events and notices; its jobs stay."""
        with self.database.write() as connection:
            load_rule(connection, rule_id, owner)
            connection.execute(delete(rules).where(rules.c.id == rule_id))

    def events(
        self, rule_id: str, owner: str | None = None, *, limit: int = 100, offset: int = 0
    ) -> tuple[dict[str, Any], ...]:
        """Return the events that a rule has met, the newest first, with the state of their jobs."""
        joined = rule_events.outerjoin(jobs, rule_events.c.job == jobs.c.id)
        query = select(rule_events, jobs.c.status).select_from(joined)
        query = query.where(rule_events.c.rule == rule_id, rule_events.c.fired)
        query = query.order_by(rule_events.c.found.desc(), rule_events.c.event).limit(limit).offset(offset)
        with self.database.read() as connection:
            load_rule(connection, rule_id, owner)
            return tuple(tell_event(row) for row in connection.execute(query).mappings())

    def logs(
        self, rule_id: str, owner: str | None = None, *, limit: int = 1000
    ) -> tuple[dict[str, Any], ...]:
        """Return the last lines of a rule's log, the oldest first."""
        query = select(rule_logs).where(rule_logs.c.rule == rule_id).order_by(rule_logs.c.id.desc())
        with self.database.read() as connection:
            load_rule(connection, rule_id, owner)
            rows = connection.execute(query.limit(limit)).mappings().all()
        return tuple(
            {"id": str(row["id"]), "time": format_instant(row["time"]), "level": row["level"]}
            | {"message": row["message"], "code": row["code"]}
            for row in reversed(rows)
        )


def load_rule(connection: Connection, rule_id: str, owner: str | None) -> Rule:
    """Return a rule inside a transaction; raises NotFoundError."""
    row = connection.execute(select(rules).where(rules.c.id == rule_id)).mappings().first()
    if row is None or owner not in (None, row["owner"]):
        raise _unknown(rule_id)
    return Rule.from_row(dict(row))


def _unknown(rule_id: str) -> NotFoundError:
    return NotFoundError(f"The rule {rule_id[:64]!r} does not exist.", "List your rules with GET /rules.")


def tell_event(row: Any) -> dict[str, Any]:
    """Return a row of the events, joined with the status of its job, as owners and receivers see it."""
    job = None if row["job"] is None else {"id": row["job"], "status": row["status"] or "deleted"}
    found = {"event": row["document"], "found": format_instant(row["found"]), "job": job}
    return found if row["fault"] is None else found | {"fault": row["fault"]}

"""The log of a job: lines kept in the state, read from an offset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from eocene.jobs.job import LEVELS, check_level, format_instant
from eocene.jobs.tables import jobs, logs
from eocene.model import InputError

if TYPE_CHECKING:
    from sqlalchemy import Connection

MESSAGE_LIMIT = 2000
"""Longest message of a line, in characters."""


def write_log(
    connection: Connection,
    job: str,
    now: float,
    level: str,
    message: str,
    *,
    code: str | None = None,
) -> None:
    """Add a line to the job's log unless the job asked for graver ones only.

    The job must exist, or nothing is written: a worker may outlive the job that it works on.
    """
    wanted = connection.scalar(select(jobs.c.log_level).where(jobs.c.id == job))
    if wanted is None or LEVELS.index(check_level(level)) > LEVELS.index(wanted):
        return
    values = {"job": job, "time": now, "level": level, "message": message[:MESSAGE_LIMIT], "code": code}
    connection.execute(insert(logs).values(values))


def read_logs(
    connection: Connection, job: str, *, offset: str | None, level: str, limit: int | None
) -> list[dict[str, Any]]:
    """Return the lines after ``offset`` (the id of a line) that are at least as grave as ``level``."""
    kept = LEVELS[: LEVELS.index(check_level(level)) + 1]
    query = select(logs).where(logs.c.job == job, logs.c.level.in_(kept)).order_by(logs.c.id)
    if offset:
        query = query.where(logs.c.id > _line_number(offset))
    rows = connection.execute(query if limit is None else query.limit(limit)).mappings()
    return [_describe_line(dict(row)) for row in rows]


def _line_number(offset: str) -> int:
    if not offset.isascii() or not offset.isdigit() or len(offset) > 18:
        raise InputError(
            f"The offset {offset[:40]!r} is not the id of a log line.",
            "Give the id of the last line that was received.",
            code="InvalidParameterValue",
        )
    return int(offset)


def _describe_line(row: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {
        "id": str(row["id"]),
        "level": row["level"],
        "message": row["message"],
        "time": format_instant(row["time"]),
    }
    return line if row["code"] is None else line | {"code": row["code"]}

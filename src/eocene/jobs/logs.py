"""The log of a job: lines kept in the state, read from an offset."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, null, select

from eocene.jobs.job import LEVELS, check_level, format_instant
from eocene.jobs.tables import jobs, logs
from eocene.model import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from eocene.jobs.job import Job
    from eocene.jobs.queue import JobQueue

_log = logging.getLogger(__name__)

MESSAGE_LIMIT = 2000
"""Longest message of a line, in characters."""

USER_LOG = "eocene.inspect"
"""The logger of what users want to see of their computation."""

_LEVELS = (
    ("error", logging.ERROR), ("warning", logging.WARNING), ("info", logging.INFO), ("debug", logging.NOTSET),
)  # fmt: skip


def write_log(
    connection: Connection,
    job: str,
    now: float,
    level: str,
    message: str,
    *,
    code: str | None = None,
    data: Any = None,
) -> None:
    """Add a line to the job's log unless the job asked for graver ones only.

    The job must exist, or nothing is written: a worker may outlive the job that it works on.
    """
    # The job is locked so that lines become visible in the order of their ids, by which they are read.
    query = select(jobs.c.log_level).where(jobs.c.id == job).with_for_update()
    wanted = connection.scalar(query)
    if wanted is None or LEVELS.index(check_level(level)) > LEVELS.index(wanted):
        return
    values = {"job": job, "time": now, "level": level, "message": message[:MESSAGE_LIMIT], "code": code}
    values["data"] = null() if data is None else data
    connection.execute(insert(logs).values(values))
    _log.info("%s %s: %s", job, level, values["message"], extra={"job": job})


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
    return line | {name: row[name] for name in ("code", "data") if row[name] is not None}


@contextmanager
def carry_log(queue: JobQueue, job: Job) -> Iterator[None]:
    """Let what the engine logs for users (``inspect``, prints of their code) stand in the job's log at once.

    A process runs one job at a time; where tests run several, lines may go to all of them.
    """
    handler = _JobLines(queue, job)
    logger = logging.getLogger(USER_LOG)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class _JobLines(logging.Handler):
    """Writes records as lines of a job's log."""

    def __init__(self, queue: JobQueue, job: Job) -> None:
        super().__init__()
        self._queue, self._job = queue, job

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; that the state is busy must not stop the job."""
        level = next(name for name, least in _LEVELS if record.levelno >= least)
        code, data = getattr(record, "code", None), getattr(record, "data", None)
        try:
            self._queue.log(self._job.id, level, record.getMessage(), code=code, data=data)
        except DamageError:
            self.handleError(record)

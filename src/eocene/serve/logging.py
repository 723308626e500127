"""The log of a server and of its workers: lines for people, or JSON for machines, as the operator chooses.

Each line of a request carries its id, which the response tells as ``X-Request-ID``; each line about a job
the job's id.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVEL, FORM = "EOCENE_LOG_LEVEL", "EOCENE_LOG_FORMAT"
LEVELS, FORMS = ("debug", "info", "warning", "error"), ("text", "json")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Id of the request that is being answered; empty outside of one."""

_FIELDS = ("method", "route", "status", "seconds", "account")
_JOB = re.compile(r"\bj-[0-9a-f]{16}\b")


def configure_logging(stream: TextIO | None = None) -> None:
    """Write the log of this process as ``EOCENE_LOG_LEVEL`` and ``EOCENE_LOG_FORMAT`` say.

    Parameters
    ----------
    stream : text stream, optional
        Where to; by default the standard error.

    Raises
    ------
    InputError
        If a variable has none of the values that it may have.
    """
    level, form = _read(LEVEL, LEVELS, "warning"), _read(FORM, FORMS, "text")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_add_ids)
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(_TEXT))
    handler.set_name("eocene")
    root = logging.getLogger()
    root.handlers[:] = [*(other for other in root.handlers if other.name != handler.name), handler]
    root.setLevel(logging.WARNING)
    for name in ("eocene", "uvicorn.error"):
        logging.getLogger(name).setLevel(level.upper())


_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON, its time in UTC (RFC 3339)."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time, level, logger and message, and what else the record carries."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: vars(record)[name] for name in ("request", "job", *_FIELDS) if vars(record).get(name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_request(method: str, route: str, status: int, seconds: float, state: Mapping[str, Any]) -> None:
    """Write the line of a request that was answered; what was asked for, but no secrets of its address."""
    logger = logging.getLogger("eocene.requests")
    if not logger.isEnabledFor(logging.INFO):
        return
    account = getattr(state.get("identity"), "account", None)
    facts = {"method": method, "route": route, "status": status, "seconds": round(seconds, 4)}
    logger.info("%s %s %d in %.3f s", method, route, status, seconds, extra=facts | {"account": account})


def _add_ids(record: logging.LogRecord) -> bool:
    if "request" not in vars(record):
        record.request = request_id.get()
    if "job" not in vars(record) and (found := _JOB.search(record.getMessage())):
        record.job = found[0]
    return True


def _read(name: str, known: tuple[str, ...], usual: str) -> str:
    value = os.environ.get(name, usual).lower()
    if value not in known:
        raise InputError(f"{name} is {value[:40]!r}.", f"Use one of {', '.join(known)}.")
    return value

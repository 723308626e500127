"""What a job is: its fields, its states and which of them can follow which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL_USER = "eocene"
"""Owner of what is made without a server, and name of the first user."""

LEVELS = ("error", "warning", "info", "debug")
"""Levels of log lines, the gravest first."""

STATES = ("created", "queued", "running", "finished", "error", "canceled")
"""The states of an openEO batch job (source: openEO API 1.2.0, ``batch_job``)."""

ACTIVE = ("queued", "running")
"""States in which a job can't be changed."""


def format_instant(seconds: float) -> str:
    """Write seconds since 1970 as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_label(label: Any) -> str:
    """Write a label along t as RFC 3339 in UTC; a month or year is its first instant, other text stays."""
    try:
        return f"{np.datetime64(label).astype('datetime64[s]')}Z"
    except ValueError:
        return str(label)


def check_level(level: str) -> str:
    """Return the level if it is one of openEO's; raises InputError."""
    if level not in LEVELS:
        raise InputError(
            f"The log level {level!r} is unknown.",
            f"Use one of {', '.join(LEVELS)}.",
            code="InvalidParameterValue",
        )
    return level


def check_process(process: Any) -> dict[str, Any]:
    """Return the process if it has a process graph; raises InputError."""
    if not isinstance(process, dict):
        raise InputError(
            "The process is not a JSON object.",
            'Send {"process": {"process_graph": {...}}}.',
            code="ProcessInvalid",
        )
    if not isinstance(process.get("process_graph"), dict) or not process["process_graph"]:
        raise InputError(
            "The process has no process graph.",
            'Send {"process": {"process_graph": {...}}} with at least one node.',
            code="ProcessGraphMissing",
        )
    return process


def give_arguments(process: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the process with these values as defaults of its parameters, since a job is called without."""
    listed = {p["name"]: p for p in process.get("parameters") or []}
    given = {
        name: {"schema": {}, **listed.get(name, {}), "name": name, "default": value}
        for name, value in values.items()
    }
    return {**process, "parameters": list((listed | given).values())}


def credits_of(cpu_s: float) -> float:
    """Return what seconds of processor time cost, in the currency of jobs: a credit is a minute of them."""
    return cpu_s / 60


def describe_usage(job: Job) -> dict[str, Any]:
    """Return what a run used, as the openEO API shows it."""
    return {
        "cpu": {"value": round(job.cpu_s or 0.0, 2), "unit": "cpu-seconds"},
        "duration": {"value": round(job.wall_s or 0.0, 2), "unit": "seconds"},
        "max_memory": {"value": round((job.memory_bytes or 0.0) / 2**20), "unit": "mb"},
    }


@dataclass(frozen=True)
class Job:
    """One batch job as it stood when it was read.

    ``progress`` is in percent; ``created`` and ``updated`` are seconds since 1970, UTC.
    ``lease`` is the secret of the worker that holds the job, or None. ``run`` tells one time that the
    job was started from the next; ``queued``, ``started`` and ``ended`` are instants of it, ``cpu_s`` and
    ``wall_s`` the seconds of processor and time that its workers took so far, ``memory_bytes`` the most
    memory that one of them held, ``expires`` the instant after which its results are removed.
    """

    id: str
    owner: str
    title: str | None
    description: str | None
    process: dict[str, Any]
    status: str
    progress: float
    created: float
    updated: float
    plan: str | None
    budget: float | None
    log_level: str
    worker: str | None
    lease: str | None
    attempts: int
    run: str | None = None
    queued: float | None = None
    started: float | None = None
    ended: float | None = None
    cpu_s: float | None = None
    wall_s: float | None = None
    memory_bytes: float | None = None
    expires: float | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Job:
        """Read a row of the table ``jobs``."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})

    @property
    def graph(self) -> dict[str, Any]:
        """The flat openEO process graph."""
        graph: dict[str, Any] = self.process["process_graph"]
        return graph

    @property
    def parameters(self) -> dict[str, Any]:
        """Values of the process's parameters: its defaults, since a job is called without arguments."""
        listed = self.process.get("parameters") or []
        return {p["name"]: p["default"] for p in listed if isinstance(p, dict) and "default" in p}

    def instants(self) -> dict[str, str]:
        """Return the instants of the job's last run, as version 1.3.0 of the openEO API names them.

        ``unpublished`` is when its results are removed.
        """
        if self.status == "created":
            return {}
        known = {
            "queued": self.queued,
            "started": self.started,
            "ended": self.ended,
            "unpublished": self.expires,
        }
        return {name: format_instant(at) for name, at in known.items() if at is not None}

    def to_openeo(self, *, full: bool = True) -> dict[str, Any]:
        """Return the metadata as the openEO API shows it; without ``full`` no nested values."""
        shown: dict[str, Any] = {
            "id": self.id,
            "status": self.status,
            "created": format_instant(self.created),
            "updated": format_instant(self.updated),
            "log_level": self.log_level,
        }
        optional = ("title", "description", "plan", "budget")
        shown |= {key: value for key in optional if (value := getattr(self, key)) is not None}
        if self.status not in ("created", "queued"):
            shown["progress"] = round(self.progress, 2)
        shown |= self.instants()
        if self.ended is not None and self.cpu_s is not None:
            shown |= {"costs": round(credits_of(self.cpu_s), 4), "usage": describe_usage(self)}
        if full:
            shown["process"] = self.process
        return shown

"""What one job may use: the operator's limits and its own budget, checked before and while it runs."""

from __future__ import annotations

import resource
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.jobs.accounts.quota import read_setting
from eocene.jobs.job import credits_of
from eocene.model import EoceneError, InputError
from eocene.process.metering import OUTSIDE

if TYPE_CHECKING:
    from eocene.jobs.job import Job

VARIABLE = "EOCENE_JOBS"
"""The environment variable with the operator's limits, as JSON."""

DAY_S = 24 * 3600.0


class BudgetError(EoceneError):
    """A job would cost, or has cost, more than its budget or the operator's limits allow."""

    code = "PaymentRequired"
    status = 402


@dataclass(frozen=True)
class Usage:
    """What the workers of a run have used so far.

    Parameters
    ----------
    cpu_s, wall_s : float
        Seconds of processor time and of time.
    memory_bytes : float
        The most memory that a worker held.
    """

    cpu_s: float = 0.0
    wall_s: float = 0.0
    memory_bytes: float = 0.0

    @property
    def columns(self) -> dict[str, float]:
        """The values by the names of their columns."""
        return asdict(self)


@dataclass(frozen=True)
class JobLimits:
    """What each job of this installation may use at most; None is no limit.

    Parameters
    ----------
    cpu_s : float or None
        Seconds of processor time, all attempts together.
    memory_bytes : float or None
        Memory of its worker.
    keep_days : float or None
        Days for which finished results are kept.
    attempts : int
        So often in a row a worker may be lost without getting further.
    """

    cpu_s: float | None = None
    memory_bytes: float | None = None
    keep_days: float | None = None
    attempts: int = 3

    @classmethod
    def of_environment(cls) -> JobLimits:
        """Return what ``EOCENE_JOBS`` says, such as ``{"keep_days": 90, "cpu_s": 36000}``.

        Raises
        ------
        InputError
            If it is not such an object.
        """
        given = read_setting(VARIABLE)
        names = [f.name for f in fields(cls)]
        known = given is None or (isinstance(given, dict) and given.keys() <= set(names))
        if not known or not all(_is_number(value) for value in (given or {}).values()):
            raise InputError(
                f"{VARIABLE} is not an object of limits above 0.",
                f"Give JSON with some of {', '.join(names)}.",
            )
        return cls(**(given or {}))

    @property
    def keep_s(self) -> float | None:
        """Seconds for which finished results are kept."""
        return None if self.keep_days is None else self.keep_days * DAY_S

    def check_estimate(self, job: Job, plan: Any) -> None:
        """Refuse a plan that is estimated to cost more than the job may.

        Raises
        ------
        BudgetError
            With the estimate and what is allowed.
        """
        if job.budget is None and self.cpu_s is None:
            return
        expected = float(plan.estimate().cpu_seconds)
        excess = self.find_excess(job, Usage(cpu_s=expected))
        if excess:
            raise BudgetError(
                f"The job is estimated to take {expected:.1f} s of processor time: {excess}",
                "Ask for a smaller area, fewer dates or a coarser resolution, or raise its budget.",
            )

    def find_excess(self, job: Job, used: Usage) -> str:
        """Say which limit is exceeded, or nothing."""
        cost = credits_of(used.cpu_s)
        if job.budget is not None and cost > job.budget:
            return f"that costs {cost:.3f} credits, and its budget is {job.budget:g}."
        if self.cpu_s is not None and used.cpu_s > self.cpu_s:
            return f"{used.cpu_s:.1f} s of processor time are more than the {self.cpu_s:g} s of each job."
        if self.memory_bytes is not None and used.memory_bytes > self.memory_bytes:
            held, most = used.memory_bytes / 2**20, self.memory_bytes / 2**20
            return f"{held:.0f} MiB of memory are more than the {most:.0f} MiB of each job."
        return ""


class Meter:
    """Measures what this process uses from now on, added to what was used before.

    Parameters
    ----------
    before : Usage
        By earlier attempts.
    """

    def __init__(self, before: Usage) -> None:
        self._before = before
        self._cpu, self._wall = _cpu_seconds(), time.monotonic()
        self._most = before.memory_bytes

    def read(self) -> Usage:
        """Return the usage up to now."""
        self._most = max(self._most, resident_bytes())
        return Usage(
            self._before.cpu_s + _cpu_seconds() - self._cpu,
            self._before.wall_s + time.monotonic() - self._wall,
            self._most,
        )


def resident_bytes() -> float:
    """Return the memory that this process holds now, in bytes; 0 where the system doesn't tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return float(pages * resource.getpagesize())


def _cpu_seconds() -> float:
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in spent) + OUTSIDE.seconds


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0

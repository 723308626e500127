"""Where results are published and removed: in the folder of the workspace, or in an object store.

Work in progress lies on the disk of the worker in either case, see :mod:`eocene.jobs.folders`.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from eocene.archive.store import StoreRefusedError, StoreUnavailableError
from eocene.archive.store.results import BucketResults, Manifest, open_results
from eocene.jobs.folders import RunFolder, set_aside
from eocene.model import EoceneError
from eocene.model.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.archive.store.results import Results
    from eocene.jobs.job import Job
    from eocene.model import Layout

_log = logging.getLogger(__name__)
_PATIENCE_S = 300.0
_WAIT_S = 1.0
_SENT = "sent.json"
RESULT = "@"
"""Stands between job and run in the name under which the result of a run is doomed."""


class Shelf:
    """Results in the folder of the workspace.

    Parameters
    ----------
    results : Results
        Where they are read.
    root : Path
        The folder of results and of work in progress.
    """

    def __init__(self, results: Results, root: Path) -> None:
        self.results, self.root = results, root

    def run_folder(self, job: Job) -> RunFolder:
        """Return where the work of a job's present run lies."""
        return RunFolder.of(self.root, job)

    def name_result(self, job: Job) -> tuple[str, ...]:
        """Return what to doom so that the result of the job's present run goes when it is swept."""
        return ()

    def discard(self, job_id: str) -> None:
        """Take the result of a job out of sight, where that is done at once."""
        set_aside(self.root / job_id)

    def withdraw(self, job_id: str, run: str) -> bool:
        """Take the result of a run out of sight, if it is still the job's; False if it is to be tried again.

        Only who holds the row of the job may call it.
        """
        return True

    def remove(self, name: str) -> bool:
        """Remove the folder of a run or of a job; False if that has to be tried again."""
        try:
            set_aside(self.root / name)
        except OSError as error:
            _log.warning("what is no longer needed stays for now: %s", error)
            return False
        return True


class StoreShelf(Shelf):
    """Results in an object store."""

    results: BucketResults

    def run_folder(self, job: Job) -> RunFolder:
        """Return where the work of a job's present run lies."""
        return SentRun(self.root, job.id, job.run or job.id, self.results)

    def name_result(self, job: Job) -> tuple[str, ...]:
        """Return what to doom; a later run's result is not touched by it."""
        return (f"{job.id}{RESULT}{job.run or job.id}",)

    def discard(self, job_id: str) -> None:
        """Do nothing: the sweep does it, also where the store does not answer now."""

    def remove(self, name: str) -> bool:
        """Remove folder and objects."""
        if not super().remove(name):
            return False
        job, _, run = name.removeprefix(".").partition(".")
        return self._try(lambda: self.results.tidy(job, run) if run else self.results.remove(job))

    def withdraw(self, job_id: str, run: str) -> bool:
        """Take the result of a run out of sight."""
        return self._try(lambda: self.results.withdraw(job_id, run))

    def _try(self, change: Callable[[], None]) -> bool:
        try:
            change()
        except EoceneError as error:
            _log.warning("what is no longer needed stays in the store for now: %s", error)
            return False
        return True


@dataclass(frozen=True)
class SentRun(RunFolder):
    """The work of one run, whose results are sent to a store.

    A canceled run leaves no partial results: they would be sent while everybody waits.
    """

    results: BucketResults

    def stage(self, should_stop: Callable[[], bool]) -> None:
        """Send the complete results; nobody sees them before they are published.

        Raises
        ------
        StoreUnavailableError
            If the store did not take them for five minutes.
        """
        end = time.monotonic() + _PATIENCE_S
        while self.complete.exists() and not should_stop():
            try:
                manifest = self.results.send(self.job, self.run, self.complete, should_stop)
            except StoreUnavailableError as error:
                if time.monotonic() > end or isinstance(error, StoreRefusedError):
                    raise
                _log.warning("the results wait for the object store: %s", error)
                time.sleep(_WAIT_S)
                continue
            if manifest is not None:
                write_json(self.path / _SENT, asdict(manifest))
                return

    def publish(self) -> None:
        """Make the results that were sent those of the job."""
        if not self.is_published():
            sent = json.loads((self.path / _SENT).read_text(encoding="utf-8"))
            self.results.reveal(self.job, Manifest(**sent))

    def is_published(self) -> bool:
        """Tell whether the results of this run are the job's; where the store does not say, not yet."""
        with suppress(StoreUnavailableError):
            manifest = self.results.read_manifest(self.job)
            return manifest is not None and manifest.run == self.run
        return False

    def has_partial(self) -> bool:
        """Tell that there is nothing to publish before all is finished."""
        return False


def open_shelf(layout: Layout) -> Shelf:
    """Return where the results of a workspace go: the store that the environment names, or its folder."""
    results = open_results(layout)
    kind = StoreShelf if isinstance(results, BucketResults) else Shelf
    return kind(results, layout.results)

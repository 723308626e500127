"""Where the files of jobs lie: results that can be downloaded, and the work in progress beside them.

``results/<job>``
    Complete results, or the partial ones of a canceled job.
``results/.<job>.<run>``
    What one run has so far, kept when its worker dies: ``finished`` (the ledger of blocks), ``draft``
    (their files), and ``result`` once all is there. No two runs share one, so a worker that comes late
    writes nothing into the work of another.
"""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eocene.model.files import sync_folder, write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.jobs.job import Job

_PUBLISHED = "published.json"
_ASIDE = ".old"


@dataclass(frozen=True)
class RunFolder:
    """The work of one run of a job.

    Parameters
    ----------
    root : Path
        The folder of all results.
    job : str
        Id of the job.
    run : str
        Token of the run.
    """

    root: Path
    job: str
    run: str

    @classmethod
    def of(cls, root: Path, job: Job) -> RunFolder:
        """Return the folder of the present run of a job."""
        return cls(root, job.id, job.run or job.id)

    @property
    def path(self) -> Path:
        """The work itself."""
        return self.root / f".{self.job}.{self.run}"

    @property
    def complete(self) -> Path:
        """Where the results lie from being complete to being published."""
        return self.path / "result"

    @property
    def target(self) -> Path:
        """Where they are published."""
        return self.root / self.job

    def stage(self, should_stop: Callable[[], bool]) -> None:
        """Do before publishing what takes long: nothing, since a folder is moved at once."""

    def publish(self) -> None:
        """Put the complete results in their place, whole; once they are there nothing is done."""
        if self.is_published():
            return
        write_json(self.path / _PUBLISHED, {})
        self._move(self.complete)

    def is_published(self) -> bool:
        """Tell whether a worker put the results in place, and died before it could say so."""
        return (self.path / _PUBLISHED).exists() and not self.complete.exists() and self.target.exists()

    def has_partial(self) -> bool:
        """Tell whether there is a described cube of which at least one block is finished."""
        draft = self.path / "draft"
        done = any((self.path / "finished").glob("write-*.json"))
        return done and (draft / "collection.json").exists() and (draft / "cube.zarr").exists()

    def publish_partial(self) -> None:
        """Put what is finished of a canceled run in place of the results, and say in them what it is."""
        path = self.path / "draft" / "collection.json"
        collection = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, collection | {"openeo:status": "canceled"})
        self._move(self.path / "draft")

    def _move(self, folder: Path) -> None:
        if self.target.exists():  # of an earlier run; a crash kept it from being removed
            set_aside(self.target)
        folder.rename(self.target)
        sync_folder(self.root)


def set_aside(folder: Path) -> None:
    """Take a folder out of sight at once, for :func:`sweep_aside` to remove."""
    with suppress(FileNotFoundError):
        folder.rename(folder.with_name(f".{folder.name.lstrip('.')}.{secrets.token_hex(4)}{_ASIDE}"))


def sweep_aside(root: Path) -> None:
    """Remove the folders that were set aside, also by processes that are no more."""
    for folder in root.glob(f".*{_ASIDE}"):
        shutil.rmtree(folder, ignore_errors=True)

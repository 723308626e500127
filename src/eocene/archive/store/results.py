"""Results of jobs in a store: sent object by object, then seen all at once.

::

    results/<job>/<run>.<hash>/…         the files of a run, in a place that only equal files share
    results/<job>/published.json         which of these is the result: its files, their bytes and SHA-256

A store has no renames, so what readers follow is one small object, ``published.json``, which is put when all
the others are there and deleted first. Whatever is cut off on the way is seen by nobody.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cachetools import LRUCache

from eocene.archive.store.bucket import open_bucket
from eocene.archive.store.published import Published, PublishedFolder, PublishedObjects
from eocene.archive.store.sending import measure_file, send_all
from eocene.model.errors import DamageError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.archive.store.bucket import Bucket
    from eocene.model.layout import Layout

ROOM = "results"
_JOB = re.compile(r"[\w\-]{1,64}", re.ASCII)


class Results(Protocol):
    """The results of all jobs of a workspace."""

    def find(self, job: str) -> Published:
        """Return the result of a job; where there is none, one without files."""

    def measure(self, job: str, run: str | None) -> int:
        """Return how many bytes the result takes that a run of a job has made."""


def open_results(layout: Layout) -> Results:
    """Return the results of a workspace: in the store that the environment names, else in its folder."""
    bucket = open_bucket()
    return FolderResults(layout.results) if bucket is None else BucketResults(bucket)


@dataclass(frozen=True)
class FolderResults:
    """Results in the folder of the workspace: a folder for each job."""

    root: Path

    def find(self, job: str) -> Published:
        """Return the result of a job."""
        return PublishedFolder(self.root / job)

    def measure(self, job: str, run: str | None) -> int:
        """Return the bytes of a result."""
        return measure_folder(self.root / job)


@dataclass(frozen=True)
class Manifest:
    """What ``published.json`` says.

    Attributes
    ----------
    run : str
        The run of the job that made the result.
    place : str
        The folder of its objects, in the store.
    files : dict
        Name → bytes and SHA-256.
    """

    run: str
    place: str
    files: dict[str, tuple[int, str]]


@dataclass(frozen=True)
class BucketResults:
    """Results in a store."""

    bucket: Bucket
    _sizes: LRUCache[tuple[str, str | None], int] = field(default_factory=lambda: LRUCache(65_536))

    def find(self, job: str) -> Published:
        """Return the result of a job."""
        manifest = self.read_manifest(job)
        if manifest is None:
            return PublishedObjects(self.bucket, "", {})
        return PublishedObjects(self.bucket, manifest.place, manifest.files)

    def measure(self, job: str, run: str | None) -> int:
        """Return the bytes of a result; that of a run never changes and is asked for once."""
        if (job, run) not in self._sizes:
            manifest = self.read_manifest(job)
            if manifest is None or manifest.run != run:
                return 0
            self._sizes[job, run] = sum(size for size, _ in manifest.files.values())
        return self._sizes[job, run]

    def read_manifest(self, job: str) -> Manifest | None:
        """Return what is published of a job; raises DamageError if the store does not answer."""
        if not _JOB.fullmatch(job):
            return None
        try:
            told = json.loads(self.bucket.read(_manifest(job)))
            files = {name: (int(size), str(digest)) for name, (size, digest) in told["files"].items()}
            return Manifest(told["run"], told["place"], files)
        except NotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamageError(
                f"{self.bucket.href(_manifest(job))!r} is damaged: {error}.", "Start the job again."
            ) from error

    def send(
        self, job: str, run: str, folder: Path, should_stop: Callable[[], bool] = bool
    ) -> Manifest | None:
        """Send the files of a folder that the store does not have yet; None if told to stop between two.

        Raises
        ------
        StoreUnavailableError, DamageError
            If the store does not take them, or not as they are; those that are there stay for the next try.
        """
        files = {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            files[path.relative_to(folder).as_posix()] = measure_file(path)
        digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        manifest = Manifest(run, f"{ROOM}/{job}/{run}.{digest[:16]}", files)
        known = {entry.name: entry for entry in self.bucket.list(manifest.place)}

        def send(name: str) -> None:
            place = f"{manifest.place}/{name}"
            if not should_stop():
                self.bucket.put(place, folder / name, known.get(place))

        send_all(send, files)
        return None if should_stop() else manifest

    def reveal(self, job: str, manifest: Manifest) -> None:
        """Make what was sent the result of a job, all of it at once."""
        self.bucket.put_bytes(_manifest(job), json.dumps(asdict(manifest), indent=1).encode())

    def withdraw(self, job: str, run: str) -> None:
        """Take the result of a run out of sight, if it is still the one of the job."""
        manifest = self.read_manifest(job)
        if manifest is not None and manifest.run == run:
            self.bucket.delete([_manifest(job)])

    def tidy(self, job: str, run: str) -> None:
        """Remove what a run has sent, unless it is the result of the job."""
        kept = self.read_manifest(job)
        keep = f"{kept.place}/" if kept else " "
        names = [entry.name for entry in self.bucket.list(f"{ROOM}/{job}")]
        mine = f"{ROOM}/{job}/{run}."
        self.bucket.delete(name for name in names if name.startswith(mine) and not name.startswith(keep))

    def remove(self, job: str) -> None:
        """Remove all of a job, its result first."""
        self.bucket.delete([_manifest(job)])
        self.bucket.delete(entry.name for entry in self.bucket.list(f"{ROOM}/{job}"))


def measure_folder(folder: Path) -> int:
    """Return the bytes of all files in a folder, also while some of them go."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def _manifest(job: str) -> str:
    return f"{ROOM}/{job}/published.json"

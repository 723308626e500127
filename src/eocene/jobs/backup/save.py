"""Making a backup."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eocene.archive.store.bucket import VARIABLE as STORE
from eocene.jobs.backup.folder import BackupFolder
from eocene.jobs.backup.freeze import freeze
from eocene.model import DamageError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.jobs.backup.folder import Entry, Snapshot
    from eocene.model import Layout


@dataclass(frozen=True)
class Saved:
    """What a backup came to: its name, how many files of how many bytes, what was written anew, what went."""

    snapshot: Snapshot
    written_bytes: int
    forgotten: tuple[str, ...]


def back_up(
    layout: Layout,
    target: Path,
    *,
    keep: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Saved:
    """Back up a workspace while it is used: all that the state names at one moment is in the backup.

    Results and uploads that lie in an object store stay there; the backup says in which.

    Parameters
    ----------
    layout : Layout
        The workspace; its server and workers may run and write.
    target : Path
        A folder of backups, or a new one. Files that it holds already are not written again.
    keep : int, optional
        How many backups stay; all by default.
    progress : callable, optional
        Called with (files done, all files).

    Raises
    ------
    InputError
        If the target holds something else.
    StateError
        If another backup is being made.
    DamageError
        If something could not be read or written; earlier backups are as they were.
    """
    folder = BackupFolder(target.absolute())
    try:
        with folder.hold(), freeze(layout) as (staging, dumps):
            before = _bytes_in(target)
            snapshot = _save(folder, layout, staging, dumps, progress)
            written = _bytes_in(target) - before
            forgotten = folder.forget(keep) if keep is not None else []
    except OSError as error:
        raise DamageError(
            f"The backup to {target} failed: {error}.",
            "Earlier backups are whole; see to the disk and repeat.",
        ) from error
    return Saved(snapshot, written, tuple(forgotten))


def _save(
    folder: BackupFolder,
    layout: Layout,
    staging: Path,
    dumps: dict[str, Path],
    progress: Callable[[int, int], None] | None,
) -> Snapshot:
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    known = _known(folder)
    apart = set(dumps.values())
    paths = sorted(path for path in staging.rglob("*") if path.is_file() and path not in apart)
    files: list[Entry] = []
    for number, path in enumerate(paths, start=1):
        name = path.relative_to(staging).as_posix()
        files.append(folder.put(path, name, known.get(name)))
        if progress is not None:
            progress(number, len(paths))
    databases = {key: folder.put(path, path.name.lstrip(".")) for key, path in dumps.items()}
    store = os.environ.get(STORE, "").strip()
    return folder.write(created, layout.root.resolve(), files, databases, store)


def _known(folder: BackupFolder) -> dict[str, Entry]:
    """Return the files of the newest backup by their paths; nothing if there is none that can be read."""
    try:
        return {entry.path: entry for entry in folder.read().files}
    except (NotFoundError, DamageError):
        return {}


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

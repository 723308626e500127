"""A moment of a running workspace, held fast: hard links of its files beside a state that names just these.

Results are put in place and discarded inside transactions of the state, so whoever holds the state's
write lock sees both agree. The lock is held for the few links that are new since the links before it; what
takes long, copying, happens afterwards from the links, which nobody else touches.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from eocene.jobs.backup.dumps import StateView, copy_sqlite, is_postgres, save_catalogue
from eocene.jobs.database import open_database
from eocene.model import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.model import Layout

LEFT_OUT = ("hot", "headers.sqlite")
"""What can be made again from the rest."""

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}(\.[^.]*)?")
"""Names of files and folders of ours that are being written."""

_LOCK = re.compile(r"writer\.lock|\d+\.lock")
_NOTHING = re.compile(r"(?!)")


@contextmanager
def freeze(layout: Layout) -> Iterator[tuple[Path, dict[str, Path]]]:
    """Yield a folder with the files of one moment, and the dumps of databases by their variables.

    Raises
    ------
    StateError
        If another backup of this workspace is being made.
    UnavailableError
        If a database of PostgreSQL is to be dumped and pg_dump is missing.
    """
    staging = layout.root / ".backup"
    with _hold(layout.root / ".backup.lock"):
        shutil.rmtree(staging, ignore_errors=True)  # of a backup that was killed
        staging.mkdir()
        try:
            yield staging, _freeze_into(layout, staging)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _freeze_into(layout: Layout, staging: Path) -> dict[str, Path]:
    results = _Links(layout.results, staging / "results")
    results.bring_up()
    with closing(open_database(layout)) as database, StateView(database) as state:
        with database.write() as connection:
            if is_postgres(str(database.url)):
                connection.exec_driver_sql("LOCK TABLE jobs IN EXCLUSIVE MODE")
            results.bring_up()
            for folder in (layout.files, layout.exports):
                link_tree(folder, staging / folder.name)
            state.pin()
        dumps = state.save(staging)
    dumps |= save_catalogue(staging)
    _freeze_rest(layout, staging)
    return dumps


def _freeze_rest(layout: Layout, staging: Path) -> None:
    for path in sorted(layout.root.iterdir()):
        target = staging / path.name
        if path.name in LEFT_OUT or path.name.startswith(".") or target.exists():
            continue
        if path == layout.graph:
            _link_graph(path, target)
        elif path.suffix == ".sqlite":
            copy_sqlite(path, target)
        elif path.is_dir():
            link_tree(path, target, _TEMPORARY)
        elif not path.name.endswith(("-wal", "-shm", "-journal")):
            _link_file(path, target)


def _link_graph(folder: Path, target: Path) -> None:
    """Link the generation that is current; a writer may make the next one meanwhile."""
    pointer = folder / "store.json"
    while True:
        before = pointer.read_bytes() if pointer.exists() else b""
        link_tree(folder, target, _LOCK)
        if before == (pointer.read_bytes() if pointer.exists() else b""):
            return
        shutil.rmtree(target)


class _Links:
    """Links of a folder whose entries are put in place and removed whole, such as results."""

    def __init__(self, source: Path, target: Path) -> None:
        self._source, self._target = source, target
        self._linked: dict[str, tuple[int, int]] = {}

    def bring_up(self) -> None:
        """Link what is new, let go of what is gone."""
        there = {}
        for path in self._source.iterdir() if self._source.is_dir() else ():
            with suppress(FileNotFoundError):
                status = path.stat()
                there[path.name] = (status.st_ino, status.st_ctime_ns)
        for name in [name for name, known in self._linked.items() if there.get(name) != known]:
            _remove(self._target / name)
            del self._linked[name]
        for name in there.keys() - self._linked.keys():
            if not name.startswith("."):
                link_tree(self._source / name, self._target / name)
                self._linked[name] = there[name]


def link_tree(source: Path, target: Path, passing: re.Pattern[str] = _NOTHING) -> None:
    """Link all files under a folder, or one file; names of ``passing`` and what vanishes are left out."""
    if source.is_file():
        _link_file(source, target)
        return
    for folder, folders, names in os.walk(source):
        inside = target / os.path.relpath(folder, source)
        folders[:] = [name for name in folders if not passing.fullmatch(name)]
        for name in names:
            if not passing.fullmatch(name):
                _link_file(Path(folder, name), inside / name)


def _link_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if source.is_symlink() or not source.is_file():
            return
        try:
            target.hardlink_to(source)
        except OSError:  # on a file system without hard links
            shutil.copy2(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _hold(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateError("Another backup of this workspace is being made.", "Wait for it.") from error
        yield

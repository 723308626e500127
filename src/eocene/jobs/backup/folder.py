"""A folder of backups: each file once, under its checksum, and one list for each backup.

::

    objects/3f/3f7a…                     a file, named by its SHA-256; never changed
    backups/20260712T101500Z-9c41….json  what one backup holds, written last; named by its own SHA-256
    lock                                 held by whoever writes

A file that two backups hold lies here once, so that each backup after the first costs only what is new.
A backup that is cut off leaves objects that no list names: the next one takes them up or removes them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from eocene.model import DamageError, InputError, NotFoundError, StateError
from eocene.model.files import replace_file, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One file: its path in the workspace, SHA-256, bytes, time of change (ns since 1970) and mode."""

    path: str
    sha256: str
    size: int
    mtime_ns: int
    mode: int


@dataclass(frozen=True)
class Snapshot:
    """What one backup holds.

    ``root`` is the folder that the workspace had, ``created`` an instant in UTC, ``databases`` the variable
    of the environment that named a database of PostgreSQL → the entry with its dump. ``store`` is the address
    of the object store that the workspace had, whose objects are not part of the backup; empty without one.
    """

    name: str
    created: str
    root: str
    files: tuple[Entry, ...]
    databases: dict[str, Entry]
    store: str = ""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All files, the dumps of databases included."""
        return (*self.files, *self.databases.values())


class BackupFolder:
    """Backups under one folder, which is made at the first.

    Parameters
    ----------
    root : Path
        The folder; only its owner may read what is made in it.

    Raises
    ------
    InputError
        If the folder holds something else.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._objects, self._lists = root / "objects", root / "backups"
        if root.exists() and not self._lists.is_dir() and (not root.is_dir() or any(root.iterdir())):
            raise InputError(
                f"{root} is not a folder of backups.", "Name a new or empty folder, or one with backups.",
                code="FilePathInvalid",
            )  # fmt: skip

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be the only one who writes; raises StateError if another process does."""
        for folder in (self.root, self._objects, self._lists):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateError(
                    f"Another backup is being written to {self.root}.", "Wait for it."
                ) from error
            yield

    def names(self) -> list[str]:
        """Return the names of all backups, the oldest first."""
        return sorted(path.stem for path in self._lists.glob("[0-9]*.json"))

    def read(self, name: str | None = None) -> Snapshot:
        """Return a backup by its name, or the newest.

        Raises
        ------
        NotFoundError
            If there is none.
        DamageError
            If its list is damaged; the file is named.
        """
        names = self.names()
        if not names or name not in (None, *names):
            there = f"There are: {', '.join(names)}." if names else "There is no whole backup."
            raise NotFoundError(f"{self.root} has no backup {name or ''}".rstrip() + ".", there)
        path = self._lists / f"{name or names[-1]}.json"
        data = path.read_bytes()
        if not path.stem.endswith(f"-{_hash(data)[:32]}"):
            raise DamageError(f"The list {path} is damaged.", "Take another backup.")
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise InputError(f"{path} has the format {document['format']}.", "Install a newer Eocene.")
        databases = {key: Entry(**entry) for key, entry in document["databases"].items()}
        files = tuple(Entry(**entry) for entry in document["files"])
        store = document.get("store", "")
        return Snapshot(path.stem, document["created"], document["root"], files, databases, store)

    def write(
        self, created: str, root: Path, files: Iterable[Entry], databases: dict[str, Entry], store: str = ""
    ) -> Snapshot:
        """Make a backup of what was put here; it is there whole or not at all."""
        os.sync()  # the objects stand on the disk before a list names them
        document = {
            "format": FORMAT,
            "created": created,
            "root": str(root),
            "store": store,
            "files": [asdict(entry) for entry in files],
            "databases": {key: asdict(entry) for key, entry in databases.items()},
        }
        data = json.dumps(document, indent=1).encode()
        name = f"{created.translate(str.maketrans('', '', '-:'))}-{_hash(data)[:32]}"
        with replace_file(self._lists / f"{name}.json") as temporary:
            temporary.write_bytes(data)
        return self.read(name)

    def put(self, source: Path, path: str, known: Entry | None = None) -> Entry:
        """Keep a file; its bytes are read once, or not at all if they are those of ``known``."""
        status = source.stat()
        facts: dict[str, Any] = {
            "size": status.st_size,
            "mtime_ns": status.st_mtime_ns,
            "mode": status.st_mode & 0o777,
        }
        same = known is not None and (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns)
        if known is not None and same and self.place(known).is_file():
            return Entry(path, known.sha256, **facts)
        temporary = self._objects / f".{secrets.token_hex(8)}"
        try:
            digest = copy_file(source, temporary)
            target = self._objects / digest[:2] / digest
            if not target.is_file():
                target.parent.mkdir(mode=0o700, exist_ok=True)
                temporary.chmod(0o400)
                temporary.rename(target)
        finally:
            temporary.unlink(missing_ok=True)
        return Entry(path, digest, **facts)

    def place(self, entry: Entry) -> Path:
        """Return where the bytes of a file lie."""
        return self._objects / entry.sha256[:2] / entry.sha256

    def fetch(self, entry: Entry, target: Path) -> bool:
        """Write a file as it was; False if it is missing here or its bytes have changed."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            whole = copy_file(self.place(entry), target) == entry.sha256
        except FileNotFoundError:
            return False
        target.chmod(entry.mode)
        os.utime(target, ns=(entry.mtime_ns, entry.mtime_ns))
        return whole

    def find_damage(self, snapshot: Snapshot) -> list[str]:
        """Read a backup whole and return the paths of the files that are missing or have changed."""
        return [entry.path for entry in snapshot.entries if not self._is_whole(entry)]

    def forget(self, keep: int) -> list[str]:
        """Remove all but the newest ``keep`` backups, and every object that no backup names."""
        doomed = self.names()[: -max(1, keep)]
        for name in doomed:
            (self._lists / f"{name}.json").unlink()
        sync_folder(self._lists)
        named = {entry.sha256 for name in self.names() for entry in self.read(name).entries}
        for path in self._objects.rglob("*"):
            if path.is_file() and path.name not in named:
                path.unlink()
        return doomed

    def _is_whole(self, entry: Entry) -> bool:
        try:
            with self.place(entry).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == entry.sha256
        except FileNotFoundError:
            return False


def copy_file(source: Path, target: Path) -> str:
    """Copy the bytes of a file and return their SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            writing.write(chunk)
    return digest.hexdigest()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""The folder of a store: immutable generations, one of which is current.

RocksDB lets one process write and calls reading beside it undefined. So a folder that a server
and a command line both want is kept as generations::

    graph/store.json          {"format": 1, "generation": 7}    replaced atomically
    graph/generations/7/      a RocksDB folder that nobody writes any more
    graph/generations/7.lock  readers hold it shared while they have generation 7 open
    graph/writer.lock         the one writer holds it

A writer clones the current generation (hard links, milliseconds), changes the clone and points
``store.json`` to it. A reader never waits and never sees half a change; a writer that is killed
leaves a folder that the next writer removes.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, TYPE_CHECKING

from pyoxigraph import DefaultGraph, Quad, Store

from eocene.model import DamageError, InputError, StateError
from eocene.model.files import write_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from pyoxigraph import NamedNode

_FORMAT = 1
_WAIT_STEP_S = 0.05


@dataclass
class Generation:
    """One immutable state, opened for reading."""

    number: int
    store: Store
    lock: IO[str] | None

    def close(self) -> None:
        """Let go of the folder, so that a writer may remove it."""
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    def __del__(self) -> None:
        # A reader that takes up the next state drops this one, while others may still read it.
        self.close()


class GenerationFolder:
    """The generations under one folder.

    Parameters
    ----------
    folder : Path
        A store's folder, or one that is absent or empty: it is then made at the first write.

    Raises
    ------
    InputError
        The path is a file, or a folder with something else in it.
    DamageError
        ``store.json`` cannot be read or is of a later format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pointer = folder / "store.json"
        self._generations = folder / "generations"
        self._check()

    def _check(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{self.folder} is a file, not the folder of a graph store.", "Give a folder.")
        if self._pointer.exists():
            self.current()
        elif self.folder.exists():
            strangers = {path.name for path in self.folder.iterdir()} - {"generations", "writer.lock"}
            strangers = {name for name in strangers if not name.startswith(".store.")}
            if strangers:
                raise InputError(
                    f"{self.folder} is not a graph store: it has no store.json but {min(strangers)!r}.",
                    "Give the folder 'graph' of a workspace, or an empty one.",
                )

    def current(self) -> int:
        """Return the number of the current generation; 0 before the first write."""
        try:
            record = json.loads(self._pointer.read_text(encoding="utf-8"))
            known, number = int(record["format"]), int(record["generation"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamageError(
                f"{self._pointer} cannot be read ({error}).",
                "Restore the folder from a backup, or remove it and load the layers again.",
            ) from error
        if known != _FORMAT:
            raise DamageError(
                f"{self._pointer} has the format {known}; this version reads {_FORMAT}.", "Update eocene."
            )
        return number

    def open_current(self) -> Generation:
        """Open the current generation for reading."""
        for _ in range(100):
            number = self.current()
            if number == 0:
                return Generation(0, Store(), None)
            lock = self._lock_path(number).open("a", encoding="utf-8")
            fcntl.flock(lock, fcntl.LOCK_SH)
            # A writer may have moved on and removed the folder before the lock was held.
            if self.current() != number:
                lock.close()
                continue
            try:
                return Generation(number, self._open(number), lock)
            except DamageError:
                lock.close()
                raise
        raise StateError(f"{self.folder} changes too fast to be read.", "Try again.")

    def _open(self, number: int) -> Store:
        path = self._path(number)
        try:
            return Store.read_only(str(path))
        except OSError as error:
            raise DamageError(
                f"The graph store {path} cannot be read ({error}).",
                "Restore the folder from a backup, or remove it and load the layers again.",
            ) from error

    @contextmanager
    def change(self, without: Collection[NamedNode], wait_s: float) -> Iterator[Store]:
        """Yield a writable copy without some named graphs; it becomes current if all goes well.

        Raises
        ------
        StateError
            Another writer held the lock for longer than ``wait_s``.
        """
        self._generations.mkdir(parents=True, exist_ok=True)
        with self._hold_writer_lock(wait_s):
            number = self.current()
            self._remove_stale(number)
            fresh = self._path(number + 1)
            try:
                store = self._copy(number, without, fresh)
                yield store
                store.flush()
                del store
                write_json(self._pointer, {"format": _FORMAT, "generation": number + 1})
            except BaseException:
                if self.current() == number:
                    shutil.rmtree(fresh, ignore_errors=True)
                raise
            self._remove_stale(number + 1)

    def _copy(self, number: int, without: Collection[NamedNode], fresh: Path) -> Store:
        if number == 0:
            return Store(fresh)
        old = self._open(number)
        doomed = chain.from_iterable(old.quads_for_pattern(None, None, None, graph) for graph in without)
        if next(islice(doomed, len(old) // 8, None), None) is None:
            old.backup(fresh)
            store = Store(fresh)
            for unwanted in without:
                _remove_graph(store, unwanted)
            return store
        # Removing quads one by one costs several times as much as writing the others anew.
        store = Store(fresh)
        for graph in old.named_graphs():
            if graph not in without:
                store.bulk_extend(double(old.quads_for_pattern(None, None, None, graph)))
        return store

    @contextmanager
    def _hold_writer_lock(self, wait_s: float) -> Iterator[None]:
        deadline = time.monotonic() + wait_s
        with (self.folder / "writer.lock").open("a+", encoding="utf-8") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        lock.seek(0)
                        raise StateError(
                            f"{self.folder} is being written by another process (pid {lock.read() or '?'}).",
                            "Try again when it is done; questions can be asked meanwhile.",
                        ) from error
                    time.sleep(_WAIT_STEP_S)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def _remove_stale(self, current: int) -> None:
        """Remove generations that are neither current nor held by a reader."""
        for path in self._generations.iterdir():
            if not path.is_dir() or path.name == str(current):
                continue
            lock_path = path.with_name(path.name + ".lock")
            with lock_path.open("a", encoding="utf-8") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                shutil.rmtree(path, ignore_errors=True)
                lock_path.unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._generations / str(number)

    def _lock_path(self, number: int) -> Path:
        return self._generations / f"{number}.lock"


def double(quads: Iterable[Quad]) -> Iterator[Quad]:
    """Yield each quad, and its triple in the default graph.

    The default graph is kept as the merge of all named graphs: the evaluator's own union of
    graphs gives a triple once for each graph it stands in, so that counts would be too high.
    """
    for quad in quads:
        yield quad
        yield Quad(quad.subject, quad.predicate, quad.object)


def _remove_graph(store: Store, graph: NamedNode) -> None:
    for quad in list(store.quads_for_pattern(None, None, None, graph)):
        store.remove(quad)
        shared = store.quads_for_pattern(quad.subject, quad.predicate, quad.object, None)
        if all(other.graph_name == DefaultGraph() for other in shared):
            store.remove(Quad(quad.subject, quad.predicate, quad.object))
    store.remove_graph(graph)

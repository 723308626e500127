"""The materialised areas of a workspace: which there are, who may change them, and how they go.

::

    hot/
      writer.lock        one writer at a time
      <area>/area.json   what the area holds; replaced whole, and only then is a change made
      <area>/<part>/     Zarr arrays of up to a hundred dates; what area.json names never changes
      <area>/used        its time of change tells when the area was read last

A reader holds the folder of an area among others, who deletes holds it alone: nothing goes under a reader's
hands. A writer that dies leaves parts that no ``area.json`` names, which the next one removes.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.archive.hot.area import HotArea, read_area, write_area
from eocene.archive.hot.locks import lock_file, lock_folder
from eocene.model.budget import parse_size
from eocene.model.errors import DamageError, InputError, NotFoundError, StateError
from eocene.model.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.model.grid import Lattice

VARIABLE = "EOCENE_HOT"
_SHARE = 5
"""Of the disk space that is free, areas together take one part in so many unless told otherwise."""
_USED_STEP_S = 60.0
_Key = tuple[int, int, int]


@dataclass(frozen=True)
class _Known:
    key: _Key
    area: HotArea | None


class HotAreas:
    """The materialised areas of a workspace, each a :class:`HotArea`; every method may be called at any time.

    Parameters
    ----------
    folder : Path
        Where they lie; it is made when the first area is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[HotArea]:
        return iter(self._list())

    def __len__(self) -> int:
        return len(self._list())

    def __getitem__(self, name: str) -> HotArea:
        area = self._read(name) if isinstance(name, str) else None
        if area is None:
            names = ", ".join(area.name for area in self._list()) or "none"
            raise NotFoundError(f"There is no materialised area {name!r}.", f"There are: {names}.")
        return area

    def _list(self) -> list[HotArea]:
        try:
            names = sorted(entry.name for entry in os.scandir(self.folder) if entry.is_dir())
        except FileNotFoundError:
            return []
        found = map(self._read, names)
        return [area for area in found if area is not None]

    def _read(self, name: str) -> HotArea | None:
        """Return an area as it is now; what was read before is not read again."""
        key = self._key(name)
        if key is None:
            self._known.pop(name, None)
            return None
        with self._lock:
            known = self._known.get(name)
            if known is None or known.key != key:
                known = self._known[name] = _Known(key, read_area(self._record(name)))
        return known.area

    def _key(self, name: str) -> _Key | None:
        if Path(name).name != name or name.startswith("."):  # what is being deleted is none any more
            return None
        try:
            status = self._record(name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def path(self, area: HotArea) -> Path:
        """Return the folder of an area."""
        return self.folder / area.name

    def _record(self, name: str) -> Path:
        return self.folder / name / "area.json"

    def on(self, collection: str, lattice: Lattice) -> list[HotArea]:
        """Return the areas of a collection that stand on a lattice."""
        return [a for a in self._list() if a.collection == collection and a.grid.lattice == lattice]

    # -- reading -------------------------------------------------------------------------------

    @contextmanager
    def reading(self, area: HotArea) -> Iterator[bool]:
        """Keep the parts of an area from being deleted; yield False if it is no longer as it was."""
        with lock_folder(self.path(area), alone=False) as held:
            current = held and self._read(area.name) is area
            if current:
                self._note_use(area)
            yield current

    def _note_use(self, area: HotArea) -> None:
        used = self.path(area) / "used"
        with suppress(OSError):  # of a disk that is full or only to be read
            if not used.exists() or time.time() - used.stat().st_mtime > _USED_STEP_S:
                used.touch()

    def last_used(self, area: HotArea) -> float:
        """Return when the area was last read or written, in seconds since 1970, to the minute."""
        for name in ("used", "area.json"):
            with suppress(OSError):
                return (self.path(area) / name).stat().st_mtime
        return 0.0

    def describe(self, area: HotArea) -> dict[str, Any]:
        """Return what people want to know of an area, as JSON."""
        dates = [str(date.label)[:10] for date in area.dates]
        used = datetime.fromtimestamp(self.last_used(area), UTC)
        return {
            "name": area.name,
            "collection": area.collection,
            "bbox": list(area.bbox),
            "crs": f"EPSG:{area.grid.epsg}",
            "bounds": list(area.grid.bounds),
            "resolution": area.grid.lattice.resolution[0],
            "datetime": area.datetime,
            "bands": list(area.bands),
            "dates": len(dates),
            "first": dates[0] if dates else None,
            "last": dates[-1] if dates else None,
            "bytes": area.bytes,
            "last_used": used.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }

    # -- writing -------------------------------------------------------------------------------

    @contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[bool]:
        """Be the only one who writes, after what others have left half-written is removed.

        Yields False if another writes and we do not wait.
        """
        with lock_file(self.folder / "writer.lock", wait=wait) as held:
            if not held:
                yield False
                return
            self._sweep()
            try:
                yield True
            except OSError as error:
                self._sweep()
                raise DamageError(
                    f"A materialised area cannot be written in {str(self.folder)!r}: {error.strerror}.",
                    "Check that the disk is not full and that the folder may be written.",
                ) from error
            except BaseException:
                self._sweep()
                raise

    def _sweep(self) -> None:
        for entry in self.folder.iterdir():
            if entry.is_dir():
                area = self._read(entry.name)
                if area is None:
                    self._remove(entry)
                else:
                    self.remove_unused(area)

    def put(self, area: HotArea) -> None:
        """Make an area, or what it holds now, known; its parts are written already."""
        folder = self.path(area)
        with replace_file(folder / "area.json") as temporary:
            temporary.write_bytes(write_area(area))
        with suppress(OSError):
            (folder / "used").touch()
        self.remove_unused(area)

    def remove_unused(self, area: HotArea) -> None:
        """Delete parts that the area does not name, unless somebody reads it."""
        kept = {part.name for part in area.parts}
        folder = self.path(area)
        if all(not entry.is_dir() or entry.name in kept for entry in folder.iterdir()):
            return
        with lock_folder(folder, alone=True) as held:
            for entry in folder.iterdir() if held else ():
                if entry.is_dir() and entry.name not in kept:
                    shutil.rmtree(entry, ignore_errors=True)

    def drop(self, name: str) -> None:
        """Delete an area.

        Raises
        ------
        NotFoundError
            If there is no such area.
        StateError
            If it is being read or written.
        """
        area = self[name]
        if not self._remove(self.path(area)):
            raise StateError(f"The area {name!r} is being read or written.", "Try again when that is done.")

    @staticmethod
    def _remove(folder: Path) -> bool:
        """Delete a folder in one step, if nobody holds it."""
        with lock_folder(folder, alone=True) as held:
            if held:
                doomed = folder.with_name(f".{folder.name.lstrip('.')}.{secrets.token_hex(4)}")
                folder.rename(doomed)
                shutil.rmtree(doomed, ignore_errors=True)
            return held

    # -- space ---------------------------------------------------------------------------------

    def limit(self) -> int:
        """Return the bytes that all areas may take: ``EOCENE_HOT``, or a fifth of the free disk space.

        Raises
        ------
        InputError
            If ``EOCENE_HOT`` is not a size.
        """
        wanted = os.environ.get(VARIABLE, "").strip()
        if wanted:
            return parse_size(wanted, VARIABLE)
        free = shutil.disk_usage(self.folder if self.folder.exists() else self.folder.parent).free
        return (free + sum(area.bytes for area in self)) // _SHARE

    def make_room(self, for_area: HotArea, wanted: int) -> None:
        """Drop areas, the least recently used first, until one area and so many bytes more have room.

        Raises
        ------
        InputError
            StorageExceeded, if there is not enough room even then.
        """
        limit = self.limit()
        others = sorted((a for a in self if a.name != for_area.name), key=self.last_used)
        taken = for_area.bytes + wanted + sum(area.bytes for area in others)
        for area in others:
            if taken > limit and self._remove(self.path(area)):
                taken -= area.bytes
        if taken > limit:
            raise InputError(
                f"The area of {for_area.collection!r} does not fit: it would take {taken} bytes with what is "
                f"in use, and materialised areas may take {limit}.",
                f"Materialise less, drop an area, or set {VARIABLE} to a larger size.",
                code="StorageExceeded",
            )

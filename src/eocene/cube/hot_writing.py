"""Materialising: what a source would read of an area, kept as it is stored, date by date."""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eocene.archive.hot.area import HotDate
from eocene.archive.hot.locks import lock_folder
from eocene.cube.hot import find_fresh
from eocene.cube.hot_arrays import (
    CHUNK,
    CHUNK_DATES,
    SHARD,
    SHARD_DATES,
    create_part,
    describe_part,
    measure_folder,
    shards_of,
)
from eocene.cube.source import UNKNOWN, box_test
from eocene.model import DamageError, StateError
from eocene.model.budget import memory_budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from eocene.archive.hot.area import HotArea
    from eocene.cube.hot_arrays import PartArrays
    from eocene.cube.source import CubeSource
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]
    Progress = Callable[[int, int], None]
    Date = tuple[np.datetime64, tuple[Item, ...]]


class Materialised(NamedTuple):
    """An area as it is now, how many dates were written, and why some of them stay in the files."""

    area: HotArea
    written: int
    left_out: dict[str, str]


def write_area(source: CubeSource, area: HotArea, progress: Progress | None = None) -> Materialised:
    """Bring an area up to what a source holds of it, under the lock for writing.

    Dates that it holds already stay as they are; those whose items have changed are written anew, and those
    that the source no longer has are forgotten. What is new is known at the end, all of it or nothing.

    Parameters
    ----------
    source : CubeSource
        All dates and bands of the area; it may reach farther than its grid.
    area : HotArea
        What there is of it; new ones have no dates.
    progress : callable, optional
        Called with (written, all) pieces: a shard's worth of dates of a band.

    Raises
    ------
    InputError
        StorageExceeded, if there is no room.
    StateError
        If the area is being dropped.
    """
    areas = source.archive.hot
    bands = [band for band in source.bands if band.name in area.bands]
    left_out: dict[str, str] = {}
    fresh = find_fresh(source, area, area.grid, bands)
    kept, wanted = _choose(source, area, bands, fresh, left_out)
    areas.path(area).mkdir(parents=True, exist_ok=True)
    with lock_folder(areas.path(area), alone=False) as held:
        if not held:
            raise StateError(f"The area {area.name!r} is being dropped.", "Try again when that is done.")
        groups = list(_groups(wanted, SHARD_DATES))
        job = _Job(source, area, tuple(bands), progress, left_out)
        job.count(groups)
        parts = [part for part in area.parts if any(date.part == part.name for date in kept)]
        for group in groups:
            area = replace(area, parts=tuple(parts))
            part, dates = job.write_part(area, group)
            parts.append(part)
            kept += dates
        kept.sort(key=lambda date: date.label)
        used = {date.part for date in kept}
        area = replace(area, dates=tuple(kept), parts=tuple(p for p in parts if p.name in used))
    areas.put(area)
    return Materialised(area, len(wanted), left_out)


def _choose(
    source: CubeSource,
    area: HotArea,
    bands: Sequence[Band],
    fresh: Mapping[int, HotDate],
    left_out: dict[str, str],
) -> tuple[list[HotDate], list[Date]]:
    """Return the dates that stay where they are, and those that are to be written.

    Where something is written, what lies in small parts is written with it, so that parts stay few.
    """
    meets = box_test(area.grid)
    wanted: list[Date] = []
    for position, (label, items) in enumerate(source.dates):
        near = tuple(item for item in items if meets(item["bbox"]))
        if position in fresh or not near:
            continue
        reason = _refuse(near, bands, area)
        if reason:
            left_out[str(label)] = reason
        else:
            wanted.append((label, near))
    if not wanted:
        return list(fresh.values()), []
    sizes = Counter(date.part for date in fresh.values())
    moved = {p for p, date in fresh.items() if sizes[date.part] < CHUNK_DATES}
    wanted += [(source.dates[p][0], tuple(i for i in source.dates[p][1] if meets(i["bbox"]))) for p in moved]
    return [d for p, d in fresh.items() if p not in moved], sorted(wanted, key=lambda date: date[0])


def _refuse(items: Sequence[Item], bands: Sequence[Band], area: HotArea) -> str:
    """Return why a date cannot be kept as stored numbers; empty if it can."""
    for band in bands:
        forms = _forms(items, band)
        if len(forms) > 1:
            return f"its images store {band.name} in different ways"
        if any(form.dtype != area.bands[band.name] for form in forms):
            return f"it stores {band.name} in another data type than the collection"
    return ""


def _forms(items: Sequence[Item], band: Band) -> set[Band]:
    """Return how a band is stored in items."""
    return {band.stored_in(item["assets"][band.name]) for item in items if band.name in item["assets"]}


def _groups(dates: list[Date], length: int) -> Iterator[list[Date]]:
    return (dates[first : first + length] for first in range(0, len(dates), length))


@dataclass
class _Job:
    """Writing parts of an area.

    Parameters
    ----------
    source, area, bands, progress
        As above.
    left_out : dict
        Label to reason, of the dates that stay in the files; broken ones are added.
    done, pieces : int
        Pieces that were written, and all.
    """

    source: CubeSource
    area: HotArea
    bands: tuple[Band, ...]
    progress: Progress | None
    left_out: dict[str, str]
    done: int = field(default=0)
    pieces: int = field(default=0)

    def count(self, groups: Sequence[list[Date]]) -> None:
        """Count the pieces of all parts."""
        shards = sum(1 for group in groups for _ in shards_of(self.area.grid, self._edge(len(group))))
        self.pieces = shards * len(self.bands)

    def write_part(self, area: HotArea, dates: list[Date]) -> tuple[Any, list[HotDate]]:
        """Write dates into a new part; return it and what it holds."""
        areas = self.source.archive.hot
        folder: Path = areas.path(area) / f"part-{secrets.token_hex(4)}"
        items = {label: self._describe(near) for label, near in dates}  # before they are read
        edge = self._edge(len(dates))
        arrays = create_part(folder, area.grid, list(area.bands.values()), len(dates), edge)
        order = list(area.bands)
        for window in shards_of(area.grid, edge):
            for band in self.bands:
                self._write_piece(arrays, order.index(band.name), band, window, dates)
                self._step()
            areas.make_room(area, measure_folder(folder)[1])
        kept = [
            HotDate(label, folder.name, slot, items[label])
            for slot, (label, _) in enumerate(dates)
            if str(label) not in self.left_out
        ]
        return describe_part(folder, edge), kept

    def _describe(self, items: Sequence[Item]) -> Any:
        names = [band.name for band in self.bands]
        return tuple(self.source.described.describe(item, names) for item in items)

    def _step(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.pieces)

    def _edge(self, dates: int) -> int:
        """Return the edge of shards: smaller ones where memory is short."""
        widest = max(np.dtype(band.dtype).itemsize for band in self.bands) + 1
        edge, budget = SHARD, memory_budget()
        while edge > CHUNK and 4 * dates * edge * edge * widest > budget:
            edge //= 2
        return edge

    def _write_piece(
        self, arrays: PartArrays, number: int, band: Band, window: Grid, dates: list[Date]
    ) -> None:
        """Write all dates of a band in a shard's window; those that are stored alike are read together."""
        shape = (len(dates), *window.shape)
        numbers, valid = np.zeros(shape, self.area.bands[band.name]), np.zeros(shape, bool)
        alike: dict[Band, list[int]] = defaultdict(list)
        for position, (label, items) in enumerate(dates):
            for form in _forms(items, band):
                if str(label) not in self.left_out:
                    alike[form].append(position)
        for form, positions in alike.items():
            self._read(form, window, [(p, dates[p]) for p in positions], numbers, valid)
        arrays.write(number, 0, window, numbers, valid)

    def _read(
        self, band: Band, window: Grid, dates: list[tuple[int, Date]], numbers: Any, valid: Any
    ) -> None:
        """Fill in dates that are stored alike; of several, those that are broken are found one by one."""
        source = replace(
            self.source, dates=tuple(date for _, date in dates), bands=(band,), scaled=False,
            dtype=UNKNOWN, mixed=frozenset(),
        )  # fmt: skip
        try:
            layer = source.read(window).layers[0]
        except DamageError as error:
            if len(dates) > 1:
                for one in dates:
                    self._read(band, window, [one], numbers, valid)
            else:
                self.left_out[str(dates[0][1][0])] = str(error)
            return
        found, mask = layer.cut((slice(None), slice(None), slice(None)))
        positions = [position for position, _ in dates]
        numbers[positions] = found
        valid[positions] = mask

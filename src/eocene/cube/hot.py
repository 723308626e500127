"""Reading what is materialised: what an area holds of a window comes from there, the rest from the files.

A date is taken from an area where it was laid there of the very items that a source would lay in that window:
the same ids in the same order, described by the same assets, in files that have not changed since. So what is
stale is never used, whatever became of the catalogue, and what is used has the same values bit for bit.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.hot_arrays import open_part
from eocene.cube.source import Layer, Leaf, box_test, decode_numbers
from eocene.model.errors import EoceneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eocene.archive.hot.area import HotArea, HotDate
    from eocene.cube.source import CubeSource
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]

_LOG = logging.getLogger(__name__)
_CHOSEN = {"archive", "dates", "bands", "grid", "scaled", "dtype", "mixed", "within", "on_error"}
"""What of a source does not change the stored numbers of a date and band."""


def reading_options(source: CubeSource) -> dict[str, str]:
    """Return how a source reads, where that can be chosen."""
    chosen = (f.name for f in fields(source) if f.compare and f.name not in _CHOSEN)
    return {name: repr(getattr(source, name)) for name in chosen}


def read_hot(source: CubeSource, window: Grid) -> Leaf | None:
    """Read a window of which an area holds a part; None if none does.

    What the area does not hold is read by the source again, from another area or from the files.
    """
    for area, part in _areas(source, window):
        bands = [b for b in source.bands if area.bands.get(b.name) == _stored_dtype(source, b)]
        fresh = find_fresh(source, area, part, bands) if bands else {}
        if not fresh:
            continue
        with source.archive.hot.reading(area) as there:
            if not there:
                continue
            canvas = _Canvas(source, window)
            try:
                _paste_hot(canvas, area, part, bands, fresh)
            except (EoceneError, OSError, ValueError, KeyError, RuntimeError) as error:
                _LOG.warning("The materialised area %s cannot be read: %s", area.name, error)
                continue
        _paste_rest(canvas, part, bands, fresh)
        return canvas.leaf()
    return None


def _areas(source: CubeSource, window: Grid) -> list[tuple[HotArea, Grid]]:
    """Return the areas that hold a part of a window, the one that holds most of it first."""
    item = next((item for _, items in source.dates for item in items), None)
    if item is None or 0 in window.shape:
        return []
    options = reading_options(source)
    near = source.archive.hot.on(str(item.get("collection")), window.lattice)
    parts = [(a, a.grid.intersect(window)) for a in near if a.options == options]
    found = [(area, part) for area, part in parts if part is not None]
    return sorted(found, key=lambda pair: -pair[1].width * pair[1].height)


def _stored_dtype(source: CubeSource, band: Band) -> str:
    """Return the dtype in which an area has to hold a band."""
    if band.name not in source.mixed:
        return band.dtype
    stored = {band.stored_in(i["assets"][band.name]).dtype for i in source.items if band.name in i["assets"]}
    return stored.pop() if len(stored) == 1 else ""


def find_fresh(source: CubeSource, area: HotArea, window: Grid, bands: Sequence[Band]) -> dict[int, HotDate]:
    """Return the dates, by position, that an area holds in a window as the source would lay them."""
    meets = box_test(window)
    found = {}
    for position, (label, items) in enumerate(source.dates):
        hot = area.by_label.get(label)
        if hot is None:
            continue
        now = [item for item in items if meets(item["bbox"])]
        then = [item for item in hot.items if meets(item.bbox)]
        if len(now) == len(then) and all(
            source.described.matches(a, b, bands) for a, b in zip(now, then, strict=True)
        ):
            found[position] = hot
    return found


class _Canvas:
    """Numbers and masks of all dates and bands of a window, filled part by part."""

    def __init__(self, source: CubeSource, window: Grid) -> None:
        self.source, self.window = source, window
        shape = (len(source.dates), *window.shape)
        dtypes = {b.name: source.dtype if b.name in source.mixed else np.dtype(b.dtype) for b in source.bands}
        self.numbers = {name: np.zeros(shape, dtype) for name, dtype in dtypes.items()}
        self.valid = {name: np.zeros(shape, bool) for name in dtypes}

    def paste(self, name: str, dates: Sequence[int], part: Grid, numbers: Any, valid: Any) -> None:
        """Fill the window's part of some dates of a band; ``valid`` None is data everywhere."""
        every = len(dates) == len(self.source.dates)
        place = (slice(None) if every else np.asarray(dates), *part.slices_in(self.window))
        self.numbers[name][place] = numbers
        self.valid[name][place] = True if valid is None else valid

    def leaf(self) -> Leaf:
        """Return all of it as a source gives it."""
        layers = (Layer(self.numbers[b.name], self.valid[b.name]) for b in self.source.bands)
        return Leaf(self.window, tuple(layers))


def _paste_hot(
    canvas: _Canvas, area: HotArea, part: Grid, bands: Sequence[Band], fresh: Mapping[int, HotDate]
) -> None:
    """Fill what an area holds."""
    source = canvas.source
    folder, order = source.archive.hot.path(area), list(area.bands)
    parts = {part.name: part for part in area.parts}
    by_part: dict[str, list[int]] = defaultdict(list)
    for position, date in fresh.items():
        by_part[date.part].append(position)
    for name, positions in by_part.items():
        arrays = open_part(folder / name, parts[name], area.grid)
        slots = [fresh[position].slot for position in positions]
        for band in bands:
            numbers, valid = arrays.read(order.index(band.name), slots, part)
            if source.scaled and band.name in source.mixed:
                stack = [
                    _decode(source, band, position, fresh[position], stored)
                    for position, stored in zip(positions, numbers, strict=True)
                ]
                numbers = np.stack(stack).astype(source.dtype)
            canvas.paste(band.name, positions, part, numbers, valid)


def _decode(source: CubeSource, band: Band, position: int, date: HotDate, numbers: Any) -> Any:
    """Return the values of a date of a band that other dates store in another way."""
    laid = {item.id for item in date.items if band.name in item.assets}
    asset = next((i["assets"][band.name] for i in source.dates[position][1] if i["id"] in laid), None)
    return numbers if asset is None else decode_numbers(numbers, band.stored_in(asset))


def _paste_rest(canvas: _Canvas, part: Grid, bands: Sequence[Band], fresh: Mapping[int, HotDate]) -> None:
    """Fill what the area does not hold: around its part, other dates, other bands."""
    source, every = canvas.source, range(len(canvas.source.dates))
    names = {band.name for band in bands}
    others = [b.name for b in source.bands if b.name not in names]
    rest = [(piece, list(every), [b.name for b in source.bands]) for piece in _around(part, canvas.window)]
    rest.append((part, [p for p in every if p not in fresh], [b.name for b in source.bands]))
    rest.append((part, list(fresh), others))
    for piece, dates, wanted in rest:
        if not dates or not wanted:
            continue
        labels = tuple(source.dates[p][0] for p in dates)
        some = source.at_dates(labels).of_bands(tuple(wanted))
        whole = (slice(None), slice(None), slice(None))
        for band, layer in zip(some.bands, some.read(piece).layers, strict=True):
            canvas.paste(band.name, dates, piece, *layer.cut(whole))


def _around(part: Grid, window: Grid) -> Iterator[Grid]:
    """Yield the up to four windows that are left of a window without a part of it."""
    right, bottom = part.left + part.width, part.top + part.height
    lattice = window.lattice
    bands = (
        (window.left, window.top, window.width, part.top - window.top),
        (window.left, bottom, window.width, window.top + window.height - bottom),
        (window.left, part.top, part.left - window.left, part.height),
        (right, part.top, window.left + window.width - right, part.height),
    )
    yield from (type(part)(lattice, *edges) for edges in bands if edges[2] > 0 and edges[3] > 0)

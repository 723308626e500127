"""Which places of a plan become samples: labels are looked through window by window, no pixel is read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.sampling.designs import draw_keys, number_strata, take_lowest
from eocene.curate.sampling.labels import LabelWindow, find_purity
from eocene.curate.sampling.tracing import name_regions
from eocene.model import Grid, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from eocene.curate.sampling.labels import Labels

KINDS = ("pixels", "series", "chips")
DATES = ("all", "each", "label")
_EARLY = ("label", "region")
_STRATA = (*_EARLY, "season", "cloud", "sensor")


@dataclass(frozen=True)
class Draw:
    """What a sample is, and how samples are drawn.

    Parameters
    ----------
    kind : str
        "pixels": a row of features; "series": the dates and bands of a pixel; "chips": squares, with all
        dates where there are several.
    edge : int
        Of chips, in pixels; they lie side by side on a grid of that edge, so that none overlap.
    per_stratum : int or None
        At most so many samples of each stratum; all if None.
    by : tuple of str
        What makes a stratum: "label" for balanced classes, ("label", "region") also over regions of 100 km.
        "season", "cloud" (quarters of its share) and "sensor" are known once pixels are read; so
        ``pool`` times as many places are read, and so many kept of each stratum as there are.
    dates : str
        "all": a sample has all dates of its place. "each": every date of a place is a sample of its own.
        "label": the date with a value that is nearest to the time of the label, as for posts.
    pool : int
        How many places are read for one of a stratum of season, cloud or sensor.
    share : float
        Part of the area that is read, in whole blocks of the plan drawn at random; the rest of a map is
        then ground that the model has never seen.
    seed : int
        Decides which.

    Raises
    ------
    InputError
        If there is no such kind or stratum, or a number makes no sense.
    """

    kind: str = "pixels"
    edge: int = 64
    per_stratum: int | None = None
    by: tuple[str, ...] = field(default=("label",))
    share: float = 1.0
    seed: int = 0
    dates: str = "all"
    pool: int = 16

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"Samples cannot be {self.kind!r}.", f"Take one of {', '.join(KINDS)}.")
        unknown = [name for name in self.by if name not in _STRATA]
        if unknown or not self.by:
            raise InputError(f"Nothing is drawn by {unknown or 'nothing'}.", f"Take {' and '.join(_STRATA)}.")
        if self.edge < 1 or (self.per_stratum is not None and self.per_stratum < 1):
            raise InputError(
                f"{self.per_stratum} samples of {self.edge} pixels are none.",
                "Give a number of 1 or more, or None for all.",
            )
        if self.dates not in DATES or (self.kind == "series" and self.dates != "all"):
            raise InputError(
                f"Dates of {self.kind} cannot be {self.dates!r}.",
                f"Take one of {', '.join(DATES)}; a series has all.",
            )
        if self.pool < 1:
            raise InputError(f"A pool of {self.pool} is none.", "Give a number of 1 or more.")
        if not 0 < self.share <= 1:
            raise InputError(f"A share of {self.share} is none.", "Give more than 0 and at most 1.")

    @property
    def is_late(self) -> bool:
        """Whether some samples are only known to be wanted when their pixels have been read."""
        return self.per_stratum is not None and (self.dates == "each" or not set(self.by) <= set(_EARLY))

    @property
    def places(self) -> int | None:
        """How many places of a stratum of classes and regions are read."""
        if self.per_stratum is None or set(self.by) <= set(_EARLY):
            return self.per_stratum
        return self.per_stratum * self.pool

    @property
    def step(self) -> int:
        """How many pixels lie between one possible sample and the next."""
        return self.edge if self.kind == "chips" else 1


@dataclass(frozen=True, eq=False)
class Candidates:
    """Possible samples: absolute pixel numbers of their upper left corners, and what labels tell of them."""

    column: NDArray[np.int64]
    row: NDArray[np.int64]
    label: NDArray[np.int64]
    purity: NDArray[np.float32]
    feature: NDArray[np.int64]
    block: NDArray[np.int64]
    key: NDArray[np.float64]

    def take(self, rows: NDArray[Any]) -> Candidates:
        """Return some of them."""
        return Candidates(*(getattr(self, f.name)[rows] for f in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[Candidates]) -> Candidates:
        """Return several as one."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def centres(self, grid: Grid, edge: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return x and y of their middles in the grid's CRS; of a pixel its centre, as the grid gives it."""
        (rx, ry), (ax, ay) = grid.lattice.resolution, grid.lattice.anchor
        half = edge / 2
        return ax + (self.column + half) * rx, ay - (self.row + half) * ry


def cut_windows(grid: Grid, block: int, draw: Draw) -> list[Grid]:
    """Return the windows that are looked through, in reading order: a random share of blocks.

    Those of chips are cut so that no chip lies in two.
    """
    step = draw.step
    left, top = -(-grid.left // step) * step, -(-grid.top // step) * step
    width = (grid.left + grid.width - left) // step * step
    height = (grid.top + grid.height - top) // step * step
    if width < 1 or height < 1:
        raise InputError(f"No chip of {step} pixels fits into the area.", "Take smaller chips or more area.")
    whole = replace(grid, left=left, top=top, width=width, height=height)
    windows = list(whole.blocks(max(step, block // step * step)))
    count = max(1, round(draw.share * len(windows)))
    chosen = np.random.default_rng(draw.seed).choice(len(windows), size=count, replace=False)
    return [windows[number] for number in sorted(chosen)]


def choose_places(
    labels: Labels, windows: Iterable[Grid], draw: Draw
) -> tuple[Candidates, NDArray[np.int64]]:
    """Return what is drawn out of some windows, sorted by window, row and column, and all classes in them.

    Of each stratum only as many are remembered as are drawn.

    Raises
    ------
    InputError
        If nothing in them has a label.
    """
    kept: list[Candidates] = []
    classes: set[int] = set()
    grid = None
    for number, window in enumerate(windows):
        grid = window
        found, seen = _find_chips(labels, window, number, draw) if draw.kind == "chips" else _find_pixels(
            labels, window, number, draw.seed
        )  # fmt: skip
        classes.update(seen.tolist())
        kept = _keep([*kept, found], window, draw)
    chosen = Candidates.join(kept) if kept else None
    if chosen is None or not len(chosen.label) or grid is None:
        raise InputError(f"Nothing in the area has a label of {labels.source}.", "Check that they overlap.")
    places = chosen.take(np.lexsort((chosen.column, chosen.row, chosen.block)))
    return places, np.array(sorted(classes), np.int64)


def _keep(parts: list[Candidates], grid: Grid, draw: Draw) -> list[Candidates]:
    if draw.places is None:
        return parts
    joined = Candidates.join(parts)
    levels: list[NDArray[Any]] = [joined.label]
    if "region" in draw.by:
        levels.append(name_regions(*joined.centres(grid, draw.step), grid.epsg))
    return [joined.take(take_lowest(number_strata(levels), joined.key, draw.places))]


def _find_pixels(labels: Labels, window: Grid, block: int, seed: int) -> tuple[Candidates, NDArray[np.int64]]:
    around = labels.read(window.pad(1))
    middle = (slice(1, -1), slice(1, -1))
    inner = LabelWindow(around.values[middle], around.valid[middle], around.feature[middle])
    row, column = np.nonzero(inner.valid)
    found = Candidates(
        column=column + window.left,
        row=row + window.top,
        label=inner.values[row, column],
        purity=find_purity(around)[row, column],
        feature=inner.feature[row, column],
        block=np.full(len(row), block),
        key=draw_keys(column + window.left, row + window.top, seed),
    )
    return found, np.unique(found.label)


def _find_chips(labels: Labels, window: Grid, block: int, draw: Draw) -> tuple[Candidates, NDArray[np.int64]]:
    read = labels.read(window)
    values, valid, feature = (cut_chips(part, draw.edge) for part in read)
    best = np.zeros(len(values), np.int64)
    most = np.zeros(len(values), np.int64)
    classes = np.unique(values[valid])
    for value in classes:
        count = ((values == value) & valid).sum(axis=1)
        best, most = np.where(count > most, value, best), np.maximum(count, most)
    kept = np.flatnonzero(most)
    across = window.width // draw.edge
    column = window.left + kept % across * draw.edge
    row = window.top + kept // across * draw.edge
    first = ((values[kept] == best[kept, None]) & valid[kept]).argmax(axis=1)
    found = Candidates(
        column=column,
        row=row,
        label=best[kept],
        purity=(most[kept] / valid[kept].sum(axis=1)).astype(np.float32),
        feature=feature[kept, first],
        block=np.full(len(kept), block),
        key=draw_keys(column, row, draw.seed),
    )
    return found, classes


def cut_chips(raster: NDArray[Any], edge: int) -> NDArray[Any]:
    """Return a raster of whole chips as (chips, pixels), in reading order."""
    down, across = raster.shape[0] // edge, raster.shape[1] // edge
    return raster.reshape(down, edge, across, edge).swapaxes(1, 2).reshape(down * across, edge * edge)

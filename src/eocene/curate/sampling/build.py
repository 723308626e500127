"""A stored data set from any graph and any labels: places are chosen, then the plan is asked for windows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.edge import time_coordinate
from eocene.curate.dataset import FEATURES, PIXEL_LABELS, Dataset, DatasetWriter, Layer
from eocene.curate.naming import format_label, join_names
from eocene.curate.sampling.dates import make_tracers, part_dates
from eocene.curate.sampling.designs import cut_levels, number_strata, take_lowest
from eocene.curate.sampling.draw import Draw, choose_places, cut_windows
from eocene.curate.sampling.tracing import (
    ItemTracer,
    measure_width,
    name_regions,
    trace_time,
)
from eocene.model import Grid, InputError
from eocene.process.executors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.curate.sampling.dates import Part
    from eocene.curate.sampling.draw import Candidates
    from eocene.curate.sampling.labels import Labels
    from eocene.process import Plan
    from eocene.process.progress import Progress


@dataclass(frozen=True)
class Recipe:
    """What a data set is made of.

    Parameters
    ----------
    plans : mapping of str to Plan
        A layer each, on one lattice (``make_plan(…, lattice=…)``); one alone is named "features".
    labels : Labels
        The class of each pixel: :class:`RasterLabels` or :class:`FeatureLabels`.
    draw : Draw
        What a sample is and which are drawn.
    name : str
        The readable part of the id.
    licence : str
        Of the data set: an SPDX identifier, "other" or "proprietary".
    stored : mapping of str to mapping
        How the numbers of a layer are kept: dtype, scale, offset and nodata of :class:`Layer`; float32
        without.
    pixel_labels : bool
        Whether the class values of the pixels of chips are kept as a layer "labels", for models that answer
        for each pixel.
    """

    plans: Mapping[str, Plan]
    labels: Labels
    draw: Draw = field(default_factory=Draw)
    name: str = "samples"
    licence: str = "other"
    stored: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pixel_labels: bool = False

    def __post_init__(self) -> None:
        self._check_dates()
        if self.pixel_labels and (self.draw.kind != "chips" or PIXEL_LABELS in self.plans):
            raise InputError(
                "Labels of pixels are kept beside chips only.",
                f"Draw chips, and name no other layer {PIXEL_LABELS!r}.",
            )
        lattices = {plan.grid.lattice for plan in self.plans.values()}
        if len(lattices) != 1:
            raise InputError("The layers stand on different pixel grids.", "Make each plan with lattice=….")

    def _check_dates(self) -> None:
        times = {tuple(map(str, plan.schema.times)) for plan in self.plans.values()}
        if self.draw.dates != "all" and (len(times) != 1 or len(next(iter(times))) < 1):
            raise InputError(
                f"Dates cannot be {self.draw.dates!r}: the layers have not the same dates.",
                "Give plans with the same dates, or samples of all of them.",
            )

    @property
    def grid(self) -> Grid:
        """The area that all layers cover."""
        grids = [plan.grid for plan in self.plans.values()]
        common: Grid | None = grids[0]
        for grid in grids[1:]:
            common = None if common is None else common.intersect(grid)
        if common is None:
            raise InputError("The layers have no area in common.", "Check their extents.")
        return common


def build_dataset(
    folder: Path | str, recipe: Recipe, *, progress: Progress | None = None, workers: int | None = None
) -> Dataset:
    """Draw samples and store them in ``folder/<id>``.

    Places without any value are dropped and counted in ``faults``; everything else is a column: "column"
    and "row" (absolute pixel numbers), "item", "sensor", "cloud_cover", "region", "label_source", "purity",
    "width_m", "cloud", "time", "time_start", "time_end", "season", "coverage", and of chips "labelled" (the
    share of pixels with a label) and "fraction_<class>", also of classes that lead no chip. The pixels of a
    block at a time are in memory.

    Parameters
    ----------
    folder : Path or str
        Where data sets lie.
    recipe : Recipe
        What it is made of.
    progress : callable, optional
        Called with (finished windows, all windows).
    workers : int, optional
        Threads that read.

    Raises
    ------
    InputError
        If nothing has a label and a value, or windows cannot be read.
    """
    plan, draw, grid = next(iter(recipe.plans.values())), recipe.draw, recipe.grid
    windows = cut_windows(grid, plan.block_size, draw)
    places, classes = choose_places(recipe.labels, windows, draw)
    for each in recipe.plans.values():
        each.prepare()
    items = [item for each in recipe.plans.values() for item in each.items]
    layers = {name: _describe_layer(recipe, name) for name in recipe.plans}
    kept_layers = {**layers, PIXEL_LABELS: _describe_labels(draw)} if recipe.pixel_labels else layers
    tasks = list(_cut_tasks(places, windows, draw))
    del places  # of a million samples that is much

    def read(task: Candidates) -> dict[str, NDArray[np.float32]]:
        hull = _hull(task, grid, draw.step)
        return {name: _read_samples(each, hull, task, draw) for name, each in recipe.plans.items()}

    with DatasetWriter(
        folder, kept_layers, epsg=grid.epsg, name=recipe.name, class_names=recipe.labels.class_names,
        sources=_name_sources(recipe, items), seed=draw.seed,
    ) as writer:  # fmt: skip
        tracers = make_tracers(recipe, items)
        keys: list[NDArray[np.float64]] = []
        found = map_blocks(read, tasks, progress, workers=workers)
        for task, pixels in zip(tasks, found, strict=True):
            for part in part_dates(recipe, task, pixels):
                writer.count_fault("without_any_value_dropped", part.dropped)
                if len(part.places.label):
                    keys.append(part.places.key)
                    _append(writer, recipe, part, tracers[part.date or 0], layers, classes)
        writer.sources["item_sets"] = {k: v for tracer in tracers for k, v in tracer.sets.items()}
        return Dataset.open(writer.finish(_choose(writer, draw, keys)))


def _append(
    writer: DatasetWriter,
    recipe: Recipe,
    part: Part,
    tracer: ItemTracer,
    layers: Mapping[str, Layer],
    classes: NDArray[np.int64],
) -> None:
    places, draw = part.places, recipe.draw
    columns = _trace(recipe, part, tracer)
    shaped: dict[str, NDArray[Any]] = {k: v.reshape(len(v), *layers[k].shape) for k, v in part.pixels.items()}
    if draw.kind == "chips":
        read = [recipe.labels.read(window) for window in _cut_chips(places, recipe.grid, draw.edge)]
        values, valid = np.stack([r.values for r in read]), np.stack([r.valid for r in read])
        columns |= _measure_fractions(values, valid, classes)
        if recipe.pixel_labels:
            shaped[PIXEL_LABELS] = np.where(valid, values, np.nan)
    x, y = places.centres(recipe.grid, draw.step)
    writer.append(shaped, places.label, x, y, columns)


def _choose(writer: DatasetWriter, draw: Draw, keys: list[NDArray[np.float64]]) -> NDArray[np.intp] | None:
    """Return the rows that are kept of what was read, None for all."""
    if not draw.is_late or draw.per_stratum is None or not len(writer):
        return None
    levels = [cut_levels(writer.column(name)) for name in draw.by]
    return take_lowest(number_strata(levels), np.concatenate(keys), draw.per_stratum)


def _describe_labels(draw: Draw) -> Layer:
    ticks = tuple(str(k) for k in range(draw.edge))
    return Layer({"y": ticks, "x": ticks}, "int32", nodata=int(np.iinfo(np.int32).min))


def _describe_layer(recipe: Recipe, name: str) -> Layer:
    plan, draw = recipe.plans[name], recipe.draw
    dims, labels = plan.schema.dims, plan.schema.labels
    if draw.dates != "all":
        dims = tuple(dim for dim in dims if dim != "t")
    if set(dims) - {"t", "bands", "y", "x"}:
        raise InputError(f"The features have the dimensions {dims}.", "Give t and/or bands, with y and x.")
    named = {"t": time_coordinate(plan.schema.times), "bands": labels.get("bands", ())}
    axes: dict[str, tuple[str, ...]] = {
        dim: tuple(map(format_label, values)) for dim, values in named.items() if dim in dims
    }
    if draw.kind == "pixels":
        return Layer({"features": join_names(list(axes.values()))}, **recipe.stored.get(name, {}))
    axes.setdefault("bands", ("value",))
    if draw.kind == "series":
        axes = {"t": axes.get("t", ("",)), "bands": axes["bands"]}
    else:
        ticks = tuple(str(k) for k in range(draw.edge))
        dates = {"t": axes["t"]} if len(axes.get("t", ())) > 1 else {}
        axes = {**dates, "bands": axes["bands"], "y": ticks, "x": ticks}
    return Layer(axes, **recipe.stored.get(name, {}))


def _cut_tasks(places: Candidates, windows: Sequence[Grid], draw: Draw) -> Iterator[Candidates]:
    """Yield places that are read together: those of a window, or each chip where they lie far apart."""
    numbers, first = np.unique(places.block, return_index=True)
    for number, rows in zip(numbers, np.split(np.arange(len(places.label)), first[1:]), strict=True):
        here = places.take(rows)
        hull = _hull(here, windows[number], draw.step)
        dense = 2 * len(rows) * draw.step**2 >= hull.width * hull.height
        if draw.kind != "chips" or dense:
            yield here
        else:
            yield from (here.take(np.array([k])) for k in range(len(rows)))


def _hull(places: Candidates, grid: Grid, edge: int) -> Grid:
    """Return the smallest window around places."""
    left, top = int(places.column.min()), int(places.row.min())
    width = int(places.column.max()) + edge - left
    return Grid(grid.lattice, left, top, width, int(places.row.max()) + edge - top)


def _read_samples(plan: Plan, hull: Grid, places: Candidates, draw: Draw) -> NDArray[np.float32]:
    """Return the pixels (n, t, bands, y, x) of places, NaN where missing."""
    block = plan.compute(hull)
    order = [block.dims.index(dim) for dim in ("t", "bands") if dim in block.dims]
    values = block.filled().transpose(*order, block.dims.index("y"), block.dims.index("x"))
    dates = len(block.labels["t"]) if "t" in block.dims else 1
    values = values.reshape(dates, -1, *values.shape[-2:])
    row, column, edge = places.row - hull.top, places.column - hull.left, draw.step
    if edge == 1:
        picked = np.moveaxis(values[:, :, row, column], -1, 0)[..., None, None]
    else:
        corners = zip(row.tolist(), column.tolist(), strict=True)
        picked = np.stack([values[:, :, r : r + edge, c : c + edge] for r, c in corners])
    return np.ascontiguousarray(picked, dtype=np.float32)


def _trace(recipe: Recipe, part: Part, tracer: ItemTracer) -> dict[str, NDArray[Any]]:
    """Return the columns of samples; what is missing is that of the first layer."""
    plan, draw, grid, places = next(iter(recipe.plans.values())), recipe.draw, recipe.grid, part.places
    x, y = places.centres(grid, draw.step)
    no_value: NDArray[np.bool_] = np.asarray(np.isnan(next(iter(part.pixels.values()))).all(axis=2))
    times = plan.schema.times or ("",)
    times = times if part.date is None else times[part.date : part.date + 1]
    columns: dict[str, NDArray[Any]] = {
        "column": places.column, "row": places.row, "purity": places.purity,
        "region": name_regions(x, y, grid.epsg),
        "width_m": np.full(len(x), measure_width(grid, draw.step), np.float32),
        **recipe.labels.describe(places.feature), **tracer.trace(x, y),
        **trace_time(np.asarray(no_value.all(axis=(2, 3))), times),
    }  # fmt: skip
    if draw.kind == "chips":
        columns["cloud"] = no_value.mean(axis=(1, 2, 3), dtype=np.float32)
    return columns


def _cut_chips(places: Candidates, grid: Grid, edge: int) -> Iterator[Grid]:
    for column, row in zip(places.column.tolist(), places.row.tolist(), strict=True):
        yield replace(grid, left=column, top=row, width=edge, height=edge)


def _measure_fractions(
    values: NDArray[np.int64], valid: NDArray[np.bool_], classes: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Return the share of labelled pixels of chips (k, y, x), and among these that of each class."""
    count = valid.sum(axis=(1, 2))
    told = {"labelled": (count / values[0].size).astype(np.float32)}
    for value in classes.tolist():
        there = ((values == value) & valid).sum(axis=(1, 2))
        told[f"fraction_{value}"] = (there / np.maximum(count, 1)).astype(np.float32)
    return told


def _name_sources(recipe: Recipe, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    plans = recipe.plans
    graphs = {name: plan.graph.source for name, plan in plans.items()}
    return {
        "items": sorted({f"{item.get('collection')}/{item['id']}" for item in items}),
        "graph": graphs.get(FEATURES, graphs),
        "labels": recipe.labels.source,
        "licence": recipe.licence,
    }

"""A stored data set from any graph and any labels: places are chosen, then the plan is asked for windows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.edge import time_coordinate
from eocene.curate.dataset import FEATURES, Dataset, DatasetWriter, Layer
from eocene.curate.naming import format_label, join_names
from eocene.curate.sampling.draw import Draw, choose_places, cut_windows
from eocene.curate.sampling.tracing import ItemTracer, measure_width, name_regions, trace_time
from eocene.model import Grid, InputError
from eocene.process.executors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

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
    """

    plans: Mapping[str, Plan]
    labels: Labels
    draw: Draw = field(default_factory=Draw)
    name: str = "samples"
    licence: str = "other"
    stored: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lattices = {plan.grid.lattice for plan in self.plans.values()}
        if len(lattices) != 1:
            raise InputError("The layers stand on different pixel grids.", "Make each plan with lattice=….")

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
    share of pixels with a label) and "fraction_<class>". The pixels of a block at a time are in memory.

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
    places = choose_places(recipe.labels, windows, draw)
    classes = np.unique(places.label)
    for each in recipe.plans.values():
        each.prepare()
    items = [item for each in recipe.plans.values() for item in each.items]
    tracer = ItemTracer(items, grid.epsg)
    layers = {name: _describe_layer(recipe, name) for name in recipe.plans}
    tasks = list(_cut_tasks(places, windows, draw))
    del places  # of a million samples that is much

    def read(task: Candidates) -> dict[str, NDArray[np.float32]]:
        hull = _hull(task, grid, draw.step)
        return {name: _read_samples(each, hull, task, draw) for name, each in recipe.plans.items()}

    with DatasetWriter(
        folder, layers, epsg=grid.epsg, name=recipe.name, class_names=recipe.labels.class_names,
        sources=_name_sources(recipe, items), seed=draw.seed,
    ) as writer:  # fmt: skip
        found = map_blocks(read, tasks, progress, workers=workers)
        for task, pixels in zip(tasks, found, strict=True):
            missing = {name: np.isnan(values) for name, values in pixels.items()}
            empty = np.all([m.reshape(len(m), -1).all(axis=1) for m in missing.values()], axis=0)
            writer.count_fault("without_any_value_dropped", int(empty.sum()))
            kept = np.flatnonzero(~empty)
            if len(kept):
                some = task.take(kept)
                columns = _trace(recipe, some, tracer, missing[next(iter(pixels))][kept], classes)
                x, y = some.centres(grid, draw.step)
                shaped = {k: v[kept].reshape(len(kept), *layers[k].shape) for k, v in pixels.items()}
                writer.append(shaped, some.label, x, y, columns)
        writer.sources["item_sets"] = tracer.sets
        return Dataset.open(writer.finish())


def _describe_layer(recipe: Recipe, name: str) -> Layer:
    plan, draw = recipe.plans[name], recipe.draw
    dims, labels = plan.schema.dims, plan.schema.labels
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


def _trace(
    recipe: Recipe,
    places: Candidates,
    tracer: ItemTracer,
    missing: NDArray[np.bool_],
    classes: NDArray[np.int64],
) -> dict[str, NDArray[Any]]:
    """Return the columns of samples; ``missing`` is (n, t, bands, y, x) of the first layer."""
    plan, draw, grid = next(iter(recipe.plans.values())), recipe.draw, recipe.grid
    x, y = places.centres(grid, draw.step)
    no_value: NDArray[np.bool_] = np.asarray(missing.all(axis=2))
    columns: dict[str, NDArray[Any]] = {
        "column": places.column, "row": places.row, "purity": places.purity,
        "region": name_regions(x, y, grid.epsg),
        "width_m": np.full(len(x), measure_width(grid, draw.step), np.float32),
        **recipe.labels.describe(places.feature), **tracer.trace(x, y),
        **trace_time(np.asarray(no_value.all(axis=(2, 3))), plan.schema.times or ("",)),
    }  # fmt: skip
    if draw.kind == "chips":
        columns["cloud"] = no_value.mean(axis=(1, 2, 3), dtype=np.float32)
        columns |= _measure_fractions(recipe, places, classes)
    return columns


def _measure_fractions(
    recipe: Recipe, places: Candidates, classes: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Return the share of labelled pixels of chips, and among these that of each class."""
    edge, found = recipe.draw.edge, defaultdict(list)
    for column, row in zip(places.column.tolist(), places.row.tolist(), strict=True):
        read = recipe.labels.read(replace(recipe.grid, left=column, top=row, width=edge, height=edge))
        there = read.values[read.valid]
        found["labelled"].append(there.size / edge**2)
        for value in classes.tolist():
            found[f"fraction_{value}"].append(float((there == value).mean()) if there.size else 0.0)
    return {key: np.array(values, np.float32) for key, values in found.items()}


def _name_sources(recipe: Recipe, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    plans = recipe.plans
    graphs = {name: plan.graph.source for name, plan in plans.items()}
    return {
        "items": sorted({f"{item.get('collection')}/{item['id']}" for item in items}),
        "graph": graphs.get(FEATURES, graphs),
        "labels": recipe.labels.source,
        "licence": recipe.licence,
    }

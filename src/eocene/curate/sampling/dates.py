"""Which dates of a place become samples: all as one, each by itself, or that next to the label's time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.edge import parse_label
from eocene.curate.sampling.designs import draw_keys
from eocene.curate.sampling.tracing import ItemTracer, part_items
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.curate.sampling.build import Recipe
    from eocene.curate.sampling.draw import Candidates


@dataclass(frozen=True, eq=False)
class Part:
    """Samples of some places: their pixels (k, t, bands, y, x) of each layer, and which date they have."""

    places: Candidates
    pixels: Mapping[str, NDArray[np.float32]]
    date: int | None
    dropped: int = 0


def part_dates(
    recipe: Recipe, places: Candidates, pixels: Mapping[str, NDArray[np.float32]]
) -> Iterator[Part]:
    """Yield the samples of places: with all dates, of each date, or of that next to the label's time."""
    draw = recipe.draw
    missing = [np.isnan(values) for values in pixels.values()]
    if draw.dates == "all":
        seen = ~np.all([m.reshape(len(m), -1).all(axis=1) for m in missing], axis=0)
        yield _take(places, pixels, np.flatnonzero(seen), None, int((~seen).sum()))
        return
    valued = ~np.all([m.all(axis=(2, 3, 4)) for m in missing], axis=0)  # (places, dates)
    if draw.dates == "label":
        wanted = np.zeros_like(valued)
        seen = valued.any(axis=1)
        wanted[np.arange(len(wanted)), _find_nearest(recipe, places, valued)] = seen
        dropped = int((~seen).sum())
    else:
        wanted, dropped = valued, int((~valued).sum())
    for date in range(wanted.shape[1]):
        part = _take(places, pixels, np.flatnonzero(wanted[:, date]), date, dropped if date == 0 else 0)
        if draw.dates == "each":
            keys = draw_keys(part.places.column, part.places.row, draw.seed + 1 + date)
            part = replace(part, places=replace(part.places, key=keys))
        yield part


def _take(
    places: Candidates,
    pixels: Mapping[str, NDArray[np.float32]],
    rows: NDArray[np.intp],
    date: int | None,
    dropped: int,
) -> Part:
    dates = slice(None) if date is None else slice(date, date + 1)
    return Part(places.take(rows), {k: v[rows][:, dates] for k, v in pixels.items()}, date, dropped)


def _find_nearest(recipe: Recipe, places: Candidates, valued: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for each place the date with a value that is nearest to the time of its label."""
    told = recipe.labels.describe(places.feature).get("label_time")
    if told is None:
        raise InputError(
            f"The labels {recipe.labels.source} tell no time.",
            "Name their column of times, or take all dates.",
        )
    plan = next(iter(recipe.plans.values()))
    times = np.array([parse_label(label) for label in plan.schema.times], "datetime64[s]")
    apart = np.abs((times[None] - told.astype("datetime64[s]")[:, None]).astype(np.float64))
    return np.asarray(np.where(valued, apart, np.inf).argmin(axis=1))


def make_tracers(recipe: Recipe, items: Sequence[Mapping[str, Any]]) -> list[ItemTracer]:
    """Return what tells from which items samples come: of all dates, or of each."""
    plan = next(iter(recipe.plans.values()))
    parts = [items] if recipe.draw.dates == "all" else part_items(items, plan.schema.times)
    return [ItemTracer(part, recipe.grid.epsg) for part in parts]

"""Samples that hold nothing: one value everywhere, or nearly everywhere the value of no data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material

_FLAT = 0.01
"""What varies less than this part of what the whole data set does is one value (1 % of 8 bits: 2 counts)."""
_COMMON = 2
_LEAST = 4
"""Values that a sample needs for one value to be strange: two features may well be equal."""


@check("nodata", "wholly or mostly empty or constant samples", after=("scale",), quick=True)
def find_nodata(material: Material) -> Iterator[Finding]:
    """Name samples without values, of one value, and those that are mostly the value of other empty ones."""
    low, high, most = _find_ranges(material)
    free = ~material.mask("scale")
    empty = most == 0
    if empty.any():
        yield _tell(np.flatnonzero(empty), "no value at all")
    tolerance = _FLAT * _find_variation(low, high)
    constant = free & (most >= _LEAST)
    with np.errstate(invalid="ignore"):
        # A band that is wholly missing varies as little as one that is wholly one value.
        constant &= ~((high - low) > tolerance).any(axis=1)
    fills = _find_fills(material, low[constant], tolerance)
    if constant.any():
        values = ", ".join(_write_value(fill) for fill in fills[:3])
        often = f", most often {values}" if values else ""
        yield _tell(np.flatnonzero(constant), f"one value everywhere (to 1 % of the data's range){often}")
    share = _find_shares(material, fills, tolerance)
    mostly = free & ~empty & ~constant & (share >= material.settings.mostly_empty)
    if mostly.any():
        rows = np.flatnonzero(mostly)
        reason = f"{100 * share[rows].min():.0f} % or more no data"
        yield _tell(rows, reason, tuple(round(float(v), 4) for v in share[rows]))


def _tell(rows: NDArray[np.intp], reason: str, scores: tuple[float, ...] = ()) -> Finding:
    told = tuple(int(row) for row in rows)
    return Finding("nodata", told, f"{len(rows)} samples hold {reason}.", "fault", scores=scores, drop=told)


def _find_ranges(
    material: Material,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """Return the least and the greatest value of each group of each sample, and the values of its fullest.

    (n, g) with NaN where there is none, twice, and (n,).
    """
    low, high = (np.empty((len(material), material.plane_count), np.float32) for _ in range(2))
    most = np.zeros(len(material), np.intp)
    for rows, held in material.parts():
        planes = material.part_planes(held)
        low[rows], high[rows] = np.fmin.reduce(planes, axis=2), np.fmax.reduce(planes, axis=2)
        most[rows] = (~np.isnan(planes)).sum(axis=2).max(axis=1, initial=0)
    return low, high, most


def _find_variation(low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far each group reaches over the samples that vary, (g,).

    Quartiles, since some samples may be in another unit.
    """
    wide = np.zeros(low.shape[1], np.float32)
    for group in range(low.shape[1]):
        varied = high[:, group] > low[:, group]
        if varied.any():
            bottom, top = np.quantile(low[varied, group], 0.25), np.quantile(high[varied, group], 0.75)
            wide[group] = max(float(top - bottom), 0.0)
    return wide


def _find_fills(
    material: Material, constants: NDArray[np.float32], tolerance: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """Return the values, (g,) each, that stand for no data: told, or what several constant samples hold."""
    told = material.settings.nodata
    fills = [] if told is None else [np.full(material.plane_count, told, np.float32)]
    values, counts = np.unique(constants, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    common = max(_COMMON, round(0.001 * len(material)))
    for value in values[order][counts[order] >= common]:
        if not any((np.abs(value - fill) <= tolerance).all() for fill in fills):
            fills.append(value)
    return fills[:8]


def _find_shares(
    material: Material, fills: list[NDArray[np.float32]], tolerance: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the (n,) share of each sample that is missing or one of the fills in all its groups."""
    share = np.zeros(len(material))
    for rows, part in material.parts():
        held = material.part_planes(part)
        nothing = np.isnan(held)
        best = nothing.mean(axis=(1, 2))
        for fill in fills:
            near = nothing | (np.abs(held - fill[:, None]) <= tolerance[:, None])
            best = np.maximum(best, near.all(axis=1).mean(axis=1))
        share[rows] = best
    return share


def _write_value(fill: NDArray[np.float32]) -> str:
    numbers = [f"{v:g}" for v in fill[:4]]
    return numbers[0] if len(fill) == 1 else f"({', '.join(numbers)}{', …' if len(fill) > 4 else ''})"

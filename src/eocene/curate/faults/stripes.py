"""Chips with dead or shifted lines: gaps of a scan, dropped lines, detectors out of balance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import NotApplicable, check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material

_DEAD_LINES = 2
_APART = 0.25
"""Spreads by which a flat line must differ from its picture to be dead."""
_BANDING = 0.6
_OTHERWISE = 0.3
_MIN_LINES = 8


@check("stripes", "dead lines and banding in chips", after=("nodata", "missing"))
def find_stripes(material: Material) -> Iterator[Finding]:
    """Name chips with dead lines between live ones, and those whose lines differ as their columns do not."""
    if not material.is_image or min(material.shape[-2:]) < _MIN_LINES:
        raise NotApplicable(f"only chips of {_MIN_LINES} pixels and more have lines")
    dead, banding = np.zeros(len(material), int), np.zeros(len(material))
    height, width = material.shape[-2:]
    scale = material.spread[1].reshape(-1, height * width)[:, :1, None]
    for rows, held in material.parts():
        images = held.reshape(len(rows), -1, height, width) / scale
        dead[rows] = np.maximum(_count_dead(images), _count_dead(images.swapaxes(2, 3)))
        banding[rows] = _measure_banding(images)
    left = material.without("nodata", "missing")
    broken = left[dead[left] >= _DEAD_LINES]
    if len(broken):
        told, lines = tuple(int(r) for r in broken), tuple(float(v) for v in dead[broken])
        reason = f"{len(told)} chips have {_DEAD_LINES} or more lines of one value between lines that vary."
        yield Finding("stripes", told, reason, "fault", drop=told, scores=lines)
    banded = left[(banding[left] >= _BANDING) & (dead[left] < _DEAD_LINES)]
    if len(banded):
        told = tuple(int(r) for r in banded)
        scores = tuple(round(float(v), 3) for v in banding[banded])
        reason = f"{len(told)} chips jump from line to line as a whole (coherence {_BANDING:g} or more)."
        yield Finding("stripes", told, reason, "suspicion", "look", drop=told, scores=scores)


def _count_dead(images: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return for (n, g, y, x) how many lines of y hold one value or none, with live lines before and after.

    A line is alive if any band varies in it, for one band alone may be saturated, or if it is flat at the
    level of the whole picture, as a lake is.
    """
    low, high = np.fmin.reduce(images, axis=3), np.fmax.reduce(images, axis=3)
    with np.errstate(invalid="ignore"):
        level = _median(np.where(high > low, (low + high) / 2, np.nan))
        ordinary = np.abs(low - level[:, :, None]) < _APART
    live = ((high > low) | ordinary).any(axis=1)  # False where missing
    before = np.logical_or.accumulate(live, axis=1)
    after = np.logical_or.accumulate(live[:, ::-1], axis=1)[:, ::-1]
    counts: NDArray[np.intp] = (~live & before & after).sum(axis=1)
    # Where half of the lines are flat the surface is (a lake, saturation), not the picture broken.
    return np.where(counts <= images.shape[2] // 2, counts, 0)


def _median(lines: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median over the last axis of what is not missing, NaN where nothing is."""
    ordered = np.sort(lines, axis=-1)
    count = (~np.isnan(ordered)).sum(axis=-1, keepdims=True)
    return np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)[..., 0]


def _measure_banding(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (n,) greatest coherence of lines of a band, either way; 0 if the other way has it too."""
    images = np.nan_to_num(images, nan=0.0)
    along, across = _measure_coherence(images), _measure_coherence(images.swapaxes(2, 3))
    along, across = (
        np.where(other < _OTHERWISE, one, 0.0) for one, other in ((along, across), (across, along))
    )
    result: NDArray[np.float64] = np.maximum(along, across).max(axis=1)
    return result


def _measure_coherence(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how much of the bend from line to line is that of whole lines, (n, g, y, x) → (n, g), 0 to 1.

    Bends are second differences, which leave slopes out; medians over the lines, so that one edge in the
    picture is no banding.
    """
    bend = np.diff(images, n=2, axis=2).astype(np.float64)
    whole = np.median(bend.mean(axis=3) ** 2, axis=2)
    single = np.median((bend**2).mean(axis=3), axis=2)
    return np.asarray(whole / np.maximum(single, 1e-12))

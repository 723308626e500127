"""The filling of gaps along time, for many pixels at once, in plain numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.process.methods.kernels import choose, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.process.methods.kernels import Floats, Mask


def fill_gaps_along_first(values: Floats, position: NDArray[np.float64]) -> Floats:
    """Return floats with each inner run of NaN replaced by the straight line between its neighbours."""
    out = np.array(values, order="C")  # as a piece of another order would be a copy
    for flat, _, filled in pieces(values, None, out):
        known = ~np.isnan(flat)
        if not known.all():
            _fill(flat, known, position, filled)
    return out


def _fill(values: Floats, known: Mask, position: NDArray[np.float64], out: Floats) -> None:
    before = list(_carry(values, known, position))
    after = _carry(values[::-1], known[::-1], position[::-1])
    unbounded = bool(np.isinf(values).any())
    for i, (high, last) in zip(reversed(range(len(values))), after, strict=True):
        low, first = before[i]
        with np.errstate(invalid="ignore"):
            share = (position[i] - first) / (last - first)
            line = low + (high - low) * share
            if unbounded:  # beside an infinity the weighted mean is the limit
                line = np.where(np.isfinite(line), line, low * (1 - share) + high * share)
        out[i] = choose(known[i], values[i], line.astype(out.dtype))


def _carry(
    values: Floats, known: Mask, position: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield for each plane the last known value up to it, and its position; NaN where there is none."""
    last = place = np.full(values.shape[1:], np.nan)
    for value, here, now in zip(values, known, position, strict=True):
        last = choose(here, value.astype(np.float64), last)
        place = choose(here, np.full_like(place, now), place)
        yield last, place

"""What checks look at: the samples, and what several checks would else compute again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.faults.settings import GateSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.curate.faults.finding import Finding
    from eocene.curate.samples import Samples
    from eocene.curate.splits import Split

_REFERENCE = 5_000
_POOLED = 8
_DIMENSIONS = 32
WIDEST = 512


@dataclass(eq=False)
class Material:
    """Samples under check.

    Parameters
    ----------
    samples : Samples
    settings : GateSettings
    splits : sequence of (train, test)
        Row numbers; those whose two sides must not share ground or content.
    found : dict of str to tuple of Finding
        What each kind of check found so far.
    """

    samples: Samples
    settings: GateSettings = field(default_factory=GateSettings)
    splits: Sequence[Split] = ()
    found: dict[str, tuple[Finding, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """(n, f): each sample as one row; NaN is missing."""
        return self.samples.features.reshape(len(self.samples), -1)

    @cached_property
    def planes(self) -> NDArray[np.float32]:
        """(n, g, p): groups of values that vary together: pixels of a band, dates of a band, or all."""
        samples, n = self.samples, len(self.samples)
        dims = tuple(samples.axes)
        if dims[-2:] == ("y", "x"):
            return samples.features.reshape(n, -1, samples.features.shape[-2] * samples.features.shape[-1])
        if dims == ("t", "bands") and len(samples.axes["t"]) >= 4:
            return samples.features.transpose(0, 2, 1)
        return self.rows[:, None, :]

    @property
    def is_image(self) -> bool:
        """Whether the samples are chips."""
        return tuple(self.samples.axes)[-2:] == ("y", "x")

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """(n,) numbers that are equal where the content of samples is, missing values like others."""
        rows = np.ascontiguousarray(self.rows + np.float32(0))  # −0 becomes 0
        digests = np.array([hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows])
        return np.unique(digests, return_inverse=True)[1].reshape(-1) if len(rows) else np.empty(0, np.intp)

    def list_equal(self, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Return those of some rows that are equal to others of them, each group ascending."""
        groups = self.groups[rows]
        several = rows[np.bincount(groups, minlength=1)[groups] > 1]
        order = np.argsort(self.groups[several], kind="stable")
        starts = np.flatnonzero(np.diff(self.groups[several][order])) + 1
        return np.split(several[order], starts) if len(several) else []

    def mask(self, kind: str) -> NDArray[np.bool_]:
        """Return for each sample whether this kind was found in it."""
        found = np.ones(len(self), dtype=bool)
        found[self.without(kind)] = False
        return found

    def without(self, *kinds: str) -> NDArray[np.intp]:
        """Return the sorted rows in which none of these kinds was found."""
        kept = np.ones(len(self), dtype=bool)
        for kind in kinds:
            for finding in self.found.get(kind, ()):
                kept[list(finding.samples)] = False
        return np.flatnonzero(kept)

    @cached_property
    def reference(self) -> NDArray[np.intp]:
        """Rows that stand for all: drawn from those that hold data."""
        rows = self.without("nodata", "missing", "scale")
        rng = np.random.default_rng(self.settings.seed)
        return np.sort(rng.permutation(rows)[:_REFERENCE])

    @cached_property
    def spread(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Median and robust spread of each number of a sample, (f,) each; of each band for chips."""
        held = self._banded(self.rows[self.reference])
        with np.errstate(all="ignore"):
            low, middle, high = _quantiles(held, (0.25, 0.5, 0.75))
            wide = np.nan_to_num(np.nanstd(np.clip(held, *_quantiles(held, (0.01, 0.99))), axis=0))
        scale = np.where(high > low, (high - low) / 1.349, wide)
        scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)
        repeat = self.rows.shape[1] // len(scale)
        return np.repeat(middle, repeat).astype(np.float32), np.repeat(scale, repeat).astype(np.float32)

    def _banded(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Let all pixels of a band share one spread; a thousand of them tell it."""
        if not self.is_image:
            return rows
        planes = rows.reshape(len(rows), self.planes.shape[1], -1)
        step = max(1, planes.shape[2] * len(rows) // 200_000)
        return planes.transpose(0, 2, 1).reshape(-1, planes.shape[1])[::step]

    def standardise(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return (k, f) values of some rows in units of the spread, 0 where missing."""
        middle, scale = self.spread
        held = (self._bridge(rows) - middle) / scale
        filled: NDArray[np.float32] = np.nan_to_num(held, nan=0.0, posinf=1e6, neginf=-1e6)
        return filled

    def _bridge(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return the values of some rows, for series with missing dates drawn through from date to date."""
        held: NDArray[np.float32] = self.rows[rows]
        if tuple(self.samples.axes) != ("t", "bands") or not np.isnan(held).any():
            return held
        series = held.reshape(len(held), len(self.samples.axes["t"]), -1)
        return np.asarray(bridge_gaps(series).reshape(held.shape))

    @cached_property
    def descriptors(self) -> NDArray[np.float32]:
        """(n, d): standardised values; chips as 8 × 8 means of each band.

        No two samples are further apart here than in :meth:`standardise`, root mean square for chips.
        """
        chunks = [self._describe(rows) for rows in chunked(len(self), self.rows.shape[1])]
        return np.concatenate(chunks) if chunks else np.empty((0, 1), np.float32)

    def _describe(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        held = self.standardise(rows)
        if not self.is_image:
            return held
        height, width = self.samples.features.shape[-2:]
        down, across = max(1, height // _POOLED), max(1, width // _POOLED)
        tall, wide = height // down * down, width // across * across
        images = held.reshape(len(rows), -1, height, width)[:, :, :tall, :wide]
        cells = images.reshape(len(rows), -1, tall // down, down, wide // across, across)
        means: NDArray[np.float32] = cells.mean(axis=(3, 5), dtype=np.float32).reshape(len(rows), -1)
        return means

    @cached_property
    def compact(self) -> NDArray[np.float32]:
        """(n, d ≤ 512): the descriptors, or random directions of them that keep distances to a tenth."""
        width = self.descriptors.shape[1]
        if width <= WIDEST:
            return self.descriptors
        rng = np.random.default_rng(self.settings.seed)
        directions = rng.normal(0.0, WIDEST**-0.5, (width, WIDEST)).astype(np.float32)
        return np.asarray(self.descriptors @ directions)

    @cached_property
    def axes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean (d,) and the strongest orthonormal directions (d, k) of the descriptors."""
        held = np.clip(self.descriptors[self.reference], -5, 5)
        mean = held.mean(axis=0)
        values, vectors = np.linalg.eigh((held - mean).T @ (held - mean))
        return mean, np.ascontiguousarray(vectors[:, np.argsort(-values)[:_DIMENSIONS]])

    @cached_property
    def embedding(self) -> NDArray[np.float32]:
        """(n, k + 1): the descriptors along their strongest directions, and how far they are off these."""
        mean, vectors = self.axes
        parts = []
        for rows in chunked(len(self), len(mean)):
            centred = self.descriptors[rows] - mean
            along = centred @ vectors
            off = (centred**2).sum(axis=1) - (along**2).sum(axis=1)
            parts.append(np.column_stack([along, np.sqrt(np.maximum(off, 0))]))
        return np.concatenate(parts).astype(np.float32) if parts else np.empty((0, 1), np.float32)


def chunked(n: int, width: int, numbers: int = 4_000_000) -> list[NDArray[np.intp]]:
    """Cut n rows of a width into runs of about as many numbers, so that copies stay small."""
    step = max(1, numbers // max(width, 1))
    return [np.arange(start, min(start + step, n)) for start in range(0, n, step)]


def bridge_gaps(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, t, b) with missing values on the line between the dates around, or as the nearest date."""
    n, dates, _ = series.shape
    held = ~np.isnan(series)
    at = np.arange(dates)[None, :, None]
    before = np.maximum.accumulate(np.where(held, at, -1), axis=1)
    after = np.minimum.accumulate(np.where(held, at, dates)[:, ::-1], axis=1)[:, ::-1]
    first = np.where(before < 0, np.minimum(after, dates - 1), before)
    last = np.where(after >= dates, first, after)
    low, high = np.take_along_axis(series, first, 1), np.take_along_axis(series, last, 1)
    part = (at - first) / np.maximum(last - first, 1)
    bridged = low + (high - low) * np.clip(part, 0, 1)
    return np.where(held, series, bridged).astype(np.float32) if n else series


def _quantiles(values: NDArray[np.float32], which: tuple[float, ...]) -> list[NDArray[np.float32]]:
    """Return quantiles of columns, over what is not missing; sorting puts NaN last."""
    ordered = np.sort(values, axis=0)
    count = (~np.isnan(ordered)).sum(axis=0)
    columns = np.arange(values.shape[1])
    return [ordered[np.rint(q * np.maximum(count - 1, 0)).astype(int), columns] for q in which]

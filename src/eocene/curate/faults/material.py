"""What checks look at: the samples, part by part, and what several checks would else compute again.

Samples in memory and stored ones go the same way: pixels are read in parts of 16 MB, and what is kept of each
sample is small, however large it is: a row of the table, a digest, an embedding of 33 numbers.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.dataset import Dataset
from eocene.curate.faults.arrays import bridge_gaps, chunked, find_quantiles
from eocene.curate.faults.settings import GateSettings
from eocene.curate.placed import Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from eocene.curate.faults.finding import Finding
    from eocene.curate.samples import Samples
    from eocene.curate.splits import Split

_REFERENCE = 5_000
_PIXELS = 200_000
_POOLED = 8
_DIMENSIONS = 32
WIDEST = 512
_MOST_CELLS = 2_048
_KEPT = 2**25
"""Numbers of descriptors that are kept in memory; where there are more they are computed again."""
_TELLING = 8
"""Fewer different values in a sample may well be equal by chance."""


@dataclass(eq=False)
class Material:
    """Samples under check.

    Parameters
    ----------
    samples : Samples or Dataset
        In memory or stored; of several layers the first one is looked at.
    settings : GateSettings
    splits : sequence of (train, test)
        Row numbers; those whose two sides must not share ground or content.
    found : dict of str to tuple of Finding
        What each kind of check found so far.
    """

    samples: Samples | Dataset
    settings: GateSettings = field(default_factory=GateSettings)
    splits: Sequence[Split] = ()
    found: dict[str, tuple[Finding, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class values (n,)."""
        return self.samples.labels

    @cached_property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """The dimensions of one sample in their order, each with its labels."""
        return dict(next(iter(self.samples.layers.values())).axes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(len(labels) for labels in self.axes.values())

    @cached_property
    def width(self) -> int:
        """How many numbers a sample has."""
        return math.prod(self.shape)

    def read(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return some samples, each as one row, (k, f); NaN is missing."""
        if isinstance(self.samples, Dataset):
            stored = self.samples.pixels()
            held = stored.layer.unpack(stored.read(np.asarray(rows)))
        else:
            held = self.samples.features[rows]
        return held.reshape(len(rows), -1)

    def parts(self) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
        """Yield row numbers and rows of all samples, part by part: one pass over the pixels."""
        for rows in chunked(len(self), self.width):
            yield rows, self.read(rows)

    @property
    def is_image(self) -> bool:
        """Whether the samples are chips."""
        return tuple(self.axes)[-2:] == ("y", "x")

    @cached_property
    def plane_count(self) -> int:
        """How many groups of values of a sample vary together."""
        if self.is_image:
            return math.prod(self.shape[:-2])
        return self.shape[1] if tuple(self.axes) == ("t", "bands") and self.shape[0] >= 4 else 1

    def part_planes(self, held: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows (k, f) as (k, g, p): pixels of each band, dates of each band, or all as one group."""
        if not self.is_image and self.plane_count > 1:
            return held.reshape(len(held), *self.shape).transpose(0, 2, 1)
        return held.reshape(len(held), self.plane_count, self.width // self.plane_count)

    def code(self, column: str) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Return the different values of a column, and of each sample which one it has."""
        if isinstance(self.samples, Dataset):
            coded = self.samples.table[column].combine_chunks()
            if hasattr(coded, "indices"):  # of a million texts each is kept once
                return np.asarray(coded.dictionary.to_pylist()), coded.indices.to_numpy()
        values, which = np.unique(self.samples.columns[column], return_inverse=True)
        return values, which.reshape(-1)

    def locate(self, rows: NDArray[np.intp]) -> Places:
        """Return places, labels and footprints of some samples."""
        samples = self.samples
        width = {"width_m": samples.columns["width_m"][rows]} if "width_m" in samples.columns else {}
        return Places(
            samples.x[rows], samples.y[rows], samples.epsg, samples.labels[rows], samples.class_names, width
        )

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """(n,) numbers that are equal where the content of samples is, missing values like others."""
        digests = np.empty(len(self), "S16")
        for rows, held in self.parts():
            plain = np.ascontiguousarray(held + np.float32(0))  # −0 becomes 0
            digests[rows] = [hashlib.blake2b(row, digest_size=16).digest() for row in plain]
        return np.unique(digests, return_inverse=True)[1].reshape(-1)

    def list_equal(self, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Return those of some rows that are equal to others of them, each group ascending."""
        groups = self.groups[rows]
        several = rows[np.bincount(groups, minlength=1)[groups] > 1]
        order = np.argsort(self.groups[several], kind="stable")
        starts = np.flatnonzero(np.diff(self.groups[several][order])) + 1
        return np.split(several[order], starts) if len(several) else []

    def find_telling(self, rows: NDArray[np.intp]) -> set[int]:
        """Return those of some rows whose equality proves anything: a few coarse numbers may come twice."""
        found: set[int] = set()
        ordered = np.unique(rows)
        for part in chunked(len(ordered), self.width):
            for row, held in zip(ordered[part].tolist(), self.read(ordered[part]), strict=True):
                if len(np.unique(held[~np.isnan(held)])) >= _TELLING:
                    found.add(row)
        return found

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
        held = self._draw_reference()
        if not len(held):  # nothing holds data
            return np.zeros(self.width, np.float32), np.ones(self.width, np.float32)
        with np.errstate(all="ignore"):
            low, middle, high = find_quantiles(held, (0.25, 0.5, 0.75))
            wide = np.nan_to_num(np.nanstd(np.clip(held, *find_quantiles(held, (0.01, 0.99))), axis=0))
        scale = np.where(high > low, (high - low) / 1.349, wide)
        scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)
        repeat = self.width // len(scale)
        return np.repeat(middle, repeat).astype(np.float32), np.repeat(scale, repeat).astype(np.float32)

    def _draw_reference(self) -> NDArray[np.float32]:
        """Return the rows that stand for all; of chips pixels of these, as those of a band share a spread."""
        if not self.is_image:
            return self.read(self.reference)
        pixels = self.width // self.plane_count
        step = max(1, pixels * len(self.reference) // _PIXELS)
        found = [np.empty((0, self.plane_count), np.float32)]
        for part in chunked(len(self.reference), self.width):
            planes = self.part_planes(self.read(self.reference[part]))
            # Every so manieth pixel of all, wherever parts begin.
            found.append(
                planes.transpose(0, 2, 1).reshape(-1, self.plane_count)[-part[0] * pixels % step :: step]
            )
        return np.concatenate(found)

    def standardise(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return (k, f) values of some rows in units of the spread, 0 where missing."""
        middle, scale = self.spread
        held = self._bridge(self.read(rows)) - middle
        held /= scale
        return held if np.isfinite(held).all() else np.nan_to_num(held, nan=0.0, posinf=1e6, neginf=-1e6)

    def _bridge(self, held: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows, those of series with missing dates drawn through from date to date."""
        if tuple(self.axes) != ("t", "bands") or not np.isnan(held).any():
            return held
        return np.asarray(bridge_gaps(held.reshape(len(held), *self.shape)).reshape(held.shape))

    @cached_property
    def cell(self) -> tuple[int, int]:
        """How many pixels of a chip are described together, down and across."""
        side = _POOLED
        while side > 1 and self.plane_count * side**2 > _MOST_CELLS:
            side //= 2
        height, width = self.shape[-2:]
        return max(1, height // side), max(1, width // side)

    @cached_property
    def described(self) -> int:
        """How many numbers describe a sample."""
        if not self.is_image:
            return self.width
        (height, width), (down, across) = self.shape[-2:], self.cell
        return self.plane_count * (height // down) * (width // across)

    def describe(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return (k, d) standardised values; of chips the means of cells of each band, 8 × 8 or fewer.

        No two samples are further apart here than in :meth:`standardise`, root mean square for chips.
        """
        if len(self) * self.described > _KEPT:
            return self._describe(rows)
        found: NDArray[np.float32] = self._descriptors[rows]
        return found

    @cached_property
    def _descriptors(self) -> NDArray[np.float32]:
        kept = np.empty((len(self), self.described), np.float32)
        for rows in chunked(len(self), self.width):
            kept[rows] = self._describe(rows)
        return kept

    def _describe(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        held = self.standardise(rows)
        if not self.is_image:
            return held
        (height, width), (down, across) = self.shape[-2:], self.cell
        tall, wide = height // down * down, width // across * across
        images = held.reshape(len(rows), -1, height, width)[:, :, :tall, :wide]
        cells = images.reshape(len(rows), -1, tall // down, down, wide // across, across)
        means: NDArray[np.float32] = cells.mean(axis=(3, 5), dtype=np.float32).reshape(len(rows), -1)
        return means

    def compact(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return (k, ≤ 512): descriptors, or random directions of them that keep distances to a tenth."""
        found = self.describe(rows)
        if self.described > WIDEST:
            found = found @ self._directions
        return found

    @cached_property
    def _directions(self) -> NDArray[np.float32]:
        rng = np.random.default_rng(self.settings.seed)
        return rng.normal(0.0, WIDEST**-0.5, (self.described, WIDEST)).astype(np.float32)

    @cached_property
    def embedding(self) -> NDArray[np.float32]:
        """(n, k + 1): the descriptors along their strongest directions, and how far they are off these."""
        held = np.clip(self.describe(self.reference), -5, 5)
        mean = held.mean(axis=0)
        values, vectors = np.linalg.eigh((held - mean).T @ (held - mean))
        vectors = np.ascontiguousarray(vectors[:, np.argsort(-values)[:_DIMENSIONS]])
        found = np.empty((len(self), vectors.shape[1] + 1), np.float32)
        for rows in chunked(len(self), max(self.width, self.described)):
            centred = self.describe(rows) - mean
            along = centred @ vectors
            off = (centred**2).sum(axis=1) - (along**2).sum(axis=1)
            found[rows] = np.column_stack([along, np.sqrt(np.maximum(off, 0))])
        return found

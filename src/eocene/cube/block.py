"""The array that flows through a plan: numpy with dimension names, labels and a no-data mask.

xarray stands at the edges, where people are; inside, a block is small and its overhead counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.model import Grid


MOST_PIXELS = 2**30
"""Pixels of a window that a block is padded to."""
_KINDS = {"x": "spatial", "y": "spatial", "t": "temporal", "bands": "bands", "geometry": "geometry"}
"""Type of the dimensions that are named as usual."""


@dataclass(frozen=True, eq=False)
class Block:
    """Values of one window.

    Parameters
    ----------
    values : ndarray
        One axis for each of ``dims``.
    dims : tuple of str
        Such as ("t", "bands", "y", "x").
    labels : mapping
        The labels of every dimension but y and x: times (datetime64 or str), band names, … Without a
        ``grid`` y and x, if there, have labels too: the coordinates of their pixels.
    valid : ndarray of bool, optional
        False where there is no data, shape of ``values``; None when all is data. NaN is a value.
    grid : Grid, optional
        The window that y and x stand for.
    axis : str, optional
        Inside a callback: the dimension that the callback sees as its array.
    common_names : mapping
        Band name → STAC common name, where known.
    wavelengths : mapping
        Band name → central wavelength in micrometres, where known.
    kinds : mapping
        Dimension → its openEO type, for dimensions whose name does not say it: see :meth:`kind_of`.
    """

    values: NDArray[Any]
    dims: tuple[str, ...]
    labels: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    valid: NDArray[np.bool_] | None = None
    grid: Grid | None = None
    axis: str | None = None
    common_names: Mapping[str, str] = field(default_factory=dict)
    wavelengths: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    def kind_of(self, dim: str) -> str:
        """Return the openEO type of a dimension: spatial, temporal, bands, geometry or other."""
        return self.kinds.get(dim, _KINDS.get(dim, "other"))

    def dims_of(self, kind: str) -> tuple[str, ...]:
        """Return the dimensions of an openEO type, in order."""
        return tuple(d for d in self.dims if self.kind_of(d) == kind)

    def with_(self, **changes: Any) -> Block:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)

    def index(self, dim: str) -> int:
        """Return the position of a dimension.

        Raises
        ------
        InputError
            DimensionNotAvailable, naming those that are there.
        """
        if dim not in self.dims:
            raise InputError(
                f"The cube has no dimension {dim!r}.",
                f"Its dimensions are {', '.join(self.dims) or 'none'}.",
                code="DimensionNotAvailable",
            )
        return self.dims.index(dim)

    def take(self, dim: str, positions: Sequence[int]) -> Block:
        """Keep the given positions along a labelled dimension, in that order."""
        axis = self.index(dim)
        picked = as_slice(positions)
        selection = (slice(None),) * axis + (picked,)
        return self.with_(
            values=self.values[selection],
            valid=None if self.valid is None else self.valid[selection],
            labels={**self.labels, dim: tuple(self.labels[dim][p] for p in positions)},
        )

    def pick(self, dim: str, position: int) -> Block:
        """Keep one position along a dimension and drop the dimension."""
        axis = self.index(dim)
        selection = (slice(None),) * axis + (position,)
        return self.without(
            dim, self.values[selection], None if self.valid is None else self.valid[selection]
        )

    def without(self, dim: str, values: NDArray[Any], valid: NDArray[np.bool_] | None) -> Block:
        """Return the block of values from which ``dim`` has been reduced away."""
        return self.with_(
            values=values,
            valid=valid,
            dims=tuple(d for d in self.dims if d != dim),
            labels={k: v for k, v in self.labels.items() if k != dim},
            axis=None if self.axis == dim else self.axis,
        )

    def off_grid(self) -> Block:
        """Return the block without a grid: y and x are dimensions like others, labelled by coordinates."""
        if self.grid is None:
            return self
        pixels = {"y": tuple(self.grid.y.tolist()), "x": tuple(self.grid.x.tolist())}
        return self.with_(labels={**self.labels, **pixels}, grid=None)

    def crop(self, window: Grid) -> Block:
        """Return the part inside ``window``, padded with no-data where the block does not reach."""
        if self.grid is None or window == self.grid:
            return self
        inside = self.grid.intersect(window)
        if inside == window:
            rows, cols = window.slices_in(self.grid)
            return self.with_(
                values=self.values[..., rows, cols],
                valid=None if self.valid is None else self.valid[..., rows, cols],
                grid=window,
            )
        if window.width * window.height > MOST_PIXELS:
            raise InputError(
                f"A window of {window.width} by {window.height} pixels is too large.",
                "Ask for a smaller neighbourhood, window or extent.",
                code="ProcessParameterInvalid",
            )
        lead = self.values.shape[:-2]
        values = np.zeros((*lead, *window.shape), self.values.dtype)
        valid = np.zeros(values.shape, bool)
        if inside is not None:
            here, there = inside.slices_in(self.grid), inside.slices_in(window)
            values[(..., *there)] = self.values[(..., *here)]
            valid[(..., *there)] = True if self.valid is None else self.valid[(..., *here)]
        return self.with_(values=values, valid=valid, grid=window)

    def filled(self) -> NDArray[Any]:
        """Return the values with NaN where there is no data; integers become floats for that."""
        if self.valid is None:
            return self.values
        if self.values.dtype.kind != "f":
            return np.where(self.valid, self.values, np.float32(np.nan))
        return np.where(self.valid, self.values, self.values.dtype.type(np.nan))


def as_slice(positions: Sequence[int]) -> slice | list[int]:
    """Return a slice where the positions are consecutive, since a slice copies nothing."""
    if positions and list(positions) == list(range(positions[0], positions[-1] + 1)):
        return slice(positions[0], positions[-1] + 1)
    return list(positions)


def align(blocks: Sequence[Block]) -> tuple[list[Block], Block]:
    """Give blocks the same dimensions, by name, so that numpy broadcasts them.

    Returns the blocks, missing dimensions having length 1, and the one with the most dimensions,
    whose labels a result takes.

    Raises
    ------
    InputError
        If a dimension that two of them share has different lengths.
    """
    lead = max(blocks, key=lambda b: len(b.dims))
    if all(b.dims == lead.dims for b in blocks):
        return list(blocks), lead
    return [expand(b, lead.dims) for b in blocks], lead


def expand(block: Block, dims: tuple[str, ...]) -> Block:
    """Reorder a block's dimensions to ``dims``, those that it lacks with length 1."""
    if block.dims == dims:
        return block
    extra = [d for d in block.dims if d not in dims]
    if extra:
        raise InputError(
            f"The dimensions {', '.join(extra)} have no counterpart in {', '.join(dims)}.",
            "Reduce them first, or combine the cubes with merge_cubes.",
            code="ProcessParameterInvalid",
        )
    order = [block.dims.index(d) for d in dims if d in block.dims]
    where = tuple(slice(None) if d in block.dims else np.newaxis for d in dims)
    return block.with_(
        values=block.values.transpose(order)[where],
        valid=None if block.valid is None else block.valid.transpose(order)[where],
        dims=dims,
    )


def both_valid(masks: Sequence[NDArray[np.bool_] | None], shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Return where every mask says data, broadcast to ``shape``; None when all of them are None."""
    given = [m for m in masks if m is not None]
    if not given:
        return None
    result = given[0]
    for mask in given[1:]:
        result = result & mask
    return result if result.shape == shape else np.broadcast_to(result, shape)

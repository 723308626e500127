"""A cube that xarray holds without having read it: indexing reads the windows that are needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from eocene.cube.edge import edge_dtype, make_coordinates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from eocene.cube.block import Block
    from eocene.model import Grid

_SUPPORT = indexing.IndexingSupport.BASIC


class WindowArray(BackendArray):
    """An array behind xarray whose values are computed window by window.

    Parameters
    ----------
    probe : Block
        Dimensions, labels and dtype.
    grid : Grid
        The extent.
    compute : callable
        (window, labels along t) → Block.
    """

    def __init__(
        self, probe: Block, grid: Grid, compute: Callable[[Grid, tuple[Any, ...] | None], Block]
    ) -> None:
        self._probe, self._grid, self._compute = probe, grid, compute
        self.shape = (*(len(probe.labels[d]) for d in probe.dims[:-2]), *grid.shape)
        self.dtype = edge_dtype(probe.values.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Read what an xarray indexer asks for."""
        # xarray stumbles over an empty slice that runs backwards.
        tidy = type(key)(tuple(_forward_if_empty(k, n) for k, n in zip(key.tuple, self.shape, strict=True)))
        return indexing.explicit_indexing_adapter(tidy, self.shape, _SUPPORT, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        spans = {d: _as_span(k, n) for d, k, n in zip(self._probe.dims, key, self.shape, strict=True)}
        if any(span.start == span.stop for span in spans.values()):
            empty = np.empty([span.stop - span.start for span in spans.values()], self.dtype)
            return np.asarray(empty[tuple(_within(k) for k in key)])
        rows, cols = spans["y"], spans["x"]
        window = replace(
            self._grid,
            left=self._grid.left + cols.start,
            top=self._grid.top + rows.start,
            width=cols.stop - cols.start,
            height=rows.stop - rows.start,
        )
        times = self._probe.labels["t"][spans["t"]] if "t" in spans else None
        values = self._compute(window, times).filled().astype(self.dtype, copy=False)
        others = tuple(slice(None) if d in ("t", "y", "x") else s for d, s in spans.items())
        return np.asarray(values[others][tuple(_within(k) for k in key)])


def _forward_if_empty(key: Any, length: int) -> Any:
    return slice(0, 0) if isinstance(key, slice) and not range(*key.indices(length)) else key


def _as_span(key: Any, length: int) -> slice:
    """Return the smallest forward slice around an index or slice."""
    if not isinstance(key, slice):
        return slice(int(key), int(key) + 1)
    chosen = range(*key.indices(length))
    if not chosen:
        return slice(0, 0)
    return slice(min(chosen), max(chosen) + 1)


def _within(key: Any) -> Any:
    """Return the key relative to the span that was read for it."""
    return slice(None, None, key.step or 1) if isinstance(key, slice) else 0


_LAYERS = 36
"""Dates times bands of a chunk, about: what the engine reads at once."""


def make_lazy(
    probe: Block,
    grid: Grid,
    compute: Callable[[Grid, tuple[Any, ...] | None], Block],
    name: str,
    block: int = 512,
) -> xr.DataArray:
    """Return a DataArray of the whole extent that reads when it is indexed or computed.

    Parameters
    ----------
    probe, grid, compute
        As for :class:`WindowArray`.
    name : str
        Of the array.
    block : int
        Edge of a window that is read well, as ``encoding["preferred_chunks"]`` says.
    """
    labels = {d: probe.labels[d] for d in probe.dims[:-2]}
    data = indexing.LazilyIndexedArray(WindowArray(probe, grid, compute))
    variable = xr.Variable(probe.dims, data, {"crs": f"EPSG:{grid.epsg}", "grid_mapping": "spatial_ref"})
    cube = xr.DataArray(variable, coords=make_coordinates(labels, grid), name=name)
    cube.encoding["preferred_chunks"] = _choose_chunks(variable.sizes, block)
    return cube


def _choose_chunks(sizes: Mapping[Any, int], block: int) -> dict[Any, int]:
    """Return the chunks that are read best: blocks of all bands and some dates."""
    bands = sizes.get("bands", 1)
    wanted = {"t": max(1, _LAYERS // max(1, bands)), "y": block, "x": block}
    return {dim: max(1, min(length, wanted.get(dim, length))) for dim, length in sizes.items()}

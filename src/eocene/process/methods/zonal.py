"""Zonal aggregation: from the pixels of a cube to one value for each geometry, date and band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, expand
from eocene.cube.feature import GEOMETRY
from eocene.cube.geojson import read_features
from eocene.model import InputError
from eocene.process.methods.zone_pixels import PIXELS, as_pixels, locate_features, read_zones

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import geopandas as gpd

    from eocene.cube.feature import Feature
    from eocene.model import Grid
    from eocene.process.methods.zone_pixels import Reader, Zone

COUNTS = ("value", "total_count", "valid_count")


def locate_zones(zones: gpd.GeoDataFrame, grid: Grid) -> list[Zone]:
    """Return where the rows of a table lie on a grid; those without a pixel are left out."""
    return [zone for zone in locate_features(read_features(zones), grid) if zone.inside.any()]


@dataclass(frozen=True, eq=False)
class Reduction:
    """How the pixels of a zone become its values.

    Parameters
    ----------
    reducer : callable
        Takes ``data``, an array of pixels, and ``context``.
    context : object
        Handed to the reducer.
    dimension : str
        Name of the result's geometry dimension.
    counts : str, optional
        Name of a dimension with the value and the numbers of all and of valid pixels.
    """

    reducer: Callable[..., Any]
    context: Any
    dimension: str = GEOMETRY
    counts: str | None = None

    def __call__(self, pixels: Block) -> Block:
        """Return the values (geometry, …) of the pixels of one zone, (…, pixels)."""
        dims = (self.dimension, *pixels.dims[:-1])
        series = pixels.with_(
            values=pixels.values[np.newaxis],
            valid=None if pixels.valid is None else pixels.valid[np.newaxis],
            dims=(*dims, PIXELS),
            labels={**pixels.labels, self.dimension: (0,)},
            kinds={**pixels.kinds, self.dimension: GEOMETRY},
            axis=PIXELS,
        )
        result = self.reducer(data=series, context=self.context)
        if not isinstance(result, Block):
            shape = series.values.shape[:-1]
            values = np.full(shape, np.nan if result is None else result)
            result = series.without(PIXELS, values, None if result is not None else np.zeros(shape, bool))
        if set(result.dims) != set(dims):
            raise InputError(
                f"The reducer gives an array ({', '.join(result.dims)}) where one value is needed.",
                "End it with a process that gives one value, such as mean.",
                code="ProcessParameterInvalid",
            )
        result = expand(result, dims)
        return result if self.counts is None else _add_counts(result, series, self.counts)


def _add_counts(result: Block, series: Block, dimension: str) -> Block:
    """Return the values with the numbers of all and of valid pixels beside them, in a new last dimension."""
    is_valid = np.ones(series.values.shape, bool) if series.valid is None else series.valid
    if series.values.dtype.kind == "f":
        is_valid = is_valid & np.isfinite(series.values)
    count = is_valid.sum(axis=-1)
    values = np.stack([result.values, np.full(count.shape, series.values.shape[-1]), count], axis=-1)
    valid = np.ones(values.shape, bool)
    if result.valid is not None:
        valid[..., 0] = result.valid
    return result.with_(
        values=values.astype(np.float64),
        valid=valid,
        dims=(*result.dims, dimension),
        labels={**result.labels, dimension: COUNTS},
    )


def aggregate_features(reader: Reader, features: Sequence[Feature], reduce: Reduction) -> Block:
    """Return the vector cube (geometry, …) of what the reducer makes of the pixels of each geometry.

    Geometries without a pixel have no-data; of those that are not empty the counts are 0. The values do
    not depend on how the cube is read: a zone's pixels always come in the same order, in one array for
    each date at least.
    """
    probe = reader.schema.probe
    one = reduce(probe_pixels(probe))
    lead = next((one.dims.index(d) for d in probe.dims_of("temporal")), 0)
    values = np.zeros((len(features), *one.values.shape[1:]), one.values.dtype)
    valid = np.zeros(values.shape, bool)
    if reduce.counts is not None:
        valid[[not f.geometry.is_empty for f in features], ..., 1:] = True
    for zone, times, pixels in read_zones(reader, locate_features(features, reader.schema.grid)):
        result = reduce(pixels)
        if not np.can_cast(result.values.dtype, values.dtype):
            values = values.astype(np.result_type(values.dtype, result.values.dtype))
        place: tuple[Any, ...] = (zone.row, *(slice(None),) * (lead - 1), times) if lead else (zone.row,)
        values[place] = result.values[0]
        valid[place] = True if result.valid is None else result.valid[0]
    return one.with_(
        values=values,
        valid=None if valid.all() else valid,
        labels={**one.labels, reduce.dimension: tuple(features)},
        grid=None,
        axis=None,
    )


def probe_pixels(probe: Block) -> Block:
    """Return the one pixel of a probe as those of a zone."""
    valid = None if probe.valid is None else probe.valid[..., 0]
    return as_pixels(probe, probe.dims[:-2], probe.values[..., 0], valid)

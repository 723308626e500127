"""From a map of classes to polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import rasterio.features
from affine import Affine
from shapely.geometry import shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr


def trace_polygons(
    classes: xr.DataArray, values: Sequence[int] | None = None, *, min_pixels: int = 1
) -> gpd.GeoDataFrame:
    """Trace the outlines of connected pixels of one class.

    Parameters
    ----------
    classes : DataArray (y, x)
        Whole numbers, NaN for no-data, with the CRS in ``spatial_ref``.
    values : sequence of int, optional
        The classes wanted; all by default.
    min_pixels : int
        Smaller patches are left out.

    Returns
    -------
    GeoDataFrame
        Columns ``id`` (1, 2, … from north to south), ``value`` and geometry, in the CRS of the map.
    """
    numbers = classes.to_numpy()
    wanted = np.isfinite(numbers)
    if values is not None:
        wanted &= np.isin(numbers, list(values))
    filled = np.where(wanted, numbers, -1).astype(np.int32)
    west, width, _, north, _, height = (float(v) for v in classes.spatial_ref.attrs["GeoTransform"].split())
    transform = Affine(width, 0, west, 0, height, north)
    pixel_area = abs(width * height)
    traced = [
        (int(value), polygon)
        for geometry, value in rasterio.features.shapes(filled, wanted, transform=transform)
        if (polygon := shape(geometry)).area >= min_pixels * pixel_area
    ]
    epsg = classes.spatial_ref.attrs["epsg"]
    columns = {"id": range(1, len(traced) + 1), "value": [v for v, _ in traced]}
    return gpd.GeoDataFrame(columns, geometry=[p for _, p in traced], crs=epsg)

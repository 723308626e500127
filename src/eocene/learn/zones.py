"""From a map of pixels to a class for each parcel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.process.methods.zonal import locate_zones

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import xarray as xr

    from eocene.model import Grid


def classify_zones(
    prediction: xr.DataArray, grid: Grid, zones: gpd.GeoDataFrame, names: Mapping[int, str]
) -> gpd.GeoDataFrame:
    """Give each polygon the class of most of its pixels.

    Parameters
    ----------
    prediction : DataArray (bands, y, x)
        Bands ``class`` and ``confidence``, as ``ml_predict`` gives them.
    grid : Grid
        Its extent.
    zones : GeoDataFrame
        Polygons in any CRS.
    names : mapping of int to str
        Names of the classes.

    Returns
    -------
    GeoDataFrame
        The zones with ``class`` (name), ``class_value``, ``confidence`` (mean over the pixels of that
        class, 0 to 1), ``share`` (of pixels in that class) and ``pixels``. Polygons without a
        classified pixel centre are left out.
    """
    classes = prediction.sel(bands="class").to_numpy()
    confidence = prediction.sel(bands="confidence").to_numpy()
    rows: dict[str, list[Any]] = {"class_value": [], "confidence": [], "share": [], "pixels": []}
    kept = []
    for zone in locate_zones(zones, grid):
        place = zone.window.slices_in(grid)
        inside = zone.inside & np.isfinite(classes[place])
        if not inside.any():
            continue
        found, counts = np.unique(classes[place][inside], return_counts=True)
        winner = found[counts.argmax()]
        kept.append(zone.row)
        rows["class_value"].append(int(winner))
        rows["confidence"].append(float(confidence[place][inside & (classes[place] == winner)].mean()))
        rows["share"].append(float(counts.max() / counts.sum()))
        rows["pixels"].append(int(counts.sum()))
    result = zones.iloc[kept].reset_index(drop=True)
    for column, values in rows.items():
        result[column] = values
    result["class"] = [names.get(v, str(v)) for v in rows["class_value"]]
    return result

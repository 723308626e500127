"""Writing rasters: cloud-optimised GeoTIFF, whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import rasterio
from affine import Affine

from eocene.model.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from eocene.model.grid import Grid

MEDIA_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"


def write_raster(
    path: Path, pixels: NDArray[np.generic], grid: Grid, nodata: float | None, *, categorical: bool = False
) -> None:
    """Write one band as a COG: tiled, deflate with predictor, overviews (nearest where categorical)."""
    profile: dict[str, Any] = {
        "driver": "COG",
        "width": grid.width,
        "height": grid.height,
        "count": 1,
        "dtype": pixels.dtype.name,
        "crs": f"EPSG:{grid.epsg}",
        "transform": Affine(*grid.transform),
        "nodata": nodata,
        "blocksize": 512 if grid.width > 2048 else 256,
        "compress": "DEFLATE",
        "level": 6 if categorical else 1,
        "predictor": "NO" if categorical else "YES",
        "overview_resampling": "NEAREST" if categorical else "AVERAGE",
        "num_threads": min(os.cpu_count() or 1, 4),
    }
    with replace_file(path) as temporary, rasterio.open(temporary, "w", **profile) as target:
        target.write(pixels, 1)


def asset_fields(grid: Grid, dtype: str, nodata: float | None) -> dict[str, Any]:
    """Return the STAC fields of a raster asset that follow from its grid and dtype."""
    fields: dict[str, Any] = {
        "type": MEDIA_TYPE,
        "roles": ["data"],
        "proj:code": f"EPSG:{grid.epsg}",
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform),
        "data_type": dtype,
        "gsd": grid.lattice.resolution[0],
    }
    return fields if nodata is None else {**fields, "nodata": nodata}

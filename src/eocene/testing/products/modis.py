"""Small MODIS and VIIRS products: a tile's corner as GeoTIFF or HDF-EOS5, in the sinusoidal projection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import rasterio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

PIXEL_M = 463.3127165
WEST, NORTH = 0.0, 5_559_752.598333
"""The upper left corner of tile h18v04: 50° north on the meridian of Greenwich."""

_CRS = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"


def write_modis_tiff(folder: Path, layer: str, pixels: NDArray[Any]) -> Path:
    """Write a layer, such as 500m_16_days_NDVI, of MOD13A1 as a GeoTIFF and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"MOD13A1.A2024097.h18v04.061.2024115101010_{layer}.tif"
    profile = {
        "driver": "GTiff", "count": 1, "height": pixels.shape[0], "width": pixels.shape[1], "crs": _CRS,
        "dtype": pixels.dtype, "compress": "deflate",
        "transform": rasterio.Affine(PIXEL_M, 0, WEST, 0, -PIXEL_M, NORTH),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(pixels, 1)
    return path


def write_viirs(folder: Path, fields: Mapping[str, NDArray[Any]]) -> Path:
    """Write fields, such as "500 m 16 days NDVI", of VNP13A1 as HDF-EOS5 and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "VNP13A1.A2024097.h18v04.002.2024115101010.h5"
    height, width = next(iter(fields.values())).shape
    grid = "VIIRS_Grid_16Day_VI_500m"
    structure = f"""GROUP=GridStructure
\tGROUP=GRID_1
\t\tGridName="{grid}"
\t\tXDim={width}
\t\tYDim={height}
\t\tUpperLeftPointMtrs=({WEST:.6f},{NORTH:.6f})
\t\tLowerRightMtrs=({WEST + width * PIXEL_M:.6f},{NORTH - height * PIXEL_M:.6f})
\t\tProjection=HE5_GCTP_SNSOID
\t\tProjParams=(6371007.181000,0,0,0,0,0,0,0,0,0,0,0,0)
\tEND_GROUP=GRID_1
END_GROUP=GridStructure
END
"""
    with h5py.File(path, "w") as stream:
        stream["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(structure.encode())
        for name, stored in fields.items():
            place = f"HDFEOS/GRIDS/{grid}/Data Fields/{name}"
            stream.create_dataset(place, data=stored, compression="gzip")
            stream[place].attrs.update({"scale_factor": 10_000.0, "_FillValue": np.int16(-15_000)})
    return path

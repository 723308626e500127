"""Small MODIS and VIIRS products: a tile's corner, sinusoidal, as GeoTIFF, HDF4 or HDF-EOS5."""

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


def write_modis_hdf4(folder: Path, fields: Mapping[str, NDArray[Any]]) -> Path:
    """Write fields, such as "500m 16 days NDVI", of MOD13A1 as HDF4 and return its path; needs pyhdf."""
    from pyhdf.SD import SD, SDC

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "MOD13A1.A2024097.h18v04.061.2024115101010.hdf"
    height, width = next(iter(fields.values())).shape
    objects = "".join(
        f'\t\t\tOBJECT=DataField_{number}\n\t\t\t\tDataFieldName="{name}"\n\t\t\tEND_OBJECT=DataField_{number}\n'
        for number, name in enumerate(fields, start=1)
    )
    structure = _structure("MODIS_Grid_16DAY_500m_VI", (height, width), "GCTP_SNSOID", objects)
    kinds = {"int16": SDC.INT16, "uint16": SDC.UINT16, "uint8": SDC.UINT8, "int8": SDC.INT8}
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    file.attr("StructMetadata.0").set(SDC.CHAR8, structure)
    for name, stored in fields.items():
        data = file.create(name, kinds[str(stored.dtype)], stored.shape)
        data.setcompress(SDC.COMP_DEFLATE, 6)
        data[:] = stored
        if stored.dtype.kind == "i":  # indices; flags are as they are
            data.attr("scale_factor").set(SDC.FLOAT64, 10_000.0)
            data.attr("_FillValue").set(kinds[str(stored.dtype)], -3000)
        data.endaccess()
    file.end()
    return path


def _structure(grid: str, shape: tuple[int, int], projection: str, fields: str = "") -> str:
    """Return the text in which HDF-EOS describes a grid."""
    height, width = shape
    return f"""GROUP=GridStructure
\tGROUP=GRID_1
\t\tGridName="{grid}"
\t\tXDim={width}
\t\tYDim={height}
\t\tUpperLeftPointMtrs=({WEST:.6f},{NORTH:.6f})
\t\tLowerRightMtrs=({WEST + width * PIXEL_M:.6f},{NORTH - height * PIXEL_M:.6f})
\t\tProjection={projection}
\t\tProjParams=(6371007.181000,0,0,0,0,0,0,0,0,0,0,0,0)
{fields}\tEND_GROUP=GRID_1
END_GROUP=GridStructure
END
"""


def write_viirs(folder: Path, fields: Mapping[str, NDArray[Any]]) -> Path:
    """Write fields, such as "500 m 16 days NDVI", of VNP13A1 as HDF-EOS5 and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "VNP13A1.A2024097.h18v04.002.2024115101010.h5"
    height, width = next(iter(fields.values())).shape
    grid = "VIIRS_Grid_16Day_VI_500m"
    structure = _structure(grid, (height, width), "HE5_GCTP_SNSOID")
    with h5py.File(path, "w") as stream:
        stream["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(structure.encode())
        for name, stored in fields.items():
            place = f"HDFEOS/GRIDS/{grid}/Data Fields/{name}"
            stream.create_dataset(place, data=stored, compression="gzip")
            stream[place].attrs.update({"scale_factor": 10_000.0, "_FillValue": np.int16(-15_000)})
    return path

"""Open the raster of an asset by its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.archive.askew import ASKEW, AskewRaster
from eocene.archive.fetch.gdal import GDAL_DRIVER, JP2_DRIVER
from eocene.archive.gdal_raster import GdalRaster
from eocene.archive.geotiff import GeotiffRaster
from eocene.archive.netcdf import NetcdfRaster
from eocene.archive.npy import NpyRaster
from eocene.archive.raster import is_jp2, is_netcdf, is_npy, is_tiff
from eocene.archive.sentinel1 import Sentinel1Raster, is_sentinel1
from eocene.archive.zips import MEMBER
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive.fetch import Door
    from eocene.archive.raster import Raster


def open_raster(asset: Mapping[str, Any], door: Door) -> Raster:
    """Open the raster of a STAC asset after the door has let its path through.

    Parameters
    ----------
    asset : mapping
        ``href`` (absolute), ``type``; ``eocene:variable`` and ``eocene:index`` for a slice of a NetCDF
        file, ``eocene:band`` (from 1) for one band of a GeoTIFF with several.
    door : Door
        Which files may be opened.

    Raises
    ------
    InputError
        If the path is refused or the format is not a raster.
    DamageError
        If the file is missing or cannot be read; it is named.
    """
    path = door.resolve(str(asset.get("href", "")))
    if is_netcdf(asset):
        return NetcdfRaster(path, asset)
    if is_sentinel1(asset):
        return Sentinel1Raster(path, asset, door)
    if is_tiff(asset) and MEMBER in asset:
        return GdalRaster(path, asset, GDAL_DRIVER)
    if is_tiff(asset):
        return AskewRaster(path, asset) if asset.get(ASKEW) else GeotiffRaster(path, asset)
    if is_jp2(asset):
        return GdalRaster(path, asset, JP2_DRIVER)
    if is_npy(asset):
        return NpyRaster(path, asset)
    raise InputError(
        f"The asset {str(path)!r} of type {asset.get('type')!r} is not a raster.",
        "Rasters are GeoTIFF (image/tiff), JPEG 2000 (image/jp2) and NetCDF (application/x-netcdf).",
    )

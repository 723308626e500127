"""Open the raster of an asset by its format."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import is_remote
from eocene.archive.fetch.gdal import GDAL_DRIVER, JP2_DRIVER
from eocene.archive.packing.zips import MEMBER
from eocene.archive.raster import (
    is_grib,
    is_jp2,
    is_netcdf,
    is_npy,
    is_sinusoidal,
    is_swath,
    is_tiff,
    is_zarr,
    refuse_complex,
)
from eocene.archive.rasters.gdal_raster import GdalRaster
from eocene.archive.rasters.jp2_remote import RemoteJp2Raster
from eocene.archive.rasters.npy import NpyRaster
from eocene.archive.rasters.sentinel1 import Sentinel1Raster, is_sentinel1
from eocene.archive.tiff.askew import ASKEW, AskewRaster
from eocene.archive.tiff.geotiff import GeotiffRaster
from eocene.archive.tiff.header_index import HeaderIndex, open_remote_tiles
from eocene.model.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from eocene.archive.fetch import Content, Door
    from eocene.archive.raster import Raster


def open_raster(asset: Mapping[str, Any], door: Door, index: HeaderIndex | None = None) -> Raster:
    """Open the raster of a STAC asset after the door has let its path or URL through.

    Parameters
    ----------
    asset : mapping
        ``href`` (absolute), ``type``; ``eocene:variable`` and ``eocene:index`` for a slice of a NetCDF
        file, ``eocene:band`` (from 1) for one band of a GeoTIFF with several.
    door : Door
        Which files may be opened.
    index : HeaderIndex, optional
        What is known of remote files.

    Raises
    ------
    InputError
        If the path is refused or the format is not a raster.
    UnavailableError
        If the asset is remote and of a format that is not read in place.
    DamageError
        If the file is missing or cannot be read; it is named.
    """
    href = str(asset.get("href", ""))
    if is_remote(href):
        return _open_remote(href, asset, door, index)
    path = door.resolve(href)
    for fits, opener in _OPENERS:
        if fits(asset):
            return _open_real(partial(opener, path, asset, door), href)
    raise InputError(
        f"The asset {str(path)!r} of type {asset.get('type')!r} is not a raster.",
        "Rasters are GeoTIFF (image/tiff), JPEG 2000 (image/jp2), NetCDF (application/x-netcdf) and GRIB.",
    )


def begin_raster(asset: Mapping[str, Any], door: Door, index: HeaderIndex) -> None:
    """Ask for the beginning of a GeoTIFF on a server, unless its header is known; see :meth:`Door.begin`."""
    href = str(asset.get("href", ""))
    if is_remote(href) and is_tiff(asset) and not index.knows(href):
        door.begin(href)


def is_read_in_place(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is of a format that is read in ranges, wherever it lies."""
    return any(fits(asset) for fits, _ in _REMOTE_OPENERS)


def _is_plain(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is a file of its own on a north-up grid of its own."""
    special = is_swath(asset) or is_sinusoidal(asset) or is_sentinel1(asset)
    return MEMBER not in asset and not asset.get(ASKEW) and not special


def _open_real(opener: Callable[[], Raster], href: str) -> Raster:
    """Open a raster of numbers that can be computed with: of complex ones only half would be left."""
    try:
        raster = opener()
    except TypeError as error:  # numpy does not know GDAL's complex integers
        if "complex" not in str(error):
            raise
        raise refuse_complex(href) from error
    if raster.dtype.kind not in "biuf":
        raster.close()
        raise refuse_complex(href)
    return raster


def _open_remote(href: str, asset: Mapping[str, Any], door: Door, index: HeaderIndex | None) -> Raster:
    for fits, opener in _REMOTE_OPENERS:
        if fits(asset):
            return _open_real(partial(opener, href, asset, door, index), href)
    raise UnavailableError(
        f"The asset {href!r} of type {asset.get('type')!r} cannot be read in place: over the network "
        "GeoTIFF, JPEG 2000, NetCDF, Zarr and GRIB can, which have a grid of their own.",
        "Download the product and ingest the local copy.",
    )


def _open_remote_tiff(href: str, asset: Mapping[str, Any], door: Door, index: HeaderIndex | None) -> Raster:
    return GeotiffRaster(open_remote_tiles(href, door, index), asset)


def _open_tiff(path: Path, asset: Mapping[str, Any], _door: Door) -> Raster:
    if MEMBER in asset:
        return GdalRaster(path, asset, GDAL_DRIVER)
    return AskewRaster(path, asset) if asset.get(ASKEW) else GeotiffRaster(path, asset)


# What these need, the libraries for HDF5 and Zarr above all, is loaded when the first such asset is opened.


def _open_swath(path: Path, asset: Mapping[str, Any], door: Door) -> Raster:
    from eocene.archive.rasters.swath import SwathRaster

    return SwathRaster(path, asset, door)


def _open_sinusoidal(path: Path, asset: Mapping[str, Any], _door: Door) -> Raster:
    from eocene.archive.rasters.sinusoidal import SinusoidalRaster

    return SinusoidalRaster(path, asset)


def _open_netcdf(source: Path | Content, asset: Mapping[str, Any]) -> Raster:
    from eocene.archive.rasters.netcdf import NetcdfRaster

    return NetcdfRaster(source, asset)


def _open_grib(content: Content, asset: Mapping[str, Any]) -> Raster:
    from eocene.archive.rasters.grib import GribRaster

    return GribRaster(content, asset)


def _open_zarr(path: Path, asset: Mapping[str, Any], _door: Door) -> Raster:
    from eocene.archive.rasters.zarr_raster import ZarrRaster
    from eocene.archive.rasters.zarr_store import group_at

    return ZarrRaster(group_at(path), asset)


def _open_remote_zarr(href: str, asset: Mapping[str, Any], door: Door, _index: HeaderIndex | None) -> Raster:
    from eocene.archive.rasters.zarr_raster import ZarrRaster
    from eocene.archive.rasters.zarr_remote import open_remote_group

    return ZarrRaster(open_remote_group(href, door), asset)


_OPENERS: tuple[
    tuple[Callable[[Mapping[str, Any]], bool], Callable[[Path, Mapping[str, Any], Door], Raster]], ...
] = (
    (is_swath, _open_swath),
    (is_sinusoidal, _open_sinusoidal),
    (is_netcdf, lambda path, asset, _: _open_netcdf(path, asset)),
    (is_grib, lambda path, asset, door: _open_grib(door.open(str(path)), asset)),
    (is_sentinel1, Sentinel1Raster),
    (is_tiff, _open_tiff),
    (is_jp2, lambda path, asset, _: GdalRaster(path, asset, JP2_DRIVER)),
    (is_npy, lambda path, asset, _: NpyRaster(path, asset)),
    (is_zarr, _open_zarr),
)
"""How an asset is opened: the first that fits; what is more particular stands first."""

_REMOTE_OPENERS: tuple[
    tuple[
        Callable[[Mapping[str, Any]], bool],
        Callable[[str, Mapping[str, Any], Door, HeaderIndex | None], Raster],
    ],
    ...,
] = (
    (lambda asset: is_tiff(asset) and _is_plain(asset), _open_remote_tiff),
    (is_grib, lambda href, asset, door, _: _open_grib(door.open(href), asset)),
    (
        lambda asset: is_netcdf(asset) and _is_plain(asset),
        lambda href, asset, door, _: _open_netcdf(door.open(href), asset),
    ),
    (is_zarr, _open_remote_zarr),
    (
        lambda asset: is_jp2(asset) and _is_plain(asset),
        lambda href, asset, door, _: RemoteJp2Raster(door.open(href), asset),
    ),
)
"""How an asset on a server is opened: the first that fits."""

"""A raster: stored numbers on a grid, whatever the format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from eocene.model.errors import InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

GEOTIFF = "image/tiff; application=geotiff"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
JP2 = "image/jp2"
HDF5 = "application/x-hdf5"
HDF4 = "application/x-hdf; version=4"
"""Of files that this archive has read; application/x-hdf alone may be of any version."""
NETCDF = "application/x-netcdf"
NPY = "application/x-numpy"
"""Of numpy's .npy files; there is no registered type."""
GRIB = "application/wmo-GRIB2"
GEOLOCATION = "eocene:geolocation"
"""Field of an asset in the geometry of a scan: ``file`` beside it, with ``longitude`` and ``latitude``."""
SINUSOIDAL = "eocene:sinusoidal"
"""Field of an asset: true if its file is in this projection; proj:transform is that of the map grid then."""
ZARR = "application/vnd.zarr; profile=array"
"""Of an array in a group, whose metadata file is the asset's; a whole group is no raster."""
PARQUET = "application/vnd.apache.parquet"


@runtime_checkable
class Raster(Protocol):
    """One band of one file.

    Attributes
    ----------
    levels : tuple of Grid
        Full resolution first, then the overviews, each on its own lattice.
    dtype : numpy.dtype
        Of the stored numbers.
    nodata : float or None
        The stored number that means "no data".
    """

    @property
    def levels(self) -> tuple[Grid, ...]:
        """Full resolution first, then the overviews."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the stored numbers."""

    @property
    def nodata(self) -> float | None:
        """The stored number that means "no data"."""

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``; thread-safe.

        They are written into ``out``, of that shape and dtype, if it is given.
        """

    def close(self) -> None:
        """Let go of what this raster holds."""


def is_netcdf(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is a NetCDF file, by its media type or else its suffix."""
    kind = str(asset.get("type", "")).lower()
    return "netcdf" in kind or (not kind and str(asset.get("href", "")).lower().endswith((".nc", ".nc4")))


def is_grib(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is a message of a GRIB file, by its media type."""
    return "grib" in str(asset.get("type", "")).lower()


def is_tiff(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is a GeoTIFF, by its media type or else its suffix."""
    kind = str(asset.get("type", "")).lower()
    return kind.startswith("image/tiff") or (
        not kind and str(asset.get("href", "")).lower().endswith((".tif", ".tiff"))
    )


def is_hdf5(asset: Mapping[str, Any]) -> bool:
    """Tell by its media type whether an asset is in an HDF-EOS file, of HDF5 or HDF4."""
    return str(asset.get("type", "")).lower() in (HDF5, HDF4)


def is_jp2(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is a JPEG 2000 file, by its media type or else its suffix."""
    kind = str(asset.get("type", "")).lower()
    return kind.startswith("image/jp2") or (not kind and str(asset.get("href", "")).lower().endswith(".jp2"))


def is_npy(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is an array in a .npy file, by its media type."""
    return str(asset.get("type", "")).lower() == NPY


def is_zarr(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is an array in a Zarr group that this archive has read."""
    return asset.get("type") == ZARR


def is_swath(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset lies in the geometry of a scan."""
    return GEOLOCATION in asset


def is_sinusoidal(asset: Mapping[str, Any]) -> bool:
    """Tell whether an asset is in the sinusoidal projection."""
    return bool(asset.get(SINUSOIDAL))


def grid_of_asset(asset: Mapping[str, Any], shape: tuple[int, ...]) -> Grid:
    """Return the grid that an asset's ``proj:code`` and ``proj:transform`` give to rows and columns."""
    epsg = int(str(asset.get("proj:code", "")).removeprefix("EPSG:") or 0)
    height, width = shape
    return Grid.from_transform(epsg, asset["proj:transform"], width, height)


def check_window(window: Grid, level: Grid, what: str) -> tuple[slice, slice]:
    """Return the rows and columns of a window, or raise InputError if it is not inside the level."""
    if window.lattice != level.lattice or window.intersect(level) != window:
        raise InputError(
            f"The window {window} is not inside the grid {level} of {what}.",
            "Ask for a window on the level's own lattice and inside it.",
        )
    return window.slices_in(level)


def refuse_complex(href: str) -> InputError:
    """Return the error of a raster whose numbers are complex."""
    return InputError(
        f"The numbers of {href!r} are complex.",
        "Write their amplitude, or their real and imaginary parts as two bands, and ingest that.",
        code="FormatUnsuitable",
    )


def parse_nodata(value: object) -> float | None:
    """Read a ``nodata`` of STAC: a number, or one of the strings nan, inf, -inf."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None

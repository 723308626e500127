"""GDAL, where it is needed: one driver, no sidecars, no network, no virtual files."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

GDAL_CACHE_BYTES = 64 * 2**20
"""What GDAL keeps of what it has decoded, for all threads together; its default grows with the machine."""

GDAL_OPTIONS: dict[str, Any] = {
    "GDAL_CACHEMAX": GDAL_CACHE_BYTES,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no sidecar file is looked for
    "GDAL_PAM_ENABLED": False,
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_HTTP_MAX_RETRY": 0,
    "GTIFF_DIRECT_IO": False,
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "VRT_VIRTUAL_OVERVIEWS": False,
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_NUM_THREADS": "1",  # blocks are read in parallel by the caller
}
"""Configuration under which every GeoTIFF is opened."""

GDAL_DRIVER = "GTiff"
"""The GDAL driver of GeoTIFF; a file is opened by one named driver only."""

JP2_DRIVER = "JP2OpenJPEG"
"""The GDAL driver of JPEG 2000."""


@contextmanager
def gdal_environment() -> Iterator[None]:
    """Run GDAL calls in the hardened configuration: no sidecars, no network, no virtual files."""
    import rasterio

    with rasterio.Env(**GDAL_OPTIONS):
        yield

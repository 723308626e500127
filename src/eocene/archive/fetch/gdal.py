"""GDAL, where it is needed: one driver, no sidecars, no network, no virtual files."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from eocene.archive.fetch.decoded import check_decoded
from eocene.archive.fetch.stream import ContentStream
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eocene.archive.fetch.content import Content

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

_DECODED_BYTES = {GDAL_DRIVER: 0, JP2_DRIVER: 4}
"""The drivers that may open a file, and the bytes of a number while it is decoded, 0 for its own."""


@contextmanager
def gdal_environment() -> Iterator[None]:
    """Run GDAL calls in the hardened configuration: no sidecars, no network, no virtual files."""
    import rasterio

    with rasterio.Env(**GDAL_OPTIONS):
        yield


class HardenedDataset:
    """A dataset of rasterio that is used in the hardened configuration, whoever uses it and whenever.

    GDAL looks for sidecar files, reads overviews and starts threads when it is first asked, not when a file
    is opened; and its threads would not find content that is read instead of a file.

    Parameters
    ----------
    dataset : rasterio.DatasetReader
        As it was opened; all that it has is reached through this one.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        # When it is forgotten too, at the latest before Python ends: GDAL would call then what is gone.
        weakref.finalize(self, gdal_environment()(dataset.close))

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the dataset, or a method that runs in the configuration."""
        with gdal_environment():
            found = getattr(self._dataset, name)
        return gdal_environment()(found) if callable(found) else found

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the dataset."""
        self.close()


def open_dataset(
    name: str, driver: str, *, content: Content | None = None, **options: Any
) -> HardenedDataset:
    """Open a raster file by one driver, in the hardened configuration.

    Parameters
    ----------
    name : str
        A path that passed the door, or one that is made of such a path and a checked member of a zip file.
    driver : str
        One of those that are allowed.
    content : Content, optional
        What is read instead of a file, such as a remote object; ``name`` is what errors call it then.
    options
        As rasterio knows them, such as ``overview_level``.

    Returns
    -------
    HardenedDataset
        To be closed by the caller, and used by one thread at a time.

    Raises
    ------
    rasterio.errors.RasterioError
        If the file is not of that format or cannot be read.
    InputError
        If the driver is not allowed, or one of its blocks would not fit into memory.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    if driver not in _DECODED_BYTES:
        raise InputError(
            f"GDAL's driver {driver!r} opens no files here.", f"Use {', '.join(_DECODED_BYTES)}."
        )
    if content is not None:
        options["opener"] = _make_opener(content)
        name = f"content{'.jp2' if driver == JP2_DRIVER else '.tif'}"
    try:
        with gdal_environment():
            dataset = HardenedDataset(rasterio.open(name, driver=driver, sharing=False, **options))
    except (UnicodeDecodeError, NotGeoreferencedWarning) as error:  # GDAL quotes what it cannot read
        raise RasterioIOError(f"its header is damaged ({error})") from error
    try:
        _check_blocks(dataset, driver, name if content is None else content.name)
    except BaseException:
        dataset.close()
        raise
    return dataset


def _make_opener(content: Content) -> Callable[[str, str], ContentStream]:
    """Return what GDAL opens files by: there is one, and none beside it."""

    def open_file(path: str, mode: str = "rb") -> ContentStream:
        if "content." not in path or not path.endswith((".jp2", ".tif")) or "w" in mode:
            raise FileNotFoundError(path)
        return ContentStream(content)

    return open_file


def _check_blocks(dataset: Any, driver: str, name: str) -> None:
    together = dataset.count if driver == JP2_DRIVER or _is_interleaved(dataset) else 1
    for shape, kind in set(zip(dataset.block_shapes, dataset.dtypes, strict=True)):
        width = _DECODED_BYTES[driver] or np.dtype(kind).itemsize
        check_decoded(name, "a block of it", (*shape, together), width)


def _is_interleaved(dataset: Any) -> bool:
    return getattr(dataset.interleaving, "value", "PIXEL") == "PIXEL"

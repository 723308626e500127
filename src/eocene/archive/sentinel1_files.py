"""The files of a Sentinel-1 measurement: in a folder, or in one zip file.

Annotation, calibration and noise stand at places that follow from that of the measurement, as the product
specification has it.
"""

from __future__ import annotations

import math
import posixpath
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import rasterio
from cachetools import LRUCache, cached
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from eocene.archive.fetch import GDAL_DRIVER, describe_file, gdal_environment
from eocene.archive.geotiff import damaged
from eocene.archive.product_files import ProductFiles
from eocene.archive.zips import find_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from eocene.archive.fetch import Door

_LARGEST_STRIP = 64 * 2**20


def locate_annotations(href: str) -> dict[str, str]:
    """Return where the files lie that belong to a measurement: annotation, calibration and noise."""
    folder, name = posixpath.split(href)
    stem, annotations = posixpath.splitext(name)[0], posixpath.join(posixpath.dirname(folder), "annotation")
    tables = posixpath.join(annotations, "calibration")
    return {
        "annotation": posixpath.join(annotations, f"{stem}.xml"),
        "calibration": posixpath.join(tables, f"calibration-{stem}.xml"),
        "noise": posixpath.join(tables, f"noise-{stem}.xml"),
    }


class MeasurementFiles:
    """A measurement and what belongs to it, in a folder or in one zip file."""

    def __init__(self, path: Path, member: str | None, door: Door) -> None:
        self._path, self._member, self._door = path, member, door
        self.label = str(path) if member is None else f"{path}/{member}"
        self._opened = str(path) if member is None else find_member(path, member).gdal_name

    def load(self, kind: str, parse: Callable[[bytes, str], Any]) -> Any:
        """Return what a file beside the measurement says; remembered as long as it stays the same."""
        if self._member is None:
            path = self._door.resolve(locate_annotations(str(self._path))[kind])
            return _remember(
                kind,
                (describe_file(path),),
                lambda: parse(ProductFiles(path.parent).read(path.name), str(path)),
            )
        name = locate_annotations(self._member)[kind]
        read = ProductFiles(self._path).read
        return _remember(
            kind, (describe_file(self._path), name), lambda: parse(read(name), f"{self._path}/{name}")
        )

    def check_measurement(self, shape: tuple[int, int]) -> None:
        """Raise DamageError unless the measurement is an image of that shape, as its annotation tells."""
        _remember("measurement", (describe_file(self._path), self._member, shape), lambda: self._check(shape))

    def _check(self, shape: tuple[int, int]) -> None:
        with self._open() as dataset:
            if dataset.shape != shape or dataset.dtypes[0] != "uint16":
                raise ValueError(
                    f"it is {dataset.shape} of {dataset.dtypes[0]}, its annotation tells {shape} of uint16"
                )
            if 2 * math.prod(dataset.block_shapes[0]) > _LARGEST_STRIP:
                raise ValueError(f"its strips of {dataset.block_shapes[0]} pixels are too large")

    def read_numbers(self, rows: slice, columns: slice) -> NDArray[np.uint16]:
        """Return a window of the measurement."""
        with self._open() as dataset:
            numbers: NDArray[np.uint16] = dataset.read(1, window=Window.from_slices(rows, columns))
        return numbers

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            with (
                gdal_environment(),
                rasterio.open(self._opened, driver=GDAL_DRIVER, sharing=False) as dataset,
            ):
                yield dataset
        except (RasterioError, NotGeoreferencedWarning, ValueError) as error:
            raise damaged(self.label, str(error)) from error


_loaded: LRUCache[Any, Any] = LRUCache(128)
_lock = threading.Lock()


@cached(_loaded, key=lambda kind, identity, _load: (kind, *identity), lock=_lock)
def _remember(kind: str, identity: tuple[Any, ...], load: Callable[[], Any]) -> Any:
    return load()

"""The files of a Sentinel-1 measurement: in a folder, or in one zip file.

Annotation, calibration and noise stand at places that follow from that of the measurement, as the product
specification has it.
"""

from __future__ import annotations

import posixpath
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache, cached
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from eocene.archive.fetch import GDAL_DRIVER, describe_file
from eocene.archive.fetch.gdal import open_dataset
from eocene.archive.packing.product_files import ProductFiles
from eocene.archive.packing.zips import find_member
from eocene.archive.tiff.geotiff import damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from eocene.archive.fetch import Door


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
        self._door = door
        if member is None:
            self._files, self._name = ProductFiles(path.parents[1]), f"{path.parent.name}/{path.name}"
            self._opened = str(path)
        else:
            self._files, self._name = ProductFiles(path), member
            self._opened = find_member(path, member).gdal_name
        self._identity = describe_file(path), member
        self.label = self._files.label(self._name)

    def load(self, kind: str, parse: Callable[[bytes, str], Any]) -> Any:
        """Return what a file beside the measurement says; remembered as long as it stays the same."""
        name, files = locate_annotations(self._name)[kind], self._files
        identity = describe_file(self._door.resolve(files.locate(name)["href"]))
        return _remember(kind, (identity, name), lambda: parse(files.read(name), files.label(name)))

    def check_measurement(self, shape: tuple[int, int]) -> None:
        """Raise DamageError unless the measurement is an image of that shape, as its annotation tells."""
        _remember("measurement", (*self._identity, shape), lambda: self._check(shape))

    def _check(self, shape: tuple[int, int]) -> None:
        with self._open() as dataset:
            if dataset.shape != shape or dataset.dtypes[0] != "uint16":
                raise ValueError(
                    f"it is {dataset.shape} of {dataset.dtypes[0]}, its annotation tells {shape} of uint16"
                )

    def read_numbers(self, rows: slice, columns: slice) -> NDArray[np.uint16]:
        """Return a window of the measurement."""
        with self._open() as dataset:
            numbers: NDArray[np.uint16] = dataset.read(1, window=Window.from_slices(rows, columns))
        return numbers

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            with open_dataset(self._opened, GDAL_DRIVER) as dataset:
                yield dataset
        except (RasterioError, NotGeoreferencedWarning, ValueError) as error:
            raise damaged(self.label, str(error)) from error


_loaded: LRUCache[Any, Any] = LRUCache(128)
_lock = threading.Lock()


@cached(_loaded, key=lambda kind, identity, _load: (kind, *identity), lock=_lock)
def _remember(kind: str, identity: tuple[Any, ...], load: Callable[[], Any]) -> Any:
    return load()

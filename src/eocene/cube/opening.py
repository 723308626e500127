"""Files on servers are opened side by side: each answer takes its time."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from eocene.archive.raster import is_tiff
from eocene.archive.tiff.ahead import Ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eocene.archive import Archive, Raster

    Asset = Mapping[str, Any]

Found = TypeVar("Found")

_MOST_THREADS = 16
_pool: list[ThreadPoolExecutor] = []
os.register_at_fork(after_in_child=_pool.clear)  # threads do not live on in a child


class Rasters:
    """The rasters of a cube that are open; threads that want one at the same time open it once.

    Assets are told apart by their identity: they live as long as the cube.
    """

    def __init__(self) -> None:
        self._open: dict[int, Raster] = {}
        self._coming: dict[int, threading.Event] = {}
        self._lock = threading.Lock()

    def claim(self, asset: Asset) -> bool:
        """Return whether an asset is for the caller to open, who then does so or gives it up."""
        with self._lock:
            if id(asset) in self._open or id(asset) in self._coming:
                return False
            self._coming[id(asset)] = threading.Event()
            return True

    def give_up(self, asset: Asset) -> None:
        """Leave a claimed asset, opened or not, to others."""
        with self._lock:
            coming = self._coming.pop(id(asset), None)
        if coming is not None:
            coming.set()

    def open(self, asset: Asset, work: Callable[[], Raster | None]) -> Raster | None:
        """Return what ``work`` opens of a claimed asset."""
        raster = work()
        if raster is not None:
            self._open[id(asset)] = raster
        self.give_up(asset)
        return raster

    def get(self, asset: Asset, work: Callable[[], Raster | None]) -> Raster | None:
        """Return a raster that is open, or that somebody opens just now, else what ``work`` opens."""
        while True:
            found = self._open.get(id(asset))
            if found is not None:
                return found
            if self.claim(asset):
                try:
                    return self.open(asset, work)
                finally:
                    self.give_up(asset)
            coming = self._coming.get(id(asset))
            if coming is not None:
                coming.wait()


def open_side_by_side(
    archive: Archive, tasks: Sequence[tuple[Sequence[Asset], Callable[[], Found]]]
) -> list[Found]:
    """Do what opens rasters of an archive, and return what each gives.

    One answer opens a GeoTIFF, so these are asked for ahead; other formats take more and get threads.

    Parameters
    ----------
    archive : Archive
        Which opens them.
    tasks : sequence of (assets, callable)
        What is opened, and what does it.
    """
    if not _pool:
        _pool.append(ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="eocene-open"))
    threads = {
        number: _pool[0].submit(work)
        for number, (assets, work) in enumerate(tasks)
        if not all(map(is_tiff, assets))
    }
    wanted = (
        (number, 0, partial(archive.begin_rasters, assets))
        for number, (assets, _) in enumerate(tasks)
        if number not in threads
    )
    done = {number: tasks[number][1]() for number, _ in Ahead(wanted)}
    return [threads[number].result() if number in threads else done[number] for number in range(len(tasks))]

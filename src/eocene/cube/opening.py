"""Files on servers are opened side by side: each answer takes its time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from eocene.archive.raster import is_tiff
from eocene.archive.tiff.ahead import Ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eocene.archive import Archive

Found = TypeVar("Found")

_MOST_THREADS = 16
_pool: list[ThreadPoolExecutor] = []
os.register_at_fork(after_in_child=_pool.clear)  # threads do not live on in a child


def open_side_by_side(
    archive: Archive, tasks: Sequence[tuple[Sequence[Mapping[str, Any]], Callable[[], Found]]]
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

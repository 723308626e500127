"""What running a graph takes, measured in a process of its own that has run the same graph before."""

from __future__ import annotations

import ctypes
import gc
import io
import json
import os
import re
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eocene.process import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eocene.archive import Archive


def measure(graph: dict[str, Any], archive: Archive, small: Archive, workers: int = 2) -> dict[str, Any]:
    """Run a graph in a forked process and return bytes of memory and of tiles, seconds, and the estimate.

    The graph is run on ``small`` first, an archive with the same collection, so that code, compiled loops
    and coordinate systems are loaded: what is then measured is the work.
    """
    return in_child(lambda: _measure(graph, archive, small, workers))


def measure_all(graphs: Sequence[dict[str, Any]], archive: Archive, small: Archive) -> list[dict[str, Any]]:
    """Measure graphs, each in a process of its own, two at the same time; in their order."""
    load_code(graphs, small)

    def lane(first: int) -> list[dict[str, Any]]:
        return [measure(graph, archive, small) for graph in graphs[first::2]]

    even, odd = in_children([lambda: lane(0), lambda: lane(1)])
    return [(odd if number % 2 else even)[number // 2] for number in range(len(graphs))]


def load_code(graphs: Sequence[dict[str, Any]], small: Archive) -> None:
    """Run graphs here until each of their processes was run, so that no child has to load its code anew."""
    known: set[str] = set()
    for graph in graphs:
        needed = {node["process_id"] for node in graph.values()}
        if not needed <= known:
            make_plan(graph, small).run(workers=1)
            known |= needed


def _measure(graph: dict[str, Any], archive: Archive, small: Archive, workers: int) -> dict[str, Any]:
    make_plan(graph, small).run(workers=workers)
    plan = make_plan(graph, archive)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    idle = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    with pytest.MonkeyPatch.context() as patch:
        read = count_reads(patch)
        cpu = time.process_time()
        plan.run(workers=workers)
        cpu = time.process_time() - cpu
    peak = status("VmHWM") - idle
    estimate = make_plan(graph, archive).estimate().to_dict()
    return {"peak": peak, "read": sum(read), "cpu": cpu, "estimate": estimate}


def status(name: str) -> int:
    """Return a size of this process in bytes."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def count_reads(patch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the size of each piece that is read of a TIFF: of its directory, of a tile.

    What GDAL reads of the few files whose headers it parses is not seen.
    """
    sizes: list[int] = []
    read, open_path = os.pread, Path.open

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        sizes.append(length)
        return read(descriptor, length, offset)

    class Counted(io.FileIO):
        def readinto(self, buffer: Any) -> int | None:
            count = super().readinto(buffer)
            sizes.append(count or 0)
            return count

    def open_counted(path: Path, *mode: Any, **options: Any) -> Any:
        if path.suffix == ".tif" and mode == ("rb",):
            return io.BufferedReader(Counted(path), path.stat().st_blksize)
        return open_path(path, *mode, **options)

    patch.setattr(os, "pread", pread)
    patch.setattr(Path, "open", open_counted)
    return sizes


def in_child(work: Callable[[], Any]) -> Any:
    """Do something in a forked process and return what it returns, which is plain JSON."""
    return in_children([work])[0]


def in_children(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do some things at the same time, each in a forked process, and return what they return."""
    return [answer() for answer in [_start(work) for work in works]]


def _start(work: Callable[[], Any]) -> Callable[[], Any]:
    """Begin something in a forked process and return what waits for it."""
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        os.close(receiver)
        try:
            answer = {"found": work()}
        except BaseException:  # noqa: BLE001 (the parent raises it)
            answer = {"failed": traceback.format_exc()}
        with os.fdopen(sender, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(sender)

    def wait() -> Any:
        with os.fdopen(receiver) as pipe:
            answer = json.load(pipe)
        os.waitpid(child, 0)
        if "failed" in answer:
            raise AssertionError(answer["failed"])
        return answer["found"]

    return wait

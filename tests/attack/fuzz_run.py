"""Run random graphs through the planner and report what is not an openEO error.

    python -m tests.attack.fuzz_run --count 1000000 --processes 2

Each finding is printed once, with a graph that has been cut down as far as the fault stays the same.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.model import EoceneError
from eocene.process import make_plan, registry
from tests.attack.archives import small_archive
from tests.attack.fuzz_graphs import Fuzzer, _places

if TYPE_CHECKING:
    from types import FrameType

    from eocene.archive import Archive

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 2.0
"""Seconds of CPU that a graph may take to be planned."""
MEMORY = 3 * 2**30
"""Bytes of address space that a process of the run may have."""


class TooSlowError(BaseException):
    """A graph took longer than :data:`PATIENCE`."""


@dataclass
class Findings:
    """What a run has found: fault → the graph that shows it; and how many inputs ended how."""

    faults: dict[str, Any] = field(default_factory=dict)
    planned: int = 0
    refused: int = 0


def try_graph(graph: Any, archive: Archive) -> str:
    """Return "planned", "refused", or the name and place of a fault."""
    try:
        make_plan(graph, archive)
    except EoceneError as error:
        str(error).encode()
        if error.status >= 500 and error.status != 501:
            return f"{type(error).__name__} {error.status} at {_place_of(error)}"
        return "refused"
    except (Exception, TooSlowError) as error:  # noqa: BLE001  finding these is what it is for
        return f"{type(error).__name__} at {_place_of(error)}"
    return "planned"


def _place_of(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/eocene/" in f.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "outside"


def fuzz(archive: Archive, seed: int, count: int, seconds: float | None = None) -> Findings:
    """Try ``count`` inputs, or as many as the seconds allow."""
    findings = Findings()
    stream = iter(Fuzzer(registry.specs(), seed, cubes=0.08))
    previous = signal.signal(signal.SIGVTALRM, _interrupt)
    end = time.monotonic() + (seconds or float("inf"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(count):
                _count(findings, next(stream), archive)
                if time.monotonic() > end:
                    break
    finally:
        signal.signal(signal.SIGVTALRM, previous)
    return findings


def _count(findings: Findings, graph: Any, archive: Archive) -> None:
    outcome = _watched(graph, archive)
    if outcome == "planned":
        findings.planned += 1
    elif outcome == "refused":
        findings.refused += 1
    elif outcome not in findings.faults:
        findings.faults[outcome] = shrink(graph, outcome, archive)


def _watched(graph: Any, archive: Archive) -> str:
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
        outcome = try_graph(graph, archive)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except TooSlowError:  # compiled code was left at last
        outcome = "TooSlowError outside"
    return outcome


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise TooSlowError


def shrink(graph: Any, outcome: str, archive: Archive, seconds: float = 5.0) -> Any:
    """Return the graph without all that the fault does not need."""
    end = time.monotonic() + seconds
    changed = isinstance(graph, dict)
    while changed and time.monotonic() < end:
        changed = False
        for number in range(len(list(_places(graph)))):
            smaller = _without(graph, number)
            if time.monotonic() < end and smaller is not None and _watched(smaller, archive) == outcome:
                graph, changed = smaller, True
                break
    return graph


def _without(graph: Any, number: int) -> Any:
    smaller = copy.deepcopy(graph)
    places = list(_places(smaller))
    if number >= len(places):
        return None
    holder, key = places[number]
    del holder[key]
    return smaller


def _run_share(share: tuple[int, int, float | None]) -> Findings:
    seed, count, seconds = share
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable()  # the process inspect says much
    with tempfile.TemporaryDirectory() as folder:
        return fuzz(small_archive(Path(folder)), seed, count, seconds)


def run(count: int, processes: int, seed: int, seconds: float | None = None) -> Findings:
    """Try inputs in several processes, each with an archive of its own."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))  # the processes take it over, and find this file by it
    shares = [(seed + number, count // processes, seconds) for number in range(processes)]
    total = Findings()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for part in pool.imap_unordered(_run_share, shares):
            total.planned += part.planned
            total.refused += part.refused
            total.faults = part.faults | total.faults
    return total


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    start = time.monotonic()
    found = run(options.count, options.processes, options.seed, options.seconds)
    elapsed = time.monotonic() - start
    tried = found.planned + found.refused
    print(f"{tried:,} inputs in {elapsed:.0f} s ({tried / elapsed:.0f}/s): {found.planned:,} planned, "
          f"{found.refused:,} refused, {len(found.faults)} kinds of fault")  # fmt: skip
    for fault, graph in sorted(found.faults.items()):
        print(f"\n{fault}\n    {_show(graph)}")


def _show(graph: Any) -> str:
    try:
        return json.dumps(graph)[:2000]
    except (TypeError, ValueError):
        return repr(graph)[:2000]


if __name__ == "__main__":
    main()

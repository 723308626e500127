"""What one contender used, measured from inside its own process."""

from __future__ import annotations

import gc
import json
import resource
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that ended."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    return total


def peak_mb() -> float:
    """Return the most memory that this process held; ru_maxrss would count the parent's before exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def measured(**facts: Any) -> Iterator[dict[str, Any]]:
    """Measure the body and print the figures as one line of JSON; what was imported before is tidied up."""
    gc.collect()
    cpu, wall = cpu_seconds(), time.perf_counter()
    yield facts
    facts["wall_s"] = round(time.perf_counter() - wall, 3)
    facts["cpu_s"] = round(cpu_seconds() - cpu, 3)
    facts["peak_mb"] = round(peak_mb(), 1)
    print(json.dumps(facts), flush=True)

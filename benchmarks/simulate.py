"""Speed of the simulated archive: megapixels a second, written as COG, and peak memory.

python benchmarks/simulate.py [--size 1024] [--dates 24]
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

from eocene.testing.simulate import simulate_archive


def measure(size: int, dates: int) -> dict[str, float]:
    """Make one archive in a temporary folder and return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        archive = simulate_archive(Path(folder) / "world", size=size, dates=dates)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        stored = sum(path.stat().st_size for path in archive.folder.rglob("*") if path.is_file())
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "size": size,
        "dates": dates,
        "megapixels": round(archive.megapixels, 1),
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "mpx_per_second": round(archive.megapixels / wall, 2),
        "stored_mb": round(stored / 1e6, 1),
        "peak_memory_mb": round(peak_kib / 1024, 0),
    }


def main() -> None:
    """Compile once on the smallest world, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--dates", type=int, default=24)
    arguments = parser.parse_args()
    measure(128, 1)
    print(json.dumps(measure(arguments.size, arguments.dates)))


if __name__ == "__main__":
    main()

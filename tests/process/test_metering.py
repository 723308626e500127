"""What a piece of work takes of the processors is counted for it alone, wherever it is done."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from eocene.process.executors.threads import map_blocks
from eocene.process.metering import OUTSIDE, count_outside, metering
from eocene.process.udf import SandboxRunner, UdfCall
from tests.process.udf.places import SMALL, needs_walls

BURN = (
    "import time\ndef apply_datacube(cube, context):\n    end = time.process_time() + 0.4\n"
    "    while time.process_time() < end: pass\n    return cube\n"
)


def burn(seconds: float) -> float:
    """Take so much processor time and return how much it was."""
    start = time.thread_time()
    while time.thread_time() < start + seconds:
        pass
    return time.thread_time() - start


def test_threads_that_compute_blocks_count_for_who_asked() -> None:
    with metering() as spent:
        taken = list(map_blocks(burn, [0.05] * 6, workers=3))
        assert burn(0.05) >= 0.05
    assert sum(taken) + 0.05 <= spent.seconds < sum(taken) + 0.5


def test_pieces_of_work_beside_each_other_are_counted_apart() -> None:
    both = threading.Barrier(2)

    def work(seconds: float) -> float:
        with metering() as spent:
            both.wait()
            list(map_blocks(burn, [seconds / 4] * 4, workers=2))
        return spent.seconds

    with ThreadPoolExecutor(2) as pool:
        little, much = pool.map(work, (0.04, 0.6))
    assert 0.04 <= little < 0.4
    assert much >= 0.6


def test_what_fails_has_been_paid_for() -> None:
    def fail() -> None:
        burn(0.05)
        raise ValueError

    with metering() as spent, suppress(ValueError):
        fail()
    assert spent.seconds >= 0.05
    count_outside(0.0)  # after the block nothing counts for it
    assert spent.seconds < 1


@needs_walls
def test_code_behind_walls_counts_for_who_asked_and_for_the_process() -> None:
    runner, before = SandboxRunner(), OUTSIDE.seconds
    with metering() as spent:
        runner.run(UdfCall(BURN, "Python", None, SMALL, None, {}))
    runner.close()
    assert spent.seconds >= 0.35  # the kernel counts in hundredths
    assert OUTSIDE.seconds - before >= 0.35

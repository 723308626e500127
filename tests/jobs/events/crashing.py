"""A scheduler that is killed (SIGKILL) at a chosen step, over and over, while a feed goes on.

Run as a process of its own: ``python crashing.py WORKSPACE FEED_FILE KILLS SEED``. A step is a statement, a
commit, or one side of a request. With KILLS 0 it is killed at its first step, then at its second, and so on
until a run needs no more; else at that many random steps, while the feed is cut off now and then. Each run
finds one more earthquake, and those of before.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.jobs.events.world import collect, quake

from eocene.archive import Archive
from eocene.archive.fetch import Door
from eocene.jobs.events import Rules, run_rules
from eocene.model import Layout

START, LEASE_IS_OVER_S = 1_700_000_000.0, 600.0


class Countdown:
    """Ends this process at the given step."""

    def __init__(self, step: int) -> None:
        self.left = step
        event.listen(Engine, "before_cursor_execute", self.tick)
        event.listen(Engine, "commit", self.tick)
        for name in ("get_bytes", "post"):
            setattr(Door, name, self.surround(getattr(Door, name)))

    def tick(self, *_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def surround(self, function: Any) -> Any:
        def counted(*given: Any) -> Any:
            self.tick()
            result = function(*given)
            self.tick()
            return result

        return counted


def run_to(step: int, root: Path, now: float) -> bool:
    """Run a scheduler in a process that ends at the step; tell whether it came to its own end before."""
    child = os.fork()
    if child == 0:
        layout = Layout(root)
        rules = Rules(layout, Archive(layout), clock=lambda: now)
        if step:
            Countdown(step)
        run_rules(rules, once=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def main(root: Path, feed: Path, kills: int, seed: int) -> None:
    """Do as the module says, and print how many earthquakes, runs and kills there were."""
    chosen, now, killed = random.Random(seed), START, 0  # noqa: S311 (no secret)
    features = []
    for run in count(1):
        features.append(quake(f"us{run}", 5.4))
        features.append(quake(f"weak{run}", 4.9))
        text = collect(*features[-100:])
        feed.write_bytes(text[: len(text) // 2] if kills and chosen.random() < 0.1 else text)
        now += LEASE_IS_OVER_S
        step = chosen.randint(1, 60) if kills else run
        finished = run_to(step, root, now)
        killed += not finished
        if killed >= kills if kills else finished:
            break
        if not kills or chosen.random() < 0.7:  # else what was cut off piles up
            now += LEASE_IS_OVER_S
            assert run_to(0, root, now)
    feed.write_bytes(collect(*features[-100:]))
    for _ in range(3):  # waits of refused notices get longer
        now += 86_400.0
        assert run_to(0, root, now)
    print(json.dumps({"earthquakes": run, "killed": killed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

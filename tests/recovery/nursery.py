"""A process that has loaded everything and forks workers on demand, so that hundreds can be killed soon.

Each line of its input is an order, the arguments of a worker as JSON; it answers with the number of the
process. The workers are those of the product; each block that one begins to compute is noted in a file.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from eocene.archive import Archive
from eocene.jobs import JobStore, run_worker
from eocene.jobs.limits import JobLimits
from eocene.model import Layout
from eocene.process import registry
from eocene.process.executors import tasks
from eocene.process.executors.remote import describe_part
from eocene.process.output import results

assert results
write = tasks.write


def note_blocks(path, pause_s):
    """Note in a file each block that is begun, and take time for it."""

    def write_noted(plan, part, **arguments):
        with Path(path).open("a") as file:
            file.write(f"{describe_part(part)}\n")
        time.sleep(pause_s)
        return write(plan, part, **arguments)

    tasks.TASKS["write"] = write_noted


def work(order):
    """Be a worker until the queue is empty."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    note_blocks(order["blocks"], order.get("pause_s", 0.0))
    while "wait_for" in order and not Path(order["wait_for"]).exists():
        time.sleep(0.01)
    layout = Layout(Path(order["root"]))
    archive, store = Archive(layout), JobStore(layout)
    run_worker(archive, store, once=order.get("once", True), beat_s=0.05, limits=JobLimits(attempts=10_000))


def learn_modules(path):
    """Import what the first worker needed, so that the later ones need not."""
    if path.exists():
        for name in path.read_text().split():
            if name not in sys.modules:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)


def main():
    """Fork as ordered; whoever is killed leaves no zombie, which would look alive."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    registry.specs()
    for line in sys.stdin:
        order = json.loads(line)
        modules = Path(order["blocks"]).with_name("modules")
        learn_modules(modules)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work(order)
                code = 0
                modules.write_text(" ".join(sorted(sys.modules)))
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()

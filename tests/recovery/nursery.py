"""A process that has loaded everything and forks workers on demand, so that hundreds can be killed soon.

Each line of its input is an order, the arguments of a worker as JSON; it answers with the number of the
process. The workers are those of the product; each block and file that one begins is noted in a file.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.recovery.disk import Fault, run_watched

from eocene.archive import Archive
from eocene.jobs import JobStore, run_worker
from eocene.jobs.limits import JobLimits
from eocene.model import Layout
from eocene.process import registry
from eocene.process.executors import tasks
from eocene.process.executors.remote import describe_part
from eocene.process.output import results

assert results


def note_parts(path, pause_s):
    """Note in a file each block and file that is begun, and take time for it."""
    for name in ("write", "cog"):

        def do(plan, part, *, name=name, task=tasks.TASKS[name], **arguments):
            with path.open("a") as file:
                file.write(f"{name} {describe_part(part)}\n")
            time.sleep(pause_s)
            return task(plan, part, **arguments)

        tasks.TASKS[name] = do


def work(order, modules):
    """Be a worker until the queue is empty, and then tell the later ones which modules it takes."""
    for name, value in order["settings"].items():
        os.environ.pop(name, None)
        os.environ.update({name: value} if value else {})
    note_parts(Path(order["notes"]), order.get("pause_s", 0.0))
    layout = Layout(Path(order["root"]))
    archive, store = Archive(layout), JobStore(layout)
    run_worker(archive, store, once=order.get("once", True), beat_s=0.05, limits=JobLimits(attempts=10_000))
    modules.write_text(" ".join(sorted(sys.modules)))


def obey(order, modules):
    """Be a worker, on a disk that fails if the order has a ``fault``: its ``report`` tells what met it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if "fault" not in order:
        work(order, modules)
        return
    watch = run_watched(lambda: work(order, modules), Path(order["disk"]), Fault(**order["fault"]))
    Path(order["report"]).write_text(json.dumps(asdict(watch)))


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
    modules = Path(sys.argv[1])
    registry.specs()
    for line in sys.stdin:
        order = json.loads(line)
        learn_modules(modules)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                obey(order, modules)
                code = 0
            except Exception:  # noqa: BLE001  (told; this process ends)
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()

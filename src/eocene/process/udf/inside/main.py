"""The process that everybody's sandboxes are forked from: it imports the packages once and runs no code.

``main.py SETTINGS``: JSON with ``control`` (the number of an open socket), ``paths`` (where packages are),
``below`` (those of them below /tmp), ``filter`` (of system calls, in hex), and ``is_trial`` (nothing is
imported and nothing served, only the walls are tried). On the socket come requests: the limits of a new
process, its channel, and a socket where a keeper tells who it is and how it has ended.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn


def keep(settings: dict[str, Any], limits: dict[str, int], channel: int, status: int) -> NoReturn:
    """Fork a process apart from all others, end it when nobody wants it any more, tell how it has ended."""
    told = socket.socket(fileno=status)
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        cell.part()
        child = os.fork()
        if not child:
            live(settings, limits, channel)
        os.close(channel)
        life = os.pidfd_open(child)
        talk.send(told, {}, (life,))
        if life not in select.select([life, told.fileno()], [], [])[0]:
            os.kill(child, signal.SIGKILL)
        talk.send(told, {"status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])})
    except Exception as error:  # noqa: BLE001  there is nobody above
        talk.send(told, {"failed": str(error)})
    finally:
        os._exit(0)


def live(settings: dict[str, Any], limits: dict[str, int], channel: int) -> NoReturn:
    """Close the walls, and answer calls."""
    try:
        os.dup2(channel, cell.CHANNEL)
        end = socket.socket(fileno=cell.CHANNEL)
        try:
            cell.close_walls(limits, settings["below"], bytes.fromhex(settings["filter"]))
        except OSError as error:
            talk.send(end, {"failed": str(error)})
            os._exit(1)
        reopen(settings["files"])
        talk.send(end, {"ready": True})
        if not settings["is_trial"]:
            import_module("inside.calls").serve(end)
    finally:
        os._exit(1)


def find_files() -> list[tuple[int, str]]:
    """Return which files the packages keep open, by descriptor: PROJ its database, since it was imported."""
    path = os.path.join(import_module("pyproj").datadir.get_data_dir(), "proj.db")  # noqa: PTH118 (no pathlib)
    found, wanted = [], os.stat(path)  # noqa: PTH116
    for number in range(3, cell.CHANNEL):
        with suppress(OSError):
            if os.path.samestat(os.fstat(number), wanted):
                found.append((number, path))
    return found


def reopen(files: list[tuple[int, str]]) -> None:
    """Open files anew by their own numbers: what is inherited is shared with others, its position too."""
    for number, path in files:
        mine = os.open(path, os.O_RDONLY)
        if mine != number:
            os.dup2(mine, number)
            os.close(mine)


def answer(settings: dict[str, Any], control: socket.socket) -> None:
    """Fork a process for each request, until the other end closes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers leave nothing behind
    while True:
        try:
            limits, (channel, status) = talk.receive(control, 2)
        except EOFError:
            return
        if not os.fork():
            control.close()
            keep(settings, limits, channel, status)
        os.close(channel)
        os.close(status)


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    own = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 (few imports)
    sys.path[:0] = [os.path.dirname(own)]  # noqa: PTH120
    sys.path += settings["paths"]
    sys.modules["psutil"] = None  # type: ignore[assignment]  # it fails without /proc; Dask does without it
    cell = import_module("inside.cell")  # the folder of this file is a package of its own here
    talk = import_module("inside.talk")
    settings["files"] = []
    if not settings["is_trial"]:
        import_module("inside.contract").warm()
        import_module("inside.calls")
        settings["files"] = find_files()
    sys.argv[1:] = []
    nothing = os.open("/dev/null", os.O_RDWR)  # until here complaints were heard outside
    for standard in range(3):
        os.dup2(nothing, standard)
    os.close(nothing)
    gc.collect()
    gc.freeze()  # forks share these pages as long as nobody touches them
    answer(settings, socket.socket(fileno=settings["control"]))

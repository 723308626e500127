"""A PostgreSQL server of the tests to which bad things happen: it is killed, or its disk fails."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
from tests.recovery import disk
from tests.recovery.world import await_that

LASTING = ("-c", "fsync=on", "-c", "full_page_writes=on")
"""Options without which a server trusts its disk."""

CHECK = """SELECT bt_index_check(pg_class.oid, true) FROM pg_class JOIN pg_am ON relam = pg_am.oid
WHERE amname = 'btree' AND relkind = 'i' AND relpersistence = 'p'"""
"""Compares each index with its table, and reads both whole."""


class Victim:
    """A running PostgreSQL server that can be killed with all its processes, and started again."""

    def __init__(self, server):
        self._server, self._again = server, None
        self.data = server.folder / "data"
        options = self.data / "postmaster.opts"  # which a start empties for a moment
        self._command = shlex.split(options.read_text())

    def _pid(self):
        return int((self.data / "postmaster.pid").read_text().split("\n")[0])

    def kill(self):
        """End the server as a cut of power would, except that what it gave to the kernel stays."""
        pid = self._pid()
        children = end_at_once(pid)
        if self._again is None:
            os.waitpid(pid, 0)
        else:
            self._again.wait()
        await_that(lambda: not any(map(is_alive, children)))

    def start(self):
        """Start the server with the options that it had; return when it answers."""
        self.launch()
        await_that(self.answers)

    def launch(self):
        """Start the server."""
        with (self._server.folder / "log").open("ab") as log:
            self._again = self._spawn(stdout=log, stderr=log, cwd=self._server.folder)

    def _spawn(self, **options):
        user = "postgres" if os.getuid() == 0 else None
        return subprocess.Popen(self._command, user=user, group=user, **options)

    def answers(self):
        """Tell whether the server takes connections."""
        program = Path(self._command[0]).with_name("pg_isready")
        asked = subprocess.run([str(program), "-h", str(self._server.folder), "-q"], check=False)
        return asked.returncode == 0

    def stop(self):
        if self._again is not None:
            self._again.send_signal(signal.SIGQUIT)
            self._again.wait(60)


class OnFaultyDisk(Victim):
    """A server that is watched: the changes of its files are counted, and one may meet a fault."""

    def __init__(self, server, url):
        super().__init__(server)
        self._url = url
        self.watch = disk.Watch(str(self.data.resolve()), disk.Fault())
        self.kill()
        self.start()
        self._ask("CREATE EXTENSION amcheck")
        self.write_all()  # a server of the tests may forget what it has just acknowledged

    def _spawn(self, **options):
        ours, theirs = socket.socketpair()
        rights = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--")
        watched = [sys.executable, disk.__file__, str(theirs.fileno()), *(rights if os.getuid() == 0 else ())]
        with theirs:
            command = [*watched, *self._command, *LASTING]
            process = subprocess.Popen(command, pass_fds=[theirs.fileno()], **options)
        threading.Thread(target=self._follow, args=(ours, process.pid), daemon=True).start()
        return process

    def _follow(self, ours, pid):
        with disk.take_listener(ours) as listener:
            self.watch.follow(listener, lambda: end_at_once(pid))

    def heal(self):
        """Let the disk fail no more, and start the server if that has ended it; return when it answers."""
        self.watch.arm(disk.Fault())
        await_that(self._is_well)

    def _is_well(self):
        if self._again.poll() is not None:
            self.launch()
        return self.answers()

    def write_all(self):
        """Let the server write what it has in memory into its tables, if its disk lets it."""
        with contextlib.suppress(psycopg.DatabaseError):
            self._ask("CHECKPOINT")

    def find_damage(self):
        """Say which index does not fit to its table, or cannot be read."""
        try:
            self._ask(CHECK)
        except psycopg.DatabaseError as error:
            return [f"PostgreSQL: {error}"]
        return []

    def _ask(self, statement):
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement)


def end_at_once(pid):
    """Kill a process, and then those that it has started; return the numbers of these."""
    children = [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for number in (pid, *children):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    return children


def is_alive(pid):
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

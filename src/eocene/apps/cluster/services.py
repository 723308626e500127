"""What runs on which host of the cluster, and how the hosts find each other: by the variables of the docs."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from eocene.model import UnavailableError
from eocene.testing.postgres import PostgresServer
from eocene.testing.swift import SwiftServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.testing.hosts import Host, Lab

ROLES = {
    "database": "PostgreSQL with pgstac: users, jobs, catalogue",
    "store": "OpenStack Swift with its S3 interface: results",
    "scheduler": "Dask scheduler",
    "dask-1": "Dask worker",
    "dask-2": "Dask worker",
    "api": "eocene serve, without workers",
    "jobs-1": "eocene worker",
    "jobs-2": "eocene worker",
}
"""The hosts by their names, and what runs on them."""

SCHEDULER_PORT, API_PORT = 8786, 8080
_OURS = ("EOCENE_", "AWS_", "DASK_")
_START_S = 120.0
_POLL_S = 0.2


@dataclass(frozen=True)
class Addresses:
    """Where the parts of the cluster answer: URLs, and the variables that name them to Eocene."""

    api: str
    scheduler: str
    variables: dict[str, str]


class Services:
    """The programs of the cluster on the hosts of a lab, for as long as the ``with`` block lasts.

    Parameters
    ----------
    lab : Lab
        Its hosts have the names of :data:`ROLES`.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            server = stack.enter_context(_run_postgres(self._lab["database"]))
            host = self._lab["store"]
            store = stack.enter_context(
                SwiftServer(host.folder / "swift", host=host.address, prefix=host.prefix)
            )
            scheduler = f"tcp://{self._lab['scheduler'].address}:{SCHEDULER_PORT}"
            self.addresses = Addresses(
                f"http://{self._lab['api'].address}:{API_PORT}",
                scheduler,
                {
                    "EOCENE_DATABASE": server.url(server.make_database()),
                    "EOCENE_CATALOGUE": server.url(server.make_database()),
                    "EOCENE_SCHEDULER": scheduler,
                    **store.environment(f"{store.make_bucket('eocene')}/demo"),
                },
            )
            stack.callback(self._end)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def start(self, workspace: Path) -> None:
        """Start what computes and answers on a workspace, which exists and has a user."""
        environment = plain_environment() | self.addresses.variables
        environment |= {"EOCENE_WORKSPACE": str(workspace), "EOCENE_LOG_LEVEL": "info"}
        dask = [sys.executable, "-W", "ignore", "-m"]
        host = self._lab["scheduler"]
        host.start(
            "scheduler",
            [*dask, "distributed.cli.dask_scheduler", "--host", host.address, "--port", str(SCHEDULER_PORT),
             "--no-dashboard"],
            environment,
        )  # fmt: skip
        _await_port(host, SCHEDULER_PORT)
        for name in ("dask-1", "dask-2"):
            host = self._lab[name]
            host.start(
                "worker",
                [*dask, "distributed.cli.dask_worker", self.addresses.scheduler, "--host", host.address,
                 "--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                 "--memory-limit", "0", "--local-directory", str(host.folder)],
                environment,
            )  # fmt: skip
        eocene = [sys.executable, "-m", "eocene.cli"]
        host = self._lab["api"]
        host.start(
            "serve",
            [*eocene, "serve", "--host", host.address, "--port", str(API_PORT), "--workers", "0"],
            environment,
        )
        for name in ("jobs-1", "jobs-2"):
            self._lab[name].start("worker", [*eocene, "worker"], environment)
        self._await_all()

    def _end(self) -> None:
        """Let go of the scheduler, and end whatever runs on the hosts: what they held is taken away next."""
        from eocene.process.executors.cluster import connect

        with suppress(UnavailableError):
            connect(self.addresses.scheduler).close()
        for host in self._lab.hosts:
            host.kill()

    def _await_all(self) -> None:
        """Return when the API answers and both Dask workers are known."""
        from eocene.process.executors.cluster import connect

        _await_port(self._lab["api"], API_PORT)
        connect(self.addresses.scheduler).wait_for_workers(2, timeout=_START_S)


def plain_environment() -> dict[str, str]:
    """Return the environment without what would lead a program elsewhere; one thread for each library."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return inherited | threads


@contextmanager
def _run_postgres(host: Host) -> Iterator[PostgresServer]:
    """Run a server on a host, its data where its user can reach them whatever the folder of the demo is."""
    with tempfile.TemporaryDirectory(prefix="eocene-pg-") as name:
        Path(name).chmod(0o755)
        with PostgresServer(Path(name) / "pg", host=host.address, prefix=host.prefix) as server:
            yield server


def _await_port(host: Host, port: int) -> None:
    """Return when a program on a host answers at a port.

    Raises
    ------
    UnavailableError
        If it has ended, or does not answer.
    """
    end = time.monotonic() + _START_S
    while not host.ended() and time.monotonic() < end:
        with suppress(OSError), socket.create_connection((host.address, port), timeout=1.0):
            return
        time.sleep(_POLL_S)
    raise UnavailableError(
        f"What runs on the host {host.name} does not answer on port {port}.",
        f"See the logs in {host.folder}.",
    )

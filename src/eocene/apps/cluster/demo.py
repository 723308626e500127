"""The job of the demonstration, on this machine alone and then on a cluster that loses two of its hosts."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from eocene.apps.cluster.compare import compare, digest_run
from eocene.apps.cluster.losses import Losses
from eocene.apps.cluster.orders import Orders
from eocene.apps.cluster.services import ROLES, Services, plain_environment
from eocene.apps.cluster.table import describe_checksums, describe_hosts
from eocene.apps.demo import run_demo
from eocene.jobs import Users
from eocene.model import EoceneError, Layout
from eocene.model.files import write_json
from eocene.testing.hosts import Lab, check_namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from eocene.apps.steps import Steps

USER = "ada"
TAKEN_UP = "The worker stopped without a word"
"""How the log of a job begins to say that its worker was lost."""


def run_cluster_demo(
    folder: Path, steps: Steps, console: Console, *, size: int = 1024, loopback: bool = False
) -> dict[str, Any]:
    """Run the demonstration alone and on a cluster, print both tables, and return what was found as JSON.

    Parameters
    ----------
    folder : Path
        Where all of it lies; what an earlier run left is replaced.
    steps : Steps
        Where progress is told.
    console : Console
        Where the tables go.
    size : int
        Edge of a simulated tile in pixels of 10 m.
    loopback : bool
        Let the hosts be addresses of the loopback device, without namespaces.

    Returns
    -------
    dict
        ``equal`` says whether every output is the same and both hosts were lost while they worked.
    """
    if not loopback:
        check_namespaces()
    folder = folder.absolute()
    alone = _run_alone(folder, size)
    expected = digest_run(folder / "workspace", alone)
    shutil.rmtree(folder / "cluster", ignore_errors=True)
    with Lab(folder / "cluster" / "hosts", list(ROLES), loopback=loopback) as lab:
        found = _run_together(folder, lab, steps, size)
    console.print(found["hosts"])
    compared = compare(expected, found["digests"])
    console.print(describe_checksums(compared))
    problems = [f"{row.name} differs" for row in compared if not row.is_equal] + found["problems"]
    for problem in problems:
        console.print(f"[red]{problem}[/red]")
    return {
        "equal": not problems,
        "problems": problems,
        "outputs": len(compared),
        "lost": [asdict(loss) for loss in found["losses"]],
        "seconds_alone": alone["seconds"],
        "seconds_cluster": found["seconds"],
    }


def _run_alone(folder: Path, size: int) -> dict[str, Any]:
    """Run the demonstration as ``make demo`` does, in a process that knows of no cluster."""
    shutil.rmtree(folder / "workspace", ignore_errors=True)
    command = [sys.executable, "-m", "eocene.cli", "demo", "--no-serve", "--folder", str(folder)]
    done = subprocess.run(  # noqa: S603  (our own words)
        [*command, "--size", str(size)], env=plain_environment(), stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        raise EoceneError("The demonstration failed on this machine alone; its reason stands above.")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _run_together(folder: Path, lab: Lab, steps: Steps, size: int) -> dict[str, Any]:
    """Start the cluster, run the demonstration on it while hosts are lost, and return what came out."""
    layout, password = Layout(folder / "cluster" / "workspace"), secrets.token_urlsafe(12)
    with Services(lab) as services, _variables(services.addresses.variables):
        layout.root.mkdir(parents=True)
        write_json(layout.marker, {"format": 1, "made_by": "eocene demo-cluster"})
        users = Users(layout)
        users.set_password(USER, password)
        users.close()
        services.start(layout.root)
        addresses, downloads = services.addresses, folder / "cluster" / "downloads"
        losses = Losses(lab, layout, addresses.scheduler)
        orders = Orders(addresses.api, USER, password, downloads, losses.watch)
        figures = run_demo(layout, steps, simulated=folder / f"archive-{size}", size=size, run_job=orders.run)
        return {
            "digests": digest_run(layout.root, figures, downloads),
            "losses": losses.happened,
            "hosts": describe_hosts(lab, losses.happened),
            "problems": _check_losses(losses, orders),
            "seconds": figures["seconds"],
        }


def _check_losses(losses: Losses, orders: Orders) -> list[str]:
    """Return why the losses prove nothing, if so: not all happened, or nothing had to be taken up."""
    problems = [f"no {kind} could be killed at its work" for kind in losses.missing]
    for loss in losses.happened:
        taken_up = any(line.startswith(TAKEN_UP) for line in orders.read_log(loss.job))
        if loss.kind == "job worker" and not taken_up:
            problems.append(f"the job {loss.job} was not taken up by another worker")
    return problems


@contextmanager
def _variables(values: dict[str, str]) -> Iterator[None]:
    """Let this process be one of the cluster's: its environment names the same parts."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

"""Several processes that train one network, each on its share of every batch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from eocene.learn.gate import require_sound
from eocene.learn.train import TrainedModel, train
from eocene.model import InputError, UnavailableError
from eocene.model.files import write_json

if TYPE_CHECKING:
    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec

_TASK, _TRAINING = "task.json", "training"
_TOLD = 2000


def train_on_ranks(
    samples: Samples, spec: ModelSpec, ranks: int, folder: Path, *, threads: int = 1
) -> TrainedModel:
    """Train a network by several processes of this machine; what ``train`` gives, up to rounding.

    Gradients are summed over the processes (gloo, or nccl with a GPU each), so that a batch counts the same
    however many share it. A training that was cut off in this folder goes on.

    Parameters
    ----------
    samples : Samples
    spec : ModelSpec
        Of a kind that is a network.
    ranks : int
        Processes.
    folder : Path
        Where samples, checkpoints and the record go.
    threads : int
        Of each process.

    Raises
    ------
    InputError
        If the kind is no network.
    ConflictError
        If the samples have a proved fault that nobody resolved.
    UnavailableError
        If a process failed; tells what it said.
    """
    if spec.described.package != "torch" or ranks < 1:
        raise InputError(
            f"{ranks} processes cannot train the kind {spec.kind!r} together.",
            "Take a network, and 1 or more.",
        )
    require_sound(samples, spec)
    prepare_task(samples, spec, folder, threads)
    with TemporaryDirectory(dir=folder, prefix=".meeting-") as meeting:
        started: list[subprocess.Popen[bytes]] = []
        try:
            started += [_start(folder, Path(meeting), rank, ranks) for rank in range(ranks)]
            _wait(started, Path(meeting))
        finally:
            for process in started:
                process.kill()
                process.wait()
    # Every checkpoint is complete, so that this trains no more and gives what was trained.
    return train(samples, spec, threads=threads, folder=folder / _TRAINING)


def prepare_task(samples: Samples, spec: ModelSpec, folder: Path, threads: int = 1) -> None:
    """Write what the processes need to know: for ``torchrun … -m eocene.learn.training.worker FOLDER``."""
    folder.mkdir(parents=True, exist_ok=True)
    samples.save(folder)
    write_json(folder / _TASK, {"samples": samples.id, "spec": spec.to_dict(), "threads": threads})


def _start(folder: Path, meeting: Path, rank: int, count: int) -> subprocess.Popen[bytes]:
    told = {"RANK": str(rank), "WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1"}
    told["GLOO_SOCKET_IFNAME"] = os.environ.get("GLOO_SOCKET_IFNAME", "lo")
    command = [sys.executable, "-m", "eocene.learn.training.worker", str(folder), str(meeting / "place")]
    with (meeting / f"{rank}.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 (our own module, no shell)
            command, env={**os.environ, **told}, stdout=subprocess.DEVNULL, stderr=log
        )


def _wait(started: list[subprocess.Popen[bytes]], meeting: Path) -> None:
    """Wait for all, or for the first that fails."""
    while any(process.poll() is None for process in started):
        if any(process.returncode for process in started):
            break
        time.sleep(0.05)
    for rank, process in enumerate(started):
        if process.returncode:
            said = (meeting / f"{rank}.log").read_text(encoding="utf-8", errors="replace")[-_TOLD:]
            raise UnavailableError(
                f"Process {rank} of {len(started)} ended with {process.returncode}: {said.strip()}",
                "Train again in the same folder: it goes on from its last checkpoint.",
            )

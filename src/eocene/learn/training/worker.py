"""One of the processes that train a network together: ``python -m eocene.learn.training.worker FOLDER``.

On one machine ``train_on_ranks`` starts them. On several, each runs this under torchrun, with a folder that
all of them see.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from eocene.curate import Samples
from eocene.learn.spec import ModelSpec
from eocene.learn.train import train

if TYPE_CHECKING:
    from collections.abc import Iterator

TASK, TRAINING = "task.json", "training"
_PATIENCE = timedelta(minutes=10)


@contextmanager
def join_ranks(rendezvous: Path | None) -> Iterator[None]:
    """Meet the other processes that RANK and WORLD_SIZE tell of, over a file or as torchrun arranged it."""
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    gpus = torch.cuda.device_count()
    if gpus:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", rank)) % gpus)
    where = "env://" if rendezvous is None else rendezvous.resolve().as_uri()
    backend = "nccl" if gpus >= count else "gloo"
    torch.distributed.init_process_group(backend, where, timeout=_PATIENCE, rank=rank, world_size=count)
    try:
        yield
        torch.distributed.barrier()
    finally:
        torch.distributed.destroy_process_group()


def work(folder: Path, rendezvous: Path | None) -> None:
    """Do this process's share of the training that ``folder`` describes."""
    task = json.loads((folder / TASK).read_text(encoding="utf-8"))
    samples = Samples.load(folder / task["samples"])
    with join_ranks(rendezvous):
        train(
            samples,
            ModelSpec.from_dict(task["spec"]),
            threads=int(task["threads"]),
            folder=folder / TRAINING,
        )


if __name__ == "__main__":
    work(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)

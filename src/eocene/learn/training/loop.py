"""The one loop by which networks learn."""

from __future__ import annotations

import math
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eocene.learn.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from eocene.learn.training.feeding import cut_portion, feed
from eocene.learn.training.ranks import current_ranks
from eocene.learn.training.record import write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import Tensor, nn

    from eocene.learn.models.network import NetworkSettings
    from eocene.learn.training.batches import Batch, Source
    from eocene.learn.training.feeding import Portion
    from eocene.learn.training.loss import Loss

_WARM_UP = 0.05
_PROCESSOR = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a network learns, and how.

    Parameters
    ----------
    source : Source
        Batches over all processes.
    loss : Loss
    options : NetworkSettings
    seed : int
    change : callable, optional
        ``change(batch, step)`` gives the batch that is learnt instead.
    check : callable, optional
        ``check(network)`` gives {"loss": …, …} on a part held out; the weights of the lowest loss are kept.
    folder : Path, optional
        Where the checkpoint and the record go.
    name : str
        A digest of everything that decides the result; a checkpoint of another name is refused.
    until : int, optional
        Stop after this many epochs, with a checkpoint, as if cut off.
    """

    source: Source
    loss: Loss
    options: NetworkSettings
    seed: int
    change: Callable[[Batch, int], Batch] | None = None
    check: Callable[[nn.Module], dict[str, float]] | None = None
    folder: Path | None = None
    name: str = ""
    until: int | None = None


def teach(network: nn.Module, lesson: Lesson) -> list[dict[str, float]]:
    """Train a network in place and return what was measured after each epoch.

    The draws of each step are seeded by its number, so the weights are the same for the same lesson on the
    same machine and number of threads, whether the training was cut off in between or not.
    """
    return _Training(network, lesson).run()


class _Training:
    """The state of one training."""

    def __init__(self, network: nn.Module, lesson: Lesson) -> None:
        self.network, self.lesson = network, lesson
        self.ranks = current_ranks()
        self.device = find_device()
        network.to(self.device)
        learnt = [p for p in network.parameters() if p.requires_grad]
        options = lesson.options
        self.optimiser = torch.optim.AdamW(
            learnt, lr=options.learning_rate, weight_decay=options.weight_decay
        )
        self.progress = Progress()
        self.best: dict[str, Tensor] = {}
        if lesson.folder is not None:
            found = load_checkpoint(lesson.folder, lesson.name, network, self.optimiser)
            self.progress, self.best = found or (self.progress, self.best)
        # Read only when it is written down: to read it, a processor waits for the device.
        self.lost = torch.tensor([self.progress.loss], dtype=torch.float64, device=self.device)

    def run(self) -> list[dict[str, float]]:
        progress, options = self.progress, self.lesson.options
        last = min(options.epochs, self.lesson.until or options.epochs)
        while progress.epoch < last and not self._is_stale():
            self.network.train()
            with closing(feed(self._prepare(), self.device)) as portions:
                for portion in portions:
                    self._step(portion)
                    if progress.step % options.checkpoint_steps == 0:
                        self._save()
            self._end_epoch()
        if self.best and last == options.epochs:
            self.network.load_state_dict(self.best)
        self.network.eval()
        return progress.history

    def _is_stale(self) -> bool:
        patience, progress = self.lesson.options.patience, self.progress
        return (
            patience is not None
            and progress.best is not None
            and (progress.epoch - 1 - progress.best_epoch >= patience)
        )

    def _prepare(self) -> Generator[Portion]:
        """Yield what is left of this epoch for this process; made ahead of the step that learns it."""
        lesson, epoch, start = self.lesson, self.progress.epoch, self.progress.step
        number = epoch * lesson.source.steps + start
        for batch in lesson.source.batches(epoch, start):
            changed = batch if lesson.change is None else lesson.change(batch, number)
            own = self.ranks.share(len(changed.answers))
            yield cut_portion(changed, lesson.loss.weigh(changed), own)
            number += 1

    def _step(self, portion: Portion) -> None:
        lesson, progress = self.lesson, self.progress
        number = progress.epoch * lesson.source.steps + progress.step
        for group in self.optimiser.param_groups:
            group["lr"] = find_rate(number, lesson.source.steps * lesson.options.epochs, lesson.options)
        torch.manual_seed(_seed_step(lesson.seed, number, self.ranks.rank))
        self.optimiser.zero_grad(set_to_none=True)
        with mixed_precision(self.device):
            scores = self.network(portion.features)
        loss = lesson.loss.sum(scores, portion)
        (loss / max(portion.total, 1e-12)).backward()  # type: ignore[no-untyped-call]
        self.ranks.add_gradients(self.network)
        self.optimiser.step()
        summed = loss.detach().reshape(1)
        self.ranks.add([summed])
        self.lost += summed
        progress.weight += portion.total
        progress.step += 1

    def _end_epoch(self) -> None:
        progress = self.progress
        measured = {"epoch": progress.epoch, "loss": float(self.lost) / max(progress.weight, 1e-12)}
        if self.lesson.check is not None:
            self.network.eval()
            found = self.lesson.check(self.network)
            measured |= {f"check_{key}": value for key, value in found.items()}
            if progress.best is None or found["loss"] < progress.best:
                progress.best, progress.best_epoch = found["loss"], progress.epoch
                self.best = {k: v.detach().cpu().clone() for k, v in self.network.state_dict().items()}
        progress.history.append(measured)
        progress.epoch, progress.step, progress.weight = progress.epoch + 1, 0, 0.0
        self.lost.zero_()
        self._save()

    def _save(self) -> None:
        folder = self.lesson.folder
        if folder is not None and self.ranks.rank == 0:
            self.progress.loss = float(self.lost)
            state = (self.progress, self.best)
            save_checkpoint(folder, self.lesson.name, self.network, self.optimiser, state)
            write_record(folder, self.progress.history)


def find_rate(step: int, steps: int, options: NetworkSettings) -> float:
    """Return the learning rate of a step: a warm-up, then half a cosine down to 0.

    Source: Loshchilov & Hutter 2017, "SGDR", arXiv:1608.03983.
    """
    warm = max(1, round(_WARM_UP * steps))
    if step < warm:
        return options.learning_rate * (step + 1) / warm
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def find_device() -> torch.device:
    """Return this process's GPU if there is one, by its number: threads know no current one."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else _PROCESSOR


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Return where forward passes are computed in bfloat16: on GPUs only."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()


@contextmanager
def own_state(threads: int, seed: int) -> Iterator[None]:
    """Compute with some threads and a seed, and leave those of the process as they were."""
    before = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.set_num_threads(max(1, threads))
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _seed_step(seed: int, number: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, number, rank]).generate_state(1, np.uint64)[0] >> 1)

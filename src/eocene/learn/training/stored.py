"""Networks that learn from a stored data set, batch by batch, however large it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.models.kind import Context
from eocene.learn.networks.shape import describe_shape
from eocene.learn.train import TrainedModel
from eocene.learn.training.augment import Augmentation
from eocene.learn.training.batches import Batch
from eocene.learn.training.fit import (
    FittedNetwork,
    check_network,
    measure_scale,
    name_training,
    teach_members,
)
from eocene.learn.training.loop import Lesson
from eocene.learn.training.loss import Loss, balance_classes
from eocene.learn.training.validation import hold_out
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.curate.dataset import Dataset
    from eocene.learn.spec import ModelSpec

_SCALE_ROWS, _CHECK_ROWS = 4096, 8192


@dataclass(frozen=True, eq=False)
class StoredSource:
    """Batches of a stored data set.

    Parameters
    ----------
    dataset : Dataset
    rows : (m,) int
        What is learnt.
    classes : (k,) int64
    weights : (n,) float32
        Of all samples of the data set.
    batch_size, seed, workers : int
        As of ``Dataset.stream``.
    """

    dataset: Dataset
    rows: NDArray[np.intp]
    classes: NDArray[np.int64]
    weights: NDArray[np.float32]
    batch_size: int
    seed: int
    workers: int = 0

    @property
    def steps(self) -> int:
        """Batches of an epoch; the last one may be smaller."""
        return -(-len(self.rows) // self.batch_size)

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Yield the batches of an epoch from number ``start`` on, reading nothing before it."""
        stream = self.dataset.stream(self.batch_size, self.seed, self.workers, self.rows, epoch=epoch)
        for batch in stream.since(start):
            answers = np.searchsorted(self.classes, batch.labels)
            yield Batch(batch.features, answers, self.weights[batch.rows])


def train_stored(
    dataset: Dataset,
    spec: ModelSpec,
    *,
    rows: NDArray[np.intp] | None = None,
    workers: int = 0,
    threads: int = 2,
    folder: Path | None = None,
) -> TrainedModel:
    """Train a network from a stored data set, holding a few batches in memory.

    The scale of the bands is measured on 4096 samples drawn by the seed, and training is checked on 8192 of
    those held out at most. The data set's faults are not looked for here: that takes a pass over it.

    Parameters
    ----------
    dataset : Dataset
    spec : ModelSpec
        Of a kind that is a network.
    rows : (k,) int, optional
        Train on these samples only.
    workers : int
        Threads that decode ahead; they change nothing.
    threads : int
        Processor threads of the network.
    folder : Path, optional
        Where checkpoints and the record go; a training that was cut off goes on from there.

    Raises
    ------
    InputError
        If the kind is no network, does not take samples of this form, or fewer than two classes are left.
    """
    options, seed = spec.options, spec.seed
    known = np.arange(len(dataset)) if rows is None else np.unique(rows)
    labels, x, y = dataset.labels, dataset.x, dataset.y
    classes = np.unique(labels[known])
    axes = next(iter(dataset.layers.values())).axes
    _check(spec, tuple(axes), len(classes))
    shape = describe_shape(axes, len(classes))
    scale = measure_scale(dataset.read(_draw(known, _SCALE_ROWS, seed)).features, shape)
    weights = np.asarray(dataset.columns.get("weight", np.ones(len(dataset))), dtype=np.float32)
    context = Context(axes, x[known], y[known], None, threads, folder)

    def plan(own_seed: int, member: str) -> Lesson:
        answers = np.searchsorted(classes, labels[known])
        learnt, checked = hold_out(context.x, context.y, answers, options.validation, own_seed)
        balance = balance_classes(answers[learnt], len(classes), options.class_weight)
        loss = Loss(balance, options.label_smoothing)
        held = dataset.read(_draw(known[checked], _CHECK_ROWS, own_seed)) if len(checked) else None
        rows_held = _draw(known[checked], _CHECK_ROWS, own_seed)
        return Lesson(
            source=StoredSource(
                dataset, known[learnt], classes, weights, options.batch_size, own_seed, workers
            ),
            loss=loss,
            options=options,
            seed=own_seed,
            change=Augmentation(options, scale[1], shape.dims, own_seed).change,
            check=None
            if held is None
            else partial(
                check_network,
                batch=Batch(held.features, np.searchsorted(classes, held.labels), weights[rows_held]),
                loss=loss,
            ),
            folder=None if folder is None else folder / member,
            name=name_training(member, dataset.id, known, asdict(options), own_seed),
        )

    network, histories = teach_members(spec.kind, shape, scale, options, seed, context, plan)
    return TrainedModel(
        fitted=FittedNetwork(network, classes, shape, histories),
        spec=spec,
        axes=axes,
        classes=tuple(int(v) for v in classes),
        class_names={int(v): dataset.class_names[int(v)] for v in classes},
    )


def _draw(rows: NDArray[np.intp], count: int, seed: int) -> NDArray[np.intp]:
    """Return some of the rows, sorted."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng([seed, 3]).choice(rows, count, replace=False))


def _check(spec: ModelSpec, form: tuple[Any, ...], classes: int) -> None:
    kind = spec.described
    if kind.package != "torch" or form not in kind.takes:
        raise InputError(
            f"{kind.title} does not learn from a stream of samples with ({', '.join(form)}).",
            "Take a network for samples of this form, or read the data set and use train().",
        )
    if classes < 2:
        raise InputError(f"The samples hold {classes} class(es).", "Sample at least two classes.")

"""Networks that learn from a stored data set, batch by batch, however large it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.gate import require_sound
from eocene.learn.models.kind import Context
from eocene.learn.networks.shape import describe_shape
from eocene.learn.train import TrainedModel
from eocene.learn.training.answers import Answers, FractionAnswers
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
from eocene.learn.training.loss import Loss, balance_counts
from eocene.learn.training.validation import hold_out
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.curate.dataset import Dataset
    from eocene.curate.faults import FaultReport
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
    answers : Answers or FractionAnswers
    layers : tuple of str
        That of the features, and that of the labels of pixels, if these are learnt.
    weights : (n,) float32
        Of all samples of the data set.
    batch_size, seed, workers : int
        As of ``Dataset.stream``.
    """

    dataset: Dataset
    rows: NDArray[np.intp]
    answers: Answers | FractionAnswers
    layers: tuple[str, ...]
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
        stream = self.dataset.stream(
            self.batch_size, self.seed, self.workers, self.rows, layers=self.layers, epoch=epoch
        )
        for batch in stream.since(start):
            answers = self.answers.tell(batch)
            yield Batch(batch.features, answers, self.weights[batch.rows])


def train_stored(  # noqa: PLR0913 (as train, and how it streams)
    dataset: Dataset,
    spec: ModelSpec,
    *,
    rows: NDArray[np.intp] | None = None,
    workers: int = 0,
    threads: int = 2,
    folder: Path | None = None,
    pixel_labels: str | None = None,
    report: FaultReport | None = None,
) -> TrainedModel:
    """Train a network from a stored data set, holding a few batches in memory.

    The scale of the bands is measured on 4096 samples drawn by the seed, and training is checked on 8192 of
    those held out at most. Before anything is learnt, the data set is read over for faults, as by
    :func:`eocene.learn.train`.

    Parameters
    ----------
    dataset : Dataset
        Its first layer is learnt from.
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
    pixel_labels : str, optional
        The layer (y, x) with class values of pixels, in place of the labels of samples; missing or negative
        where there is none. The model then answers for each pixel.
    report : FaultReport, optional
        What the gate found in this data set, if it has been checked: it is not read over again then.

    Raises
    ------
    InputError
        If the kind is no network, does not take samples of this form, fewer than two classes are left, there
        is no such layer, or the report is of other samples.
    ConflictError
        If the data set has faults that nobody resolved.
    """
    options, seed = spec.options, spec.seed
    known = np.arange(len(dataset)) if rows is None else np.unique(rows)
    first, features = next(iter(dataset.layers.items()))
    _check_form(spec, tuple(features.axes))
    answers = (FractionAnswers if spec.of_fractions else Answers)(dataset, known, pixel_labels)
    if len(answers.classes) < 2:
        raise InputError(
            f"The samples hold {len(answers.classes)} class(es).", "Sample at least two classes."
        )
    require_sound(dataset, spec, per_pixel=pixel_labels is not None, report=report)
    x, y = dataset.x[known], dataset.y[known]
    shape = describe_shape(features.axes, len(answers.classes), per_pixel=pixel_labels is not None)
    scale = measure_scale(dataset.read(_draw(known, _SCALE_ROWS, seed)).features, shape)
    weights = np.asarray(dataset.columns.get("weight", np.ones(len(dataset))), dtype=np.float32)
    weights = answers.weigh(weights)
    layers = (first,) if pixel_labels is None else (first, pixel_labels)
    learnt_from = {"target": spec.target} if spec.of_fractions else pixel_labels or ""

    def plan(own_seed: int, member: str) -> Lesson:
        learnt, checked = hold_out(x, y, answers.outline(known), options.validation, own_seed)
        loss = Loss(
            balance_counts(answers.count(known[learnt]), options.class_weight), options.label_smoothing
        )
        held = _draw(known[checked], _CHECK_ROWS, own_seed)
        told = Batch(dataset.read(held).features, answers.read(held), weights[held]) if len(held) else None
        source = StoredSource(
            dataset, known[learnt], answers, layers, weights, options.batch_size, own_seed, workers
        )
        return Lesson(
            source=source,
            loss=loss,
            options=options,
            seed=own_seed,
            change=Augmentation(options, scale[1], shape.dims, own_seed).change,
            check=None if told is None else partial(check_network, batch=told, loss=loss),
            folder=None if folder is None else folder / member,
            name=name_training(member, dataset.id, known, learnt_from, asdict(options), own_seed),
        )

    context = Context(features.axes, x, y, None, threads, folder)
    network, histories = teach_members(spec.kind, shape, scale, options, seed, context, plan)
    return TrainedModel(
        fitted=FittedNetwork(network, answers.classes, shape, histories),
        spec=spec,
        axes=features.axes,
        classes=tuple(int(v) for v in answers.classes),
        class_names={int(v): dataset.class_names.get(int(v), str(v)) for v in answers.classes},
    )


def _draw(rows: NDArray[np.intp], count: int, seed: int) -> NDArray[np.intp]:
    """Return some of the rows, sorted."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng([seed, 3]).choice(rows, count, replace=False))


def _check_form(spec: ModelSpec, form: tuple[Any, ...]) -> None:
    kind = spec.described
    if kind.package != "torch" or kind.name == "pretrained" or form not in kind.takes:
        raise InputError(
            f"{kind.title} does not learn from a stream of samples with ({', '.join(form)}).",
            "Take a network for samples of this form, or read the data set and use train().",
        )

"""A registered model that learns new samples beside a memory of those that it has learnt before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate import Samples, block_split
from eocene.learn.continual import join_memory, update_model
from eocene.learn.evaluate import Report, SplitScore, score_answers
from eocene.learn.evaluation.answers import Asked, answer_all
from eocene.learn.evaluation.baselines import find_commonest
from eocene.learn.evaluation.elsewhere import check_features, check_names
from eocene.learn.explain.background import find_dataset
from eocene.learn.score import count_confusion, score_confusion
from eocene.learn.spec import ModelSpec
from eocene.learn.train import TrainedModel
from eocene.model import ConflictError, InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from eocene.learn.continual import Update
    from eocene.learn.predict import Predictor
    from eocene.learn.registry import ModelRegistry

FOLDS = 5
_HASH = 13


def renew_model(
    registry: ModelRegistry,
    model_id: str,
    new: Samples,
    *,
    replay: int = 200,
    most_forgotten: float = 0.02,
    block_m: float = 640.0,
) -> tuple[str | None, Update]:
    """Update a registered model and register what comes of it, unless it would forget more than allowed.

    A fifth of the old and of the new samples, whole blocks of ground, is held out of the update to measure
    what is forgotten and what is learnt. What was learnt, the new samples and the memory, is stored among the
    data sets.

    Parameters
    ----------
    registry : ModelRegistry
    model_id : str
        Of classes of samples; its data set is in the workspace. Its spec is trained again.
    new : Samples
        With the features of the model and labels.
    replay, most_forgotten
        As of :func:`~eocene.learn.continual.update_model`.
    block_m : float
        Edge of the blocks in metres.

    Returns
    -------
    str or None, Update
        The id of the updated model, None where the bound cannot hold; and what was measured.

    Raises
    ------
    NotFoundError
        If there is no such model, or its data set is not in the workspace.
    InputError
        If the model has no classes of samples, the features or classes are others, or the samples lie in too
        few blocks.
    ConflictError
        If the samples are those that the model has learnt, or have a proved fault that nobody resolved.
    """
    item, told = registry.item(model_id), registry.report(model_id)
    predictor, spec = registry.load(model_id), ModelSpec.from_dict(told["spec"])
    if not spec.learns_classes or predictor.signature.dense:
        raise InputError(
            f"{predictor.name} does not answer with one class a sample.",
            "Train it again on all samples; updates are for models of classes.",
        )
    old = _read_old(registry, item)
    if new.id == old.id:
        raise ConflictError(f"{predictor.name} has learnt {new.id} already.", "Name a later data set.")
    check_features(predictor, new)
    check_names(predictor, new)
    parts = [_hold_out(samples, block_m, spec.seed) for samples in (old, new)]
    updated, update = update_model(
        predictor, spec, parts[0], parts[1], replay=replay, most_forgotten=most_forgotten
    )
    if not isinstance(updated, TrainedModel):
        return None, update
    learnt = join_memory(parts[0][0], parts[1][0], update.replayed)
    held = {"old": parts[0][1], "new": parts[1][1]}
    learnt.save(registry.layout.datasets)
    report = _report(learnt, spec, updated, held)
    return registry.register(updated, report, learnt, name=model_id[:-_HASH]), update


def _read_old(registry: ModelRegistry, item: Mapping[str, Any]) -> Samples:
    stored = find_dataset(registry.layout, item)
    if stored is None:
        raise NotFoundError(
            f"The data set that model {item['id']} has learnt from is not in this workspace.",
            "Copy it there: what is not to be forgotten has to be known.",
        )
    return Samples.load(registry.layout.datasets / stored)


def _hold_out(samples: Samples, block_m: float, seed: int) -> tuple[Samples, Samples]:
    """Return what is learnt, and what is held out: a fifth, in whole blocks."""
    learnt, held = block_split(samples, FOLDS, block_m, seed)[0]
    return samples.take(learnt), samples.take(held)


def _report(learnt: Samples, spec: ModelSpec, model: TrainedModel, held: Mapping[str, Samples]) -> Report:
    classes = tuple(sorted({*learnt.classes, *(v for part in held.values() for v in part.classes)}))
    names = {v: name for part in (*held.values(), learnt) for v, name in part.class_names.items()}
    return Report(
        dataset=learnt.id,
        spec=spec,
        samples=len(learnt),
        features=len(learnt.feature_names),
        classes=classes,
        class_names={value: names[value] for value in classes},
        splits={name: _score(model, part, learnt, classes) for name, part in held.items()},
    )


def _score(
    model: TrainedModel | Predictor, held: Samples, learnt: Samples, classes: tuple[int, ...]
) -> SplitScore:
    found = answer_all(Asked(held), model)
    naive = np.full(len(held), find_commonest(learnt.labels))
    known = tuple(sorted({*found.classes.tolist(), *classes}))
    baseline = score_confusion(count_confusion(held.labels, naive, known))
    return score_answers(found, held.columns, [{"train": len(learnt), "test": len(held)}], baseline)

"""The best settings of a kind for some samples, scored on whole blocks of ground that are held out."""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate import Samples
from eocene.learn.fractions import as_fractions, find_fractions
from eocene.learn.gate import require_sound
from eocene.learn.spec import ModelSpec
from eocene.learn.train import train
from eocene.learn.training.search import Plan, Trial, choose_rungs, search
from eocene.learn.training.space import check_space
from eocene.learn.training.validation import hold_out
from eocene.model import InputError
from eocene.model.files import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_TASK, _PART = "task.json", 0.25


def tune(
    samples: Samples,
    spec: ModelSpec,
    space: Any,
    folder: Path,
    *,
    trials: int = 20,
    workers: int = 2,
    executor: Executor | None = None,
) -> tuple[ModelSpec, list[Trial]]:
    """Search for settings and return the spec with the best ones, and all trials.

    Networks are stopped early by the loss on the part that they hold out, and are taken up from their
    checkpoints when they go on; trees are scored once, on a quarter held out.

    Parameters
    ----------
    samples : Samples
    spec : ModelSpec
        What the search does not choose.
    space : mapping
        See ``check_space``.
    folder : Path
        Where samples, checkpoints and the record go; seen by all workers.
    trials, workers : int
    executor : Executor, optional
        By default processes of this machine; ``client.get_executor()`` for the workers of a Dask cluster.

    Raises
    ------
    InputError
        If the space or a setting is refused, or the samples are too few to hold any out.
    ConflictError
        If the samples have a proved fault that nobody resolved.
    """
    checked = check_space(space)
    known = spec.settings
    unknown = sorted(set(checked) - set(known))
    counted = all(isinstance(n, int) and n >= 1 for n in (trials, workers))
    if unknown or not counted:
        raise InputError(
            f"{spec.kind} has no setting {', '.join(unknown)}."
            if unknown
            else f"{trials!r} trials, {workers!r} at once, are no search.",
            f"Settings are {', '.join(known)}; give whole numbers of trials and workers.",
        )
    require_sound(samples, spec)
    folder.mkdir(parents=True, exist_ok=True)
    samples.save(folder)
    write_json(folder / _TASK, {"samples": samples.id, "spec": spec.to_dict()})
    network = spec.described.package == "torch"
    plan = Plan(checked, trials, workers, choose_rungs(known["epochs"]) if network else (1,), spec.seed)
    measure = partial(measure_trial, str(folder))
    if executor is not None:
        found = search(measure, plan, executor, folder=folder)
    else:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            found = search(measure, plan, pool, folder=folder)
    return replace(spec, settings={**known, **found[0].settings}), found


def measure_trial(folder: str, number: int, settings: Mapping[str, Any], epochs: int) -> float:
    """Train a trial up to so many epochs and return its lowest loss on the part held out."""
    task = json.loads((Path(folder) / _TASK).read_text(encoding="utf-8"))
    samples = Samples.load(Path(folder) / task["samples"])
    spec = ModelSpec.from_dict(task["spec"])
    spec = replace(spec, settings={**spec.settings, **settings})
    if spec.described.package != "torch":
        return _score_once(samples, spec)
    model = train(samples, spec, threads=1, folder=Path(folder) / "trials" / str(number), until=epochs)
    histories: list[list[dict[str, float]]] = model.fitted.histories  # type: ignore[attr-defined]
    if "check_loss" not in histories[0][0]:
        raise InputError(
            "There is no part of the samples to score trials by.",
            "Set validation above 0, and sample more than one block of ground.",
        )
    return float(np.mean([min(row["check_loss"] for row in history) for history in histories]))


def _score_once(samples: Samples, spec: ModelSpec) -> float:
    """The mean logarithmic loss on a quarter of the samples, in whole blocks."""
    learnt, checked = hold_out(samples.x, samples.y, samples.labels, _PART, spec.seed)
    if not len(checked):
        raise InputError("There is no part to score trials by.", "Sample more than one block of ground.")
    model = train(samples, spec, rows=learnt, threads=1)
    probabilities = model.estimate_probabilities(samples.features[checked])
    part = samples.take(checked)
    told = find_fractions(part.columns) if spec.of_fractions else as_fractions(part.labels)
    truth = told.spread(np.asarray(model.classes))
    losses = -(truth * np.log(np.clip(probabilities, 1e-7, 1))).sum(axis=1)
    return float(np.average(losses, weights=told.known))

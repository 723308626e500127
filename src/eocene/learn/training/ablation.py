"""What each band, date, feature or layer is worth: the score without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.evaluate import evaluate
from eocene.learn.gate import admit_parts, require_sound
from eocene.learn.models.kind import PIXELS
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec

PARTS = ("bands", "dates", "features", "layers")


@dataclass(frozen=True)
class Ablation:
    """The score without a part.

    Parameters
    ----------
    part, name : str
        "band" and "B04", for instance; "nothing" and "" for the whole.
    accuracy, macro_f1 : float
        Pooled over the folds.
    lost : float
        Accuracy of the whole less this one.
    """

    part: str
    name: str
    accuracy: float
    macro_f1: float
    lost: float


def ablate(
    samples: Samples,
    spec: ModelSpec,
    folds: Sequence[Any],
    parts: Sequence[str] = ("bands", "dates"),
    *,
    threads: int = 2,
) -> list[Ablation]:
    """Train without each part in turn and return the scores: the whole first, then what is missed most.

    The samples pass the gate as a whole: what is left of one without a band may well look empty.

    Parameters
    ----------
    samples : Samples
        Series or chips; or rows whose names are those of a series, such as 2024-05/B04.
    spec : ModelSpec
    folds : sequence of (train, test)
    parts : sequence of str
        Some of "bands", "dates", "features" (each number alone), "layers" (of a network: each layer whose
        answer has the shape of what it gets is passed by).
    threads : int

    Raises
    ------
    InputError
        If a part is unknown, or the samples or the kind have none of it.
    ConflictError
        If the samples have a proved fault that nobody resolved.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise InputError(f"{', '.join(unknown)} cannot be left out.", f"Parts are {', '.join(PARTS)}.")
    names = [(part, name) for part in parts for name in list_parts(samples, spec, part)]
    require_sound(samples, spec)
    samples = admit_parts(samples, "Parts of sound samples are left out.")
    whole = _score(samples, spec, folds, threads)
    rows = []
    for part, name in names:
        accuracy, f1 = _score(*leave_part(samples, spec, part, name), folds, threads)
        rows.append(Ablation(part, name, accuracy, f1, whole[0] - accuracy))
    rows.sort(key=lambda row: -row.lost)
    return [Ablation("nothing", "", *whole, 0.0), *rows]


def _score(samples: Samples, spec: ModelSpec, folds: Sequence[Any], threads: int) -> tuple[float, float]:
    report = evaluate(samples, spec, {"block": folds}, threads=threads, forest=False)
    pooled = report.splits["block"].pooled
    return pooled["accuracy"], pooled["macro_f1"]


def list_parts(samples: Samples, spec: ModelSpec, part: str) -> list[str]:
    """Return the names of what can be left out.

    Raises
    ------
    InputError
        If there is nothing of this part.
    """
    if part == "layers":
        return find_layers(samples, spec)
    if part == "features" and tuple(samples.axes) not in PIXELS:
        raise InputError("The samples are chips, whose pixels are no features.", "Leave out bands.")
    return list_labels(samples.flatten() if part == "features" else samples, part)


def leave_part(samples: Samples, spec: ModelSpec, part: str, name: str) -> tuple[Samples, ModelSpec]:
    """Return samples and spec without a band, date, feature or layer."""
    if part == "layers":
        return samples, replace(spec, settings={**spec.settings, "leave_out": name})
    return leave_label(samples.flatten() if part == "features" else samples, part, name), spec


def list_labels(samples: Samples, part: str) -> list[str]:
    """Return what can be left out: labels of an axis, or the parts of the names of rows.

    Raises
    ------
    InputError
        If there are fewer than two.
    """
    dim = {"bands": "bands", "dates": "t", "features": "features"}[part]
    if dim in samples.axes:
        labels = list(samples.axes[dim])
    else:
        at = -1 if part == "bands" else 0
        names = [name.split("/") for name in samples.feature_names]
        labels = list(dict.fromkeys(name[at] for name in names if len(name) > 1))
    if len(labels) < 2:
        raise InputError(f"The samples have no {part} to leave out.", "They need two or more.")
    return labels


def leave_label(samples: Samples, part: str, label: str) -> Samples:
    """Return the samples without a band, a date or a feature."""
    dim = {"bands": "bands", "dates": "t", "features": "features"}[part]
    if dim in samples.axes:
        labels = samples.axes[dim]
        kept = [i for i, name in enumerate(labels) if name != label]
    else:
        at, dim = (-1 if part == "bands" else 0), "features"
        labels = samples.axes[dim]
        kept = [i for i, name in enumerate(labels) if name.split("/")[at] != label]
    axis = 1 + list(samples.axes).index(dim)
    axes = {**samples.axes, dim: tuple(labels[i] for i in kept)}
    return replace(samples, features=np.take(samples.features, kept, axis=axis), axes=axes)


def find_layers(samples: Samples, spec: ModelSpec) -> list[str]:
    """Return the names of a network's layers that have weights and keep the shape of what they get.

    Raises
    ------
    InputError
        If the kind is no network.
    """
    if spec.described.package != "torch":
        raise InputError(f"{spec.kind} has no layers.", "Leave out bands, dates or features.")
    from eocene.learn.training.layers import find_passable

    return find_passable(samples, spec)

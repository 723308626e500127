"""Samples and a spec become a trained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.naming import join_names
from eocene.learn.fractions import Fractions, find_fractions
from eocene.learn.gate import require_sound
from eocene.learn.models.kind import PIXELS, Context, Fitted
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.models.kind import Kind
    from eocene.learn.spec import ModelSpec


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A fitted model with what it must be fed and what its answers mean.

    Parameters
    ----------
    fitted : Fitted
        The model itself.
    spec : ModelSpec
    axes : mapping of str to tuple of str
        The dimensions of one sample, each with its labels.
    classes : tuple of int
        Class values in the order of the probabilities.
    class_names : mapping of int to str
    """

    fitted: Fitted
    spec: ModelSpec
    axes: Mapping[str, tuple[str, ...]]
    classes: tuple[int, ...]
    class_names: Mapping[int, str]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each number of a sample: labels of its axes joined by a slash, the last one fastest."""
        return join_names(list(self.axes.values()))

    @property
    def of_pixels(self) -> bool:
        """Whether a sample is one pixel, so that the ONNX form takes (n, features)."""
        return tuple(self.axes) in PIXELS

    def shape(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return features of any equal layout, (n, features) or (n, …), as samples of this model.

        Raises
        ------
        InputError
            If a sample holds another number of values.
        """
        sample = tuple(len(labels) for labels in self.axes.values())
        rows = np.ascontiguousarray(features, dtype=np.float32)
        if rows.ndim < 2 or rows[:1].size not in (0, np.prod(sample)):
            raise InputError(
                f"The model takes samples of shape {sample}, the features have shape {rows.shape}.",
                "Give the features in the order of the model's feature names.",
            )
        return rows.reshape(len(rows), *sample)

    def shape_for_onnx(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return features as the ONNX form takes them: (n, features) for pixels, (n, …) for chips."""
        samples = self.shape(features)
        return samples.reshape(len(samples), -1) if self.of_pixels else samples

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Return the (n, classes) probabilities of samples; NaN is a missing value."""
        return self.fitted.estimate_probabilities(self.shape(features))

    def classify(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the (n,) most probable class values."""
        best = self.estimate_probabilities(features).argmax(axis=1)
        answer: NDArray[np.int64] = np.asarray(self.classes, dtype=np.int64)[best]
        return answer


def train(
    samples: Samples,
    spec: ModelSpec,
    *,
    rows: NDArray[np.intp] | None = None,
    threads: int = 2,
    folder: Path | None = None,
    until: int | None = None,
    pixel_labels: NDArray[np.int64] | None = None,
) -> TrainedModel:
    """Fit a model; the result depends on samples, spec and rows only.

    Of the target "fractions" the columns of ``samples`` tell the shares, see
    :func:`~eocene.learn.fractions.find_fractions`, and the probabilities of the model are shares.

    Threads change nothing, save the last bits of networks: a sum over threads has another order.

    Parameters
    ----------
    samples : Samples
        Its column "weight", if there is one, says how much each sample counts.
    spec : ModelSpec
    rows : (k,) int, optional
        Train on these samples only.
    threads : int
        Processor threads to use.
    folder : Path, optional
        Where a kind that trains in steps keeps checkpoints and its record; a training that was cut off
        goes on from there.
    until : int, optional
        Stop a kind that trains in epochs after this many, with a checkpoint in ``folder``.
    pixel_labels : (n, y, x) int64, optional
        Class values of the pixels of chips, in place of the labels of ``samples``; negative where there is
        none. The model then answers for each pixel.

    Raises
    ------
    InputError
        If fewer than two classes are left to learn, the samples lack the target, or the kind does not take
        samples of this form.
    ConflictError
        If the samples have a proved fault that nobody resolved; see
        :func:`~eocene.learn.gate.require_sound`.
    UnavailableError
        If the packages of the kind are not installed.
    """
    kind = spec.described
    require_sound(samples, spec, per_pixel=pixel_labels is not None)
    part = samples if rows is None else samples.take(rows)
    weights = part.columns.get("weight")
    if spec.of_fractions:
        answers: Any = check_fractions(find_fractions(samples.columns, rows), pixel_labels)
        weights = answers.weigh(weights)
    elif pixel_labels is not None:
        answers = _check_pixels(part, pixel_labels if rows is None else pixel_labels[rows])
    else:
        answers = find_targets(part) if kind.task == "regression" else _check_classes(part)
    _check_form(kind, tuple(part.axes))
    context = Context(part.axes, part.x, part.y, weights, threads, folder, until)
    fitted = kind.fit(part.features, answers, spec.options, spec.seed, context)
    return TrainedModel(
        fitted=fitted,
        spec=spec,
        axes=part.axes,
        classes=tuple(int(v) for v in fitted.classes),
        class_names={int(v): samples.class_names.get(int(v), str(v)) for v in fitted.classes},
    )


def _check_classes(part: Samples) -> NDArray[np.int64]:
    classes = np.unique(part.labels)
    if len(classes) < 2:
        raise InputError(
            f"The {len(part)} training samples hold {len(classes)} class(es).", "Sample at least two classes."
        )
    return part.labels


def check_fractions(told: Fractions, pixel_labels: Any) -> Fractions:
    """Return what the samples of a training tell of shares.

    Raises
    ------
    InputError
        If they hold one class only, or labels of pixels are given too.
    """
    if pixel_labels is not None:
        raise InputError(
            "Labels of pixels are classes, but the target is fractions.",
            'Leave them out, or take the target "label".',
        )
    if told.held < 2:
        raise InputError(
            f"The {len(told)} training samples hold shares of {told.held} class.", "Sample two or more."
        )
    return told


def _check_pixels(part: Samples, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    edges = tuple(len(part.axes.get(dim, ())) for dim in ("y", "x"))
    if labels.shape != (len(part), *edges) or len(np.unique(labels[labels >= 0])) < 2:
        raise InputError(
            f"The labels of pixels have shape {labels.shape}, for {len(part)} chips of {edges} pixels, and "
            f"{len(np.unique(labels[labels >= 0]))} class(es).",
            "Give one class value for each pixel of each chip, negative where there is none.",
        )
    return labels.astype(np.int64)


def find_targets(part: Samples) -> NDArray[np.float64]:
    """Return the column "target", (n,) float64: what a regression learns.

    Raises
    ------
    InputError
        If there is none, or a value is missing.
    """
    targets = np.asarray(part.columns.get("target", np.empty(0)), dtype=np.float64)
    if not len(targets) or not np.isfinite(targets).all():
        raise InputError(
            'A regression learns from the column "target", which these samples lack or which has gaps.',
            'Give a finite number a sample in the column "target".',
        )
    return targets


def _check_form(kind: Kind, form: tuple[str, ...]) -> None:
    if form not in kind.takes:
        wanted = " or ".join(f"({', '.join(dims)})" for dims in kind.takes)
        raise InputError(
            f"{kind.title} learns from samples of {wanted}; these have ({', '.join(form)}).",
            "Take another kind of model, or flatten() the samples to rows.",
        )

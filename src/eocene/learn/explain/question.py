"""What is asked of an answer of a registered model, and the samples that it is asked with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate import Samples
from eocene.learn.explain.parts import unfold_names
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.learn.predict import Predictor

UNKNOWN = -1
"""The label of samples of which only the features are known."""


@dataclass(frozen=True)
class Question:
    """What is asked of an answer.

    Parameters
    ----------
    by : str, optional
        "bands" or "t", whose labels are the parts; by default each feature, of chips each band at each
        date. Rows whose features are named date/band, as those drawn from series are, have both dimensions.
    of : int or str, optional
        The class, by value or name, whose probability is put down to the parts; by default the one that is
        answered.
    wanted : int or str, optional
        What the answer shall become by changing few parts: a class, by default the second in probability;
        of a regression a text, ``>3.5`` or ``<2`` for a value to get past, ``+0.5`` or ``-0.5`` for an
        amount, by default nothing.
    seed : int
        Decides what is drawn.
    """

    by: str | None = None
    of: int | str | None = None
    wanted: int | str | None = None
    seed: int = 0


def find_class(predictor: Predictor, told: int | str) -> int:
    """Return a class value of a model by its value or name; raises InputError if there is none."""
    for value, title in predictor.class_names.items():
        if told == value or told in (title, str(value)):
            return value
    known = ", ".join(predictor.class_names.values())
    raise InputError(
        f"The model knows no class {str(told)[:80]!r}.",
        f"Name one of {known}." if known else "It gives values, not classes.",
        code="InvalidParameterValue",
    )


def match_samples(predictor: Predictor, samples: Samples) -> Samples:
    """Return samples as the parts of an explanation are cut from them.

    Raises
    ------
    InputError
        If their features are not those of the model.
    """
    if predictor.signature.of_pixels:
        same = samples.feature_names == predictor.feature_names
    else:
        same = _outline(samples.axes) == _outline(predictor.signature.axes)
    if not same:
        raise InputError(
            f"{predictor.name} takes {len(predictor.feature_names)} features that are not those of "
            f"{samples.id}.",
            "Take the data set that it was trained on, or one drawn from the same graph.",
        )
    return unfold_names(samples)


def _outline(axes: Any) -> list[tuple[str, Any]]:
    """Return dimensions with their labels; rows and columns of a chip may be called otherwise elsewhere."""
    return [(dim, len(labels) if dim in ("y", "x") else labels) for dim, labels in axes.items()]


def make_samples(predictor: Predictor, table: NDArray[np.float32]) -> Samples:
    """Return rows as samples of which nothing but the features is known."""
    axes, count = predictor.signature.axes, len(table)
    shape = tuple(len(labels) for labels in axes.values())
    nowhere, labels = np.zeros(count), np.full(count, UNKNOWN)
    return Samples(table.reshape(count, *shape), labels, nowhere, nowhere, 4326, axes)


def list_axes(predictor: Predictor) -> Mapping[str, tuple[str, ...]]:
    """Return the dimensions of a sample as the parts of an explanation are cut from them."""
    return unfold_names(make_samples(predictor, np.zeros((1, *predictor.signature.sample), np.float32))).axes

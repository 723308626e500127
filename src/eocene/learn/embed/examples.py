"""From examples to the vector that is asked: one, several, those of a class, and what it should not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.learn.embed.vectors import normalise
from eocene.learn.extra import import_extra
from eocene.model import InputError
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate.placed import Placed
    from eocene.learn.embed.index import VectorIndex


def ask_by_examples(
    wanted: NDArray[np.float32], unwanted: NDArray[np.float32] | None = None, *, strength: float = 1.0
) -> NDArray[np.float32]:
    """Return one vector (d,) that stands for all examples.

    Without counter-examples it is the mean direction of the examples. With some it is the weights of a linear
    model that tells the two apart: what is far on its right side is found first.

    Parameters
    ----------
    wanted : (k, d) float32
        One example or several.
    unwanted : (m, d) float32, optional
        What should not be found.
    strength : float
        How far the linear model may bend to the examples (inverse of its regularisation); its weights are
        added to the mean direction, so that one counter-example turns the search and does not replace it.

    Raises
    ------
    InputError
        If there is no example, widths differ, or the examples cancel each other.
    """
    good = np.atleast_2d(np.asarray(wanted, np.float32))
    if not good.size:
        raise InputError("There is no example.", "Give one or more.", code="ProcessParameterInvalid")
    good = normalise(good)
    middle: NDArray[np.float32] = normalise(good.mean(axis=0, keepdims=True))[0]
    if unwanted is None or not len(unwanted):
        return middle
    bad = normalise(np.atleast_2d(np.asarray(unwanted, np.float32)))
    if bad.shape[1] != good.shape[1]:
        raise InputError(
            f"Examples have {good.shape[1]} numbers, counter-examples {bad.shape[1]}.",
            "Take both from one index.", code="ProcessParameterInvalid",
        )  # fmt: skip
    linear = import_extra("sklearn.linear_model").LogisticRegression(
        C=strength, class_weight="balanced", max_iter=1000
    )
    linear.fit(np.concatenate([good, bad]), [1] * len(good) + [0] * len(bad))
    slope = np.asarray(linear.coef_[0], np.float32)
    turned: NDArray[np.float32] = normalise((middle + slope)[None])[0]
    return turned


def ask_by_class(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], value: int, *, linear: bool = True
) -> NDArray[np.float32]:
    """Return the vector (d,) that finds more of a class.

    Parameters
    ----------
    vectors : (n, d) float32
        Of labelled places.
    labels : (n,) int64
    value : int
        The class.
    linear : bool
        Whether a linear model tells the class from the others; else the mean of the class is taken.

    Raises
    ------
    InputError
        If no place has the class.
    """
    of_class = np.asarray(labels) == value
    if not of_class.any():
        raise InputError(
            f"No example has the class {value}.", f"Classes are {np.unique(labels).tolist()}.",
            code="ProcessParameterInvalid",
        )  # fmt: skip
    others = vectors[~of_class] if linear else None
    return ask_by_examples(vectors[of_class], others)


def ask_by_labels(
    index: VectorIndex, labelled: Placed, name: str
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the vector (d,) that finds more of a class, and the rows that labelled places of it lie in.

    Parameters
    ----------
    index : VectorIndex
    labelled : Samples or Dataset
        Places with labels; those that the index does not cover are left out.
    name : str
        The class.

    Raises
    ------
    InputError
        If there is no such class, or none of its places lies in the index.
    """
    values = [value for value, title in labelled.class_names.items() if name in (title, str(value))]
    if not values:
        raise InputError(
            f"There is no class {name!r}.", f"Name one of {', '.join(labelled.class_names.values())}."
        )
    lon, lat = transformer(labelled.epsg, 4326).transform(labelled.x, labelled.y)
    rows = index.rows_under(np.asarray(lon), np.asarray(lat))
    inside = rows >= 0
    labels, rows = labelled.labels[inside], rows[inside]
    if not (labels == values[0]).any():
        raise InputError(
            f"No place of the class {name!r} lies in the index {index.id}.", "Label places in its area."
        )
    query = ask_by_class(index.vectors(rows), labels, values[0])
    return query, np.unique(rows[labels == values[0]])

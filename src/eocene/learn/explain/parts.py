"""The parts of a sample that an explanation is about: bands, dates, or single numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eocene.curate.naming import join_names
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.curate import Samples


class Answering(Protocol):
    """Whatever answers with probabilities: a trained model or one from the registry."""

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Return the (n, k) probabilities of samples; NaN is a missing value."""


def unfold_names(samples: Samples) -> Samples:
    """Return rows of features that are named date/band as series, and other samples as they are."""
    (dim, names), *more = samples.axes.items()
    pairs = [name.split("/") for name in names]
    if dim != "features" or more or any(len(pair) != 2 for pair in pairs):
        return samples
    dates, bands = (tuple(dict.fromkeys(part)) for part in zip(*pairs, strict=True))
    if join_names([dates, bands]) != names:
        return samples
    unfolded = samples.features.reshape(len(samples), len(dates), len(bands))
    return replace(samples, features=unfolded, axes={"t": dates, "bands": bands})


def cut_parts(
    axes: Mapping[str, tuple[str, ...]], by: str | None
) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Return the names of the parts, and the number of the part of each value of a flattened sample.

    Parameters
    ----------
    axes : mapping of str to tuple of str
        As of ``Samples``.
    by : str or None
        A dimension, such as "bands" or "t", whose labels are the parts; None makes every value that is
        no pixel of a chip a part: a feature, or a band at a date.

    Raises
    ------
    InputError
        If the samples have no such dimension.
    """
    if by is not None and by not in axes:
        raise InputError(f"The samples have no dimension {by!r}.", f"Name one of {', '.join(axes)}.")
    chosen = [by] if by is not None else [dim for dim in axes if dim not in ("y", "x")]
    shape = tuple(len(labels) for labels in axes.values())
    number = np.zeros(shape, dtype=np.intp)
    for dim in chosen:
        place = np.arange(len(axes[dim])).reshape([-1 if d == dim else 1 for d in axes])
        number = number * len(axes[dim]) + place
    return join_names([axes[dim] for dim in chosen]), number.reshape(-1)

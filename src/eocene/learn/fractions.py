"""Shares of classes: what a model learns of each sample whose target is fractions, in place of one label."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_NAME = re.compile(r"fraction_(-?\d+)")
_LABELLED = "labelled"
_ROUNDING = 1e-3
"""By which float32 shares of one area may add up to more than 1."""


@dataclass(frozen=True, eq=False)
class Fractions:
    """The share that each class has of each sample.

    Parameters
    ----------
    classes : (k,) int64
        Class values, ascending.
    values : (n, k) float64
        Shares of what is known of a sample: each row adds up to 1.
    known : (n,) float64
        The part of a sample, above 0 and up to 1, that is of any of these classes: what it counts.
    """

    classes: NDArray[np.int64]
    values: NDArray[np.float64]
    known: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def held(self) -> int:
        """How many of the classes have a share in any sample."""
        return int((self.values > 0).any(axis=0).sum())

    def weigh(self, weights: NDArray[Any] | None) -> NDArray[np.float64]:
        """Return what each sample counts: its weight times the part of it that is known."""
        return self.known if weights is None else self.known * np.asarray(weights, np.float64)

    def mean(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the (k,) mean shares of some samples, weighed by what is known of each."""
        return np.average(self.values[rows], axis=0, weights=self.known[rows])

    def spread(self, classes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the (n, m) shares of other classes, among which are all of these."""
        wide = np.zeros((len(self), len(classes)))
        wide[:, np.searchsorted(classes, self.classes)] = self.values
        return wide


def find_fractions(columns: Mapping[str, Any], rows: NDArray[np.intp] | None = None) -> Fractions:
    """Return what the columns ``fraction_<class>`` tell, of all samples or of some.

    Pixels without a label, and those of classes without a column, are no part of the shares: these are
    divided by their sum, and the sample counts as much as that sum times its column "labelled" (1 without).

    Parameters
    ----------
    columns : mapping of str to (n,) array
        Those of ``Samples`` or of a stored data set.
    rows : (m,) int, optional

    Raises
    ------
    InputError
        If there are fewer than two such columns, a share is missing or outside of 0 to 1, or those of a
        sample add up to nothing or to more than 1.
    """
    names = {int(found[1]): name for name in columns if (found := _NAME.fullmatch(name))}
    if len(names) < 2:
        raise InputError(
            f"Shares are learnt from columns fraction_<class> of two classes or more; these samples have "
            f"{len(names)}.",
            'Draw chips by build_dataset, which measures them, or learn the target "label".',
        )
    classes = sorted(names)
    told = [names[value] for value in classes] + [_LABELLED] * (_LABELLED in columns)
    table = np.stack([np.asarray(columns[name], np.float64) for name in told], axis=1)
    numbers = np.arange(len(table)) if rows is None else np.arange(len(table))[rows]
    table = table[numbers]
    _check_range(table, told, numbers)
    shares = table[:, : len(classes)]
    total = shares.sum(axis=1)
    known = total * table[:, -1] if _LABELLED in columns else total
    _check_sums(total, known, numbers)
    return Fractions(np.asarray(classes, np.int64), shares / total[:, None], np.minimum(known, 1.0))


def as_fractions(labels: NDArray[np.int64] | Fractions) -> Fractions:
    """Return labels (n,) as shares: all of a sample is of its class."""
    if isinstance(labels, Fractions):
        return labels
    classes = np.unique(labels)
    whole = (labels[:, None] == classes).astype(np.float64)
    return Fractions(classes.astype(np.int64), whole, np.ones(len(labels)))


def _check_range(table: NDArray[np.float64], names: list[str], numbers: NDArray[np.intp]) -> None:
    wrong = np.argwhere(~((table >= 0) & (table <= 1 + _ROUNDING)))  # NaN is neither
    if len(wrong):
        row, column = wrong[0]
        raise InputError(
            f"{names[column]} of sample {numbers[row]} is {table[row, column]:g}, which is no share.",
            "Give numbers from 0 to 1; 0 where a class is not there.",
        )


def _check_sums(total: NDArray[np.float64], known: NDArray[np.float64], numbers: NDArray[np.intp]) -> None:
    if (known <= 0).any():
        raise InputError(
            f"Sample {numbers[known <= 0][0]} has a share of no class.",
            "Drop samples without a label: samples.take(rows).",
        )
    if (total > 1 + _ROUNDING).any():
        row = np.flatnonzero(total > 1 + _ROUNDING)[0]
        raise InputError(
            f"The shares of sample {numbers[row]} add up to {total[row]:g}.",
            "Give shares of one area, which add up to 1 at most.",
        )

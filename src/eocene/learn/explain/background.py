"""The samples that show what is usual to a registered model: those of the data set that it was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.dataset import PIXEL_LABELS, Dataset
from eocene.learn.training.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.model import Layout

MOST, MOST_BYTES = 1000, 32 << 20
"""Samples that are drawn from a data set, and what their features may take together."""


@dataclass(frozen=True, eq=False)
class Usual:
    """What is usual.

    Parameters
    ----------
    dataset : str
        The id of the data set that it was drawn from.
    samples : Samples
    pixels : (n, y, x) int64, optional
        Class values of the pixels of chips, −1 where there is none, if the data set has them.
    """

    dataset: str
    samples: Samples
    pixels: NDArray[np.int64] | None = None


def find_dataset(layout: Layout, item: Mapping[str, Any]) -> str | None:
    """Return the id of the stored data set that a model was trained on, or of which it was a layer.

    Parameters
    ----------
    layout : Layout
    item : mapping
        The STAC item of the model.

    Returns
    -------
    str or None
        None if it is not in the workspace.
    """
    lineage = item["properties"].get("eocene:lineage", {})
    for name in (lineage.get("dataset"), lineage.get("sources", {}).get("dataset")):
        plain = isinstance(name, str) and name.strip("./\\") == name and Path(name).name == name
        if name and plain and (layout.datasets / name).is_dir():
            return str(name)
    return None


def read_usual(layout: Layout, dataset: str) -> Usual:
    """Return samples of a stored data set, by chance at most 1,000 or 32 MiB of them, kept for the next.

    Parameters
    ----------
    layout : Layout
    dataset : str
        Its id; a data set never changes.

    Raises
    ------
    NotFoundError, DamageError
        If there is none, or it cannot be read.
    """
    return _read(layout.datasets / dataset)


@lru_cache(maxsize=2)
def _read(folder: Path) -> Usual:
    dataset = Dataset.open(folder)
    most = count_most(next(iter(dataset.layers.values())).axes)
    if len(dataset) <= most:
        rows, samples = np.arange(len(dataset)), dataset.read()
    else:
        rows = np.sort(np.random.default_rng(0).permutation(len(dataset))[:most])
        samples = dataset.read(rows)
    return Usual(dataset.id, samples, read_pixels(dataset, rows))


def count_most(axes: Mapping[str, tuple[str, ...]]) -> int:
    """Return how many samples with these dimensions are drawn."""
    values = math.prod(len(labels) for labels in axes.values())
    return max(1, min(MOST, MOST_BYTES // (4 * values)))


def read_pixels(dataset: Dataset, rows: NDArray[np.intp]) -> NDArray[np.int64] | None:
    """Return the class values (k, y, x) of the pixels of chips, −1 where there is none; None without such."""
    if PIXEL_LABELS not in dataset.layers:
        return None
    answers = Answers(dataset, rows, PIXEL_LABELS)
    place = answers.read(rows)
    classes = np.append(answers.classes, -1)  # where the place −1 leads
    return classes[place].astype(np.int64)

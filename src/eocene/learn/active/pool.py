"""Samples that nobody has labelled: places drawn by chance from the area of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.dataset import FEATURES
from eocene.curate.faults import admit, list_proofs
from eocene.curate.sampling import Recipe, build_dataset
from eocene.curate.sampling.labels import LabelWindow

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.curate import Dataset, Draw, Samples
    from eocene.model import Grid
    from eocene.process import Plan
    from eocene.process.progress import Progress

UNLABELLED = "unlabelled"
"""The class of samples that nobody has labelled."""
_OF_LABELS = ("nodata", "conflicts")
_REASON = "A round only says what to ask next: its labels pass the whole gate before others learn them."


class NoLabels:
    """Labels where there are none: every pixel may be drawn."""

    source = "nobody"

    @property
    def class_names(self) -> dict[int, str]:
        """Return the name of the one class."""
        return {0: UNLABELLED}

    def read(self, window: Grid) -> LabelWindow:
        """Return the one class for all pixels of a window."""
        zeros = np.zeros(window.shape, np.int64)
        return LabelWindow(zeros, np.ones(window.shape, bool), zeros)

    def describe(self, features: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return nothing: there is no source of labels."""
        return {}


def draw_pool(
    folder: Path, plan: Plan, draw: Draw, *, name: str = "pool", progress: Progress | None = None
) -> Dataset:
    """Draw samples to be labelled and store them in ``folder/<id>``.

    Parameters
    ----------
    folder : Path
        Of data sets.
    plan : Plan
        Of the features.
    draw : Draw
        What a sample is; ``per_stratum`` is how many at most, spread by chance over the area of the plan.
    name : str
        The readable part of the id.
    progress : callable, optional
        Called with (finished windows, all windows).

    Raises
    ------
    InputError
        If the plan gives no samples of the kind.
    """
    return build_dataset(folder, Recipe({FEATURES: plan}, NoLabels(), draw, name), progress=progress)


def admit_round(known: Samples) -> Samples:
    """Return the samples of a round as its model may learn them: a pool has the faults that it has.

    Refused are only what the answers themselves get wrong: labels of what holds nothing, and unlike ones of
    what is equal.
    """
    return admit(known, [kind for kind in list_proofs() if kind not in _OF_LABELS], _REASON)

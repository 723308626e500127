"""What a model that answers for each pixel of a chip says of some of them: the mean over these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.explain.batches import cut_rows
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.learn.explain.parts import Answering


@dataclass(frozen=True, eq=False)
class MeanOverPixels:
    """Answers once for a chip: the mean score of each class over the selected pixels.

    Parameters
    ----------
    model : Answering
        Gives (n, k, y, x).
    where : (y, x) bool
        The pixels; the same of every chip that is asked about.

    Raises
    ------
    InputError
        If no pixel is selected.
    """

    model: Answering
    where: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if not self.where.any():
            raise InputError("No pixel of the chip is selected.", "Select at least one that has data.")

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Return the (n, k) means of (n, …, y, x) chips."""
        answers = []
        for part in cut_rows(len(features), features[:1].size):
            answer = np.asarray(self.model.estimate_probabilities(features[part]))
            self._check(answer)
            answers.append(answer[:, :, self.where].mean(axis=2, dtype=np.float64))
        return np.concatenate(answers)

    def _check(self, answer: NDArray[Any]) -> None:
        if answer.ndim != 4 or answer.shape[2:] != self.where.shape:
            raise InputError(
                f"The model answers with shape {answer.shape[1:]} for a chip; the selected pixels have "
                f"{self.where.shape}.",
                "Take a model that answers per pixel, and a mask of the chip's rows and columns.",
            )


def select_known(chip: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels (y, x) of a (…, y, x) chip on which any value is known."""
    known: NDArray[np.bool_] = np.isfinite(chip).any(axis=tuple(range(chip.ndim - 2)))
    return known

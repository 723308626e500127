"""Which samples to label next: those that a model is unsure of, and unlike each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

POOL = 5
"""Candidates for each sample that is chosen: the unsurest, of which unlike ones are taken."""


def measure_doubt(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Return (n,) doubt of (n, k) probabilities: 1 less the margin of the first class over the second.

    Source: Scheffer et al. 2001, doi:10.1007/3-540-44816-0_31.
    """
    ranked = np.sort(np.asarray(probabilities, dtype=np.float64), axis=1)
    doubt: NDArray[np.float64] = 1 - (ranked[:, -1] - ranked[:, -2])
    return doubt


def choose_unlike(
    vectors: NDArray[Any],
    count: int,
    *,
    known: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
) -> NDArray[np.intp]:
    """Return rows that cover the others, one after the other the farthest from all chosen and known.

    Parameters
    ----------
    vectors : (n, d) float
        Scaled features or embeddings.
    count : int
        At most n.
    known : (m, d) float, optional
        What is labelled already.
    weight : (n,) float, optional
        By which distances are multiplied, so that some rows are wanted more.

    Source: Sener & Savarese 2018, arXiv:1708.00489 (greedy k-centres).
    """
    rows = np.asarray(vectors, dtype=np.float64)
    wanted = np.ones(len(rows)) if weight is None else np.asarray(weight, dtype=np.float64)
    if known is not None and len(known):
        reach = np.min([np.linalg.norm(rows - one, axis=1) for one in np.asarray(known)], axis=0)
    else:
        reach = np.full(len(rows), np.inf)
    chosen: list[int] = []
    for _ in range(min(count, len(rows))):
        gain = np.where(np.isinf(reach), wanted, reach * wanted)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        reach = np.minimum(reach, np.linalg.norm(rows - rows[chosen[-1]], axis=1))
    return np.asarray(chosen, dtype=np.intp)


def choose_samples(
    probabilities: NDArray[Any], vectors: NDArray[Any], count: int, *, pool: int = POOL
) -> NDArray[np.intp]:
    """Return the rows to label next: of the unsurest, those that are unlike each other.

    Parameters
    ----------
    probabilities : (n, k) float
        Of the samples without a label.
    vectors : (n, d) float
        Their features or embeddings, scaled alike.
    count : int
        How many labels can be had; all rows where there are fewer.
    pool : int
        Times ``count`` unsure rows are looked at; 1 is doubt alone, many is variety alone.

    Raises
    ------
    InputError
        If counts are below 1 or lengths differ.
    """
    if count < 1 or pool < 1 or len(vectors) != len(probabilities):
        raise InputError(
            f"{count} of {len(probabilities)} samples with {len(vectors)} vectors cannot be chosen.",
            "Give one vector a sample, and counts above 0.",
        )
    doubt = measure_doubt(probabilities)
    candidates = np.argsort(-doubt, kind="stable")[: pool * count]
    unlike = choose_unlike(vectors[candidates], count, weight=doubt[candidates] + 1e-9)
    return np.sort(candidates[unlike])


def choose_first(vectors: NDArray[Any], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the sorted rows to begin with: one drawn by chance, and what is unlike it and each other."""
    start = rng.integers(0, len(vectors), 1)
    rows: NDArray[np.intp] = np.union1d(start, choose_unlike(vectors, count, known=vectors[start]))[:count]
    return rows


def scale_vectors(features: NDArray[Any]) -> NDArray[np.float64]:
    """Return features as (n, d) rows of zero mean and unit variance; what is missing is 0."""
    rows = np.ma.masked_invalid(np.asarray(features, dtype=np.float64).reshape(len(features), -1))
    spread = rows.std(axis=0).filled(0.0)
    scaled = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return np.asarray(scaled.filled(0.0), dtype=np.float64)

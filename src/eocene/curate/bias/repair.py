"""What repairs a bias: weights for the samples that are there, and a plan for those to be labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.curate.bias.facts import Facts

_ROUNDS, _CLOSE = 200, 1e-6


def rake(ours: Facts, theirs: Facts, factors: Sequence[str], limit: float = 20.0) -> NDArray[np.float64]:
    """Weigh samples so that each factor has the shares that it has where the model will be used.

    Iterative proportional fitting (Deming & Stephan 1940, doi:10.1214/aoms/1177731829).

    Parameters
    ----------
    ours, theirs : dict of str to (n,) and (m,) str
    factors : sequence of str
        Categories that no sample has cannot be weighed; the others share their part.
    limit : float
        No sample counts more than this many times the mean.

    Returns
    -------
    (n,) float64
        Weights with the mean 1.

    Raises
    ------
    InputError
        If a factor is unknown on either side.
    """
    _check_factors(ours, theirs, factors)
    weight = np.ones(len(ours[factors[0]]))
    parts = [_match(ours[f], theirs[f]) for f in factors]
    for _ in range(_ROUNDS):
        before = weight.copy()
        for which, wanted in parts:
            share = np.bincount(which, weight, len(wanted))
            weight *= (wanted / np.maximum(share, 1e-12))[which]
        weight = np.minimum(weight / weight.mean(), limit)
        if np.abs(weight - before).max() < _CLOSE:
            break
    return np.asarray(weight / weight.mean())


def measure_effective_size(weights: NDArray[np.float64]) -> float:
    """Return how many equal samples tell as much as weighted ones (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


@dataclass(frozen=True)
class Plan:
    """How many samples to label in each cell of several factors.

    Parameters
    ----------
    factors : tuple of str
    cells : dict of tuple of str to int
        Samples for each combination of categories.
    """

    factors: tuple[str, ...]
    cells: Mapping[tuple[str, ...], int]

    @property
    def budget(self) -> int:
        """Samples of all cells together."""
        return sum(self.cells.values())

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        cells = [{"cell": list(cell), "samples": n} for cell, n in sorted(self.cells.items())]
        return {"factors": list(self.factors), "budget": self.budget, "cells": cells}

    def draw(self, candidates: Facts, seed: int) -> NDArray[np.intp]:
        """Return the sorted rows of candidates to label: of each cell as many as planned, at random."""
        keys = join_cells(candidates, self.factors)
        rng = np.random.default_rng(seed)
        chosen = [
            rng.permutation(np.flatnonzero(keys == _join(cell)))[:count]
            for cell, count in sorted(self.cells.items())
        ]
        return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.intp)


def plan_samples(
    theirs: Facts,
    candidates: Facts,
    factors: Sequence[str],
    budget: int,
    *,
    protect: str | None = None,
    floor: float = 0.5,
) -> Plan:
    """Share a budget of labels among cells as the model will be used there.

    Parameters
    ----------
    theirs : dict of str to (m,) str
        Where the model will be used.
    candidates : dict of str to (n,) str
        What could be labelled; no cell is asked for more than it has, and the others take what is left.
    factors : sequence of str
        Their combinations are the cells.
    budget : int
        Labels in all.
    protect : str, optional
        One of the factors, such as "region", none of whose categories may be short.
    floor : float
        Each protected category has at least this part of an equal share.

    Raises
    ------
    InputError
        If a factor is unknown, or there are fewer candidates than the budget in the cells of use.
    """
    _check_factors(theirs, candidates, [*factors, *([protect] if protect else [])])
    cells, counts = np.unique(join_cells(theirs, factors), return_counts=True)
    share = counts / counts.sum()
    if protect is not None:
        share = _lift(share, theirs, factors, protect, cells, floor)
    there, held = np.unique(join_cells(candidates, factors), return_counts=True)
    at = np.searchsorted(there, cells)
    room = np.where(there[at % len(there)] == cells, held[at % len(there)], 0)
    if room.sum() < budget:
        raise InputError(
            f"Only {room.sum()} candidates lie in the cells where the model will be used.",
            f"Plan fewer than {budget}, or with fewer factors.",
        )
    quotas = _round(_fill(share, room, budget), room, budget)
    told = {tuple(str(c).split(_MARK)): int(n) for c, n in zip(cells, quotas, strict=True) if n}
    return Plan(tuple(factors), told)


_MARK = "\x1f"


def join_cells(facts: Facts, factors: Sequence[str]) -> NDArray[np.str_]:
    """Return (n,) names of the combinations of several factors."""
    joined = facts[factors[0]].astype(str)
    for factor in factors[1:]:
        joined = np.char.add(np.char.add(joined, _MARK), facts[factor].astype(str))
    return joined


def _join(cell: tuple[str, ...]) -> str:
    return _MARK.join(cell)


def _lift(
    share: NDArray[np.float64],
    theirs: Facts,
    factors: Sequence[str],
    protect: str,
    cells: NDArray[np.str_],
    floor: float,
) -> NDArray[np.float64]:
    """Raise the cells of short categories of the protected factor to their least part."""
    if protect not in factors:
        raise InputError(f"{protect!r} is protected but not planned for.", f"Add it to {list(factors)}.")
    names, which = np.unique(
        [str(c).split(_MARK)[factors.index(protect)] for c in cells], return_inverse=True
    )
    held = np.bincount(which, share, len(names))
    wanted = np.maximum(held, floor / len(names))
    return np.asarray(share * (wanted / wanted.sum() / held)[which])


def _fill(share: NDArray[np.float64], room: NDArray[np.intp], budget: int) -> NDArray[np.float64]:
    """Share a budget in proportion, where what a full cell cannot take goes to the others."""
    quota = np.zeros(len(share))
    open_cells = room > 0
    while open_cells.any() and budget - quota.sum() > 1e-9:
        left = budget - quota.sum()
        quota[open_cells] += left * share[open_cells] / share[open_cells].sum()
        quota = np.minimum(quota, room)
        open_cells = quota < room
    return quota


def _round(quota: NDArray[np.float64], room: NDArray[np.intp], budget: int) -> NDArray[np.intp]:
    """Round to whole samples of the same sum, by the largest remainders."""
    whole = np.floor(quota).astype(np.intp)
    order = np.argsort(-(quota - whole), kind="stable")
    for cell in [*order, *order]:
        if whole.sum() == budget:
            break
        if whole[cell] < room[cell]:
            whole[cell] += 1
    return whole


def _match(ours: NDArray[np.str_], theirs: NDArray[np.str_]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the (n,) category of each sample and the (k,) share that each category should have."""
    names, which = np.unique(ours, return_inverse=True)
    wanted = np.array([(theirs == name).sum() for name in names], dtype=float)
    # What is not used anywhere keeps a little, so that no sample counts for nothing.
    wanted = np.maximum(wanted, 1e-3 * len(theirs) / len(names))
    return which.reshape(-1), wanted / wanted.sum() * len(ours)


def _check_factors(ours: Facts, theirs: Facts, factors: Sequence[str]) -> None:
    missing = [f for f in factors if f not in ours or f not in theirs]
    if missing or not factors:
        both = sorted(set(ours) & set(theirs))
        raise InputError(f"The factors {missing} are not known on both sides.", f"Known are {both}.")

"""The bias report: samples beside the places and times where the model will be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.bias.groups import GroupShare, find_removed, find_worst, list_shares
from eocene.curate.bias.repair import Plan, measure_effective_size, plan_samples, rake
from eocene.curate.bias.shift import Shift, measure_shift
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.curate.bias.facts import Facts

FORMAT = "eocene-bias-1"
NOTABLE, CERTAIN = 0.05, 0.01


@dataclass(frozen=True, eq=False)
class BiasReport:
    """How samples differ from use, what that costs, and what repairs it.

    Parameters
    ----------
    size : int
        Samples.
    shifts : tuple of Shift
        The largest first.
    weights : (n,) float64
        What makes the notable shifts good; all 1 if there are none.
    plan : Plan or None
        Where to label as many samples anew; None if nothing is notable or not enough can be labelled.
    removed : tuple of GroupShare
        What the cloud filter removed; empty without one.
    errors : tuple of GroupShare
        Wrong answers by category; empty without answers.
    """

    size: int
    shifts: tuple[Shift, ...]
    weights: NDArray[np.float64]
    plan: Plan | None = None
    removed: tuple[GroupShare, ...] = ()
    errors: tuple[GroupShare, ...] = field(default=())

    @property
    def notable(self) -> list[Shift]:
        """The shifts that are neither small nor chance: over 5 % of the samples, p ≤ 0.01."""
        return [s for s in self.shifts if s.size >= NOTABLE and s.p_value <= CERTAIN]

    @property
    def worst(self) -> dict[str, GroupShare]:
        """For each factor the category with most wrong answers."""
        return find_worst(list(self.errors))

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON; the weights as their summary, since they go into a column."""
        return {
            "format": FORMAT,
            "size": self.size,
            "notable": [s.factor for s in self.notable],
            "shifts": [s.to_json() for s in self.shifts],
            "weights": {
                "effective_size": round(measure_effective_size(self.weights), 1),
                "greatest": round(float(self.weights.max()), 3),
            },
            "plan": self.plan.to_json() if self.plan else None,
            "removed": [g.to_json() for g in self.removed],
            "errors": [g.to_json() for g in self.errors],
            "worst": {factor: g.to_json() for factor, g in self.worst.items()},
        }


def measure_bias(
    ours: Facts,
    theirs: Facts,
    *,
    candidates: Facts | None = None,
    seen: tuple[Facts, NDArray[np.float64], float] | None = None,
    wrong: NDArray[np.bool_] | None = None,
    protect: str | None = None,
    seed: int = 0,
) -> BiasReport:
    """Compare samples with the places and times where the model will be used.

    Parameters
    ----------
    ours, theirs : dict of str to (n,) and (m,) str
        Facts of :func:`eocene.curate.bias.find_facts`; factors that both have are compared.
    candidates : dict of str to (k,) str, optional
        What could be labelled instead; without, what ``theirs`` holds.
    seen : (facts, cloud, limit), optional
        All that was seen before the cloud filter, its share of cloud, and the filter.
    wrong : (n,) bool, optional
        Whether a model that did not learn from the sample answered it wrongly.
    protect : str, optional
        A factor none of whose categories may be short in the plan.
    seed : int
        Decides the draws.

    Raises
    ------
    InputError
        If the two have no factor in common.
    """
    common = [factor for factor in ours if factor in theirs]
    if not common:
        raise InputError("Samples and use have no factor in common.", "Give both a region, time or cloud.")
    shifts = [measure_shift(f, ours[f], theirs[f], seed=seed) for f in common]
    shifts.sort(key=lambda s: -s.size)
    size = len(ours[common[0]])
    report = BiasReport(size, tuple(shifts), np.ones(size))
    repaired = [s.factor for s in report.notable]
    return BiasReport(
        size=size,
        shifts=tuple(shifts),
        weights=rake(ours, theirs, repaired) if repaired else report.weights,
        plan=_plan(theirs, candidates or theirs, repaired, size, protect),
        removed=tuple(find_removed(*seen)) if seen else (),
        errors=tuple(list_shares(wrong, ours)) if wrong is not None else (),
    )


def _plan(
    theirs: Facts, candidates: Facts, factors: Sequence[str], size: int, protect: str | None
) -> Plan | None:
    known = [f for f in factors if f in candidates and f != "class"]
    if not known:
        return None
    protected = protect if protect in known else None
    try:
        return plan_samples(theirs, candidates, known, size, protect=protected)
    except InputError:  # too few candidates: the weights are what is left
        return None

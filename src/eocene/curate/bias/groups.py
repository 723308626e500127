"""What happens to parts of the whole: what a cloud filter removes, and where a model is worst."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate.bias.facts import Facts

_Z = 1.96


@dataclass(frozen=True)
class GroupShare:
    """A share in one category, with its 95 % interval (Wilson 1927).

    Parameters
    ----------
    factor, name : str
    count : int
        Samples of the category.
    share : float
        Of them: wrong answers, or removed samples.
    low, high : float
    """

    factor: str
    name: str
    count: int
    share: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Return the share as JSON."""
        return asdict(self)


def list_shares(hit: NDArray[np.bool_], facts: Facts) -> list[GroupShare]:
    """Return what share of each category of each factor is hit, the greatest of a factor first."""
    told = []
    for factor, values in facts.items():
        names, which = np.unique(values, return_inverse=True)
        count = np.bincount(which, minlength=len(names))
        hits = np.bincount(which, hit.astype(float), len(names))
        for k in np.argsort(-hits / count, kind="stable"):
            low, high = _bound(hits[k] / count[k], int(count[k]))
            told.append(
                GroupShare(factor, str(names[k]), int(count[k]), float(hits[k] / count[k]), low, high)
            )
    return told


def find_removed(facts: Facts, cloud: NDArray[np.float64], limit: float) -> list[GroupShare]:
    """Return what share of each category a cloud filter removes, the greatest of a factor first.

    Parameters
    ----------
    facts : dict of str to (n,) str
        Of all that was seen, before the filter.
    cloud : (n,) float64
        Shares of cloud, 0 to 1.
    limit : float
        What has more goes.

    Raises
    ------
    InputError
        If the limit is no share.
    """
    if not 0 <= limit <= 1:
        raise InputError(f"A limit of {limit} is no share of cloud.", "Give a number from 0 to 1.")
    rest = {factor: values for factor, values in facts.items() if factor != "cloud"}
    return list_shares(np.nan_to_num(cloud, nan=1.0) > limit, rest)


def find_worst(shares: list[GroupShare], least: int = 20) -> dict[str, GroupShare]:
    """Return the category of each factor in which the share is greatest, of those with enough samples."""
    worst: dict[str, GroupShare] = {}
    for each in shares:
        if each.count >= least and (each.factor not in worst or each.share > worst[each.factor].share):
            worst[each.factor] = each
    return worst


def _bound(share: float, n: int) -> tuple[float, float]:
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * float(np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)))
    return max(0.0, middle - half), min(1.0, middle + half)

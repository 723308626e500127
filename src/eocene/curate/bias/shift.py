"""How far the shares of categories among samples are from those where the model will be used."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DRAWS = 999


@dataclass(frozen=True)
class Shift:
    """The difference between samples and use in one factor.

    Parameters
    ----------
    factor : str
    size : float
        Total variation: the share of the samples that would have to be elsewhere, 0 to 1.
    low, high : float
        Its 95 % interval, by the bootstrap, less what chance alone makes of equal shares.
    p_value : float
        How often samples drawn at random from where the model will be used differ as much.
    shares, wanted : dict of str to float
        Shares among the samples, and where the model will be used.
    most, least : str
        The categories that have most and least of what they should.
    """

    factor: str
    size: float
    low: float
    high: float
    p_value: float
    shares: dict[str, float]
    wanted: dict[str, float]
    most: str
    least: str

    def to_json(self) -> dict[str, Any]:
        """Return the shift as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        most, least = (
            f"{name} {100 * self.shares[name]:.0f} % instead of {100 * self.wanted[name]:.0f} %"
            for name in (self.most, self.least)
        )
        return (
            f"{self.factor}: {100 * self.size:.0f} % of the samples lie elsewhere than they should "
            f"({100 * self.low:.0f} to {100 * self.high:.0f} %, p = {self.p_value:.3f}): {most}, {least}"
        )


def measure_shift(
    factor: str,
    ours: NDArray[np.str_],
    theirs: NDArray[np.str_],
    *,
    weights: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> Shift:
    """Compare the categories of samples with those of the places where the model will be used.

    Parameters
    ----------
    factor : str
    ours : (n,) str
        Categories of the samples.
    theirs : (m,) str
        Categories where the model will be used.
    weights : (n,) float, optional
        How much each sample counts.
    seed : int
        Decides the draws of the test and of the interval.
    """
    names, which = np.unique(np.concatenate([ours, theirs]), return_inverse=True)
    mine, use = which[: len(ours)], which[len(ours) :]
    weight = np.ones(len(ours)) if weights is None else np.asarray(weights, float)
    share = np.bincount(mine, weight, len(names)) / weight.sum()
    wanted = np.bincount(use, minlength=len(names)) / len(use)
    size = _differ(share, wanted)
    effective = max(1, round(weight.sum() ** 2 / (weight**2).sum()))
    rng = np.random.default_rng(seed)
    # Both samples and places of use are draws: places may be few.
    chance = _differ(_draw(rng, effective, wanted), _draw(rng, len(use), wanted))
    again = _differ(_draw(rng, effective, share), _draw(rng, len(use), wanted))
    # A total variation of draws is too large by what chance adds; the interval is centred on the estimate.
    low, high = np.quantile(2 * size - again, [0.025, 0.975])
    ratio = (share + 0.5 / effective) / (wanted + 0.5 / effective)
    return Shift(
        factor=factor,
        size=float(size),
        low=float(np.clip(low, 0, 1)),
        high=float(np.clip(high, 0, 1)),
        p_value=float((1 + (chance >= size).sum()) / (1 + _DRAWS)),
        shares={str(n): float(v) for n, v in zip(names, share, strict=True)},
        wanted={str(n): float(v) for n, v in zip(names, wanted, strict=True)},
        most=str(names[ratio.argmax()]),
        least=str(names[ratio.argmin()]),
    )


def _differ(one: NDArray[Any], other: NDArray[Any]) -> Any:
    return np.abs(one - other).sum(axis=-1) / 2


def _draw(rng: np.random.Generator, size: int, share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rng.multinomial(size, share, _DRAWS) / size)

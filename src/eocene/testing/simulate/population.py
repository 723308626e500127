"""A simulated population of pixels over four regions and a year, and biased draws of known size from it.

The spectra of its covers depend on region and season, so a model that saw few samples of a region or season
errs there; clouds add haze.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eocene.curate import Samples
from eocene.testing.simulate.labelled import BANDS, NAMES, SPECTRA
from eocene.testing.simulate.noise import derive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

REGIONS = ("coast", "plain", "hills", "delta")
REGION_SHARES = (0.3, 0.3, 0.25, 0.15)
TOLD = {
    "region": {"coast": 3.0, "plain": 1.5, "hills": 0.4, "delta": 0.15},
    "season": {"winter": 0.3, "spring": 1.0, "summer": 3.0, "autumn": 0.7},
    "cloud": {"0–10 %": 3.0, "10–30 %": 1.5, "30–60 %": 0.5, "60–100 %": 0.1},
}
"""How many times more or less often a category is drawn than it occurs."""


@dataclass(frozen=True)
class BiasedDraw:
    """Rows that were drawn with a bias.

    Parameters
    ----------
    rows : (n,) int
    sizes : dict of str to float
        The planted shift of each factor: the total variation between the shares that rows are drawn with and
        those of the population.
    """

    rows: NDArray[np.intp]
    sizes: dict[str, float]


def simulate_population(count: int = 20_000, seed: int = 0) -> Samples:
    """Make pixels of five covers with columns "region", "time", "cloud", and "sensor", which says nothing."""
    rng = derive(seed, "population")
    region = rng.choice(len(REGIONS), count, p=REGION_SHARES)
    day = rng.integers(0, 365, count)
    cloud = rng.beta(0.7, 1.2, count)
    cover = rng.integers(0, len(SPECTRA), count)
    # Each region bends the spectra of each cover its own way, each season too.
    of_region = derive(seed, "regions").normal(0, 0.35, (len(REGIONS), *SPECTRA.shape))
    of_region[0] = 0.0
    of_season = derive(seed, "seasons").normal(0, 0.2, (4, *SPECTRA.shape))
    season = (day // 30 % 12 + 1) % 12 // 3
    bend = np.exp(of_region[region, cover] + of_season[season, cover])
    seen = SPECTRA[cover] * bend * (1 + 0.15 * rng.normal(size=(count, len(BANDS))))
    haze = 0.15 * cloud[:, None] * rng.uniform(0.5, 1.0, (count, 1))
    edge = 40_000.0
    return Samples(
        features=np.maximum(seen * (1 - cloud[:, None] * 0.3) + haze, 0.001).astype(np.float32),
        labels=cover + 1,
        x=400_000 + edge * (region % 2) + rng.uniform(0, edge, count),
        y=5_000_000 + edge * (region // 2) + rng.uniform(0, edge, count),
        epsg=32631,
        axes={"features": BANDS},
        class_names=NAMES,
        sources={"simulated": {"seed": seed, "kind": "population"}},
        name="simulated-population",
        columns={
            "region": np.array(REGIONS)[region],
            "time": np.datetime64("2024-01-01", "s") + day * np.timedelta64(86_400, "s"),
            "cloud": cloud,
            "sensor": np.array(["S2A", "S2B"])[rng.integers(0, 2, count)],
        },
    )


def draw_biased(
    facts: Mapping[str, NDArray[np.str_]],
    count: int,
    seed: int = 0,
    told: Mapping[str, Mapping[str, float]] = TOLD,
) -> BiasedDraw:
    """Draw rows of a population more often where ``told`` says so, and say how large the shifts are.

    Parameters
    ----------
    facts : dict of str to (n,) str
        Categories of the population.
    count : int
        Rows, without repetition; much fewer than there are.
    seed : int
        Decides which.
    told : mapping of factor to mapping of category to float
        How many times more or less often.
    """
    weight = np.ones(len(next(iter(facts.values()))))
    for factor, odds in told.items():
        weight *= np.array([odds.get(str(name), 1.0) for name in facts[factor]])
    weight /= weight.sum()
    rows = derive(seed, "biased").choice(len(weight), count, replace=False, p=weight)
    sizes = {}
    for factor, values in facts.items():
        which = np.unique(values, return_inverse=True)[1]
        drawn, held = np.bincount(which, weight), np.bincount(which) / len(values)
        sizes[factor] = float(np.abs(drawn - held).sum() / 2)
    return BiasedDraw(np.sort(rows), sizes)

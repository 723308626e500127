"""Simulated labelled samples without a fault: chips and series of a few land covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from eocene.curate import Samples
from eocene.model import InputError
from eocene.testing.simulate.noise import derive, rough_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = {1: "water", 2: "forest", 3: "cropland", 4: "grassland", 5: "bare soil"}
SPECTRA = np.array(
    [
        [0.060, 0.055, 0.045, 0.035, 0.025, 0.020, 0.018, 0.015, 0.010, 0.008],
        [0.025, 0.040, 0.028, 0.075, 0.180, 0.220, 0.240, 0.250, 0.120, 0.055],
        [0.055, 0.080, 0.085, 0.130, 0.240, 0.280, 0.300, 0.310, 0.230, 0.150],
        [0.045, 0.085, 0.060, 0.140, 0.320, 0.390, 0.420, 0.430, 0.200, 0.100],
        [0.110, 0.150, 0.190, 0.215, 0.235, 0.250, 0.270, 0.280, 0.360, 0.320],
    ]
)
"""Reflectance of each cover in ten bands of Sentinel-2, rounded from common spectral libraries."""
BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
PIXEL_M, CHIP = 10.0, 16
_SEASON = np.array([0.05, 0.15, 0.9, 0.5, 0.1])
_PEAK = np.array([200.0, 190.0, 165.0, 140.0, 200.0])


def simulate_samples(
    count: int = 2000,
    seed: int = 0,
    *,
    kind: Literal["chips", "series"] = "chips",
    dates: int = 20,
    noise: float = 1.0,
) -> Samples:
    """Make samples of five covers whose labels, places and times are all right.

    Parameters
    ----------
    count : int
        Samples, 25 or more.
    seed : int
        Decides everything.
    kind : "chips" or "series"
        Chips of 4 bands × 16 × 16 pixels, or series of ``dates`` × 10 bands, a tenth of which is missing.
    dates : int
        Dates of a series, over one year.
    noise : float
        How much samples of a cover differ, in units of the default.

    Returns
    -------
    Samples
        In EPSG:32631, no footprint overlapping another; columns "sample", "time", "label_time", "item",
        "width_m", and "split": the eastern fifth is "test".

    Raises
    ------
    InputError
        If there are too few samples for the covers.
    """
    if count < 25:
        raise InputError(f"{count} samples are too few for five covers.", "Take 25 or more.")
    rng = derive(seed, "labelled", kind)
    x, y = _place(count, rng)
    cover = _cover(x, y, seed)
    features, axes = (
        _draw_chips(cover, rng, noise) if kind == "chips" else _draw_series(cover, rng, dates, noise)
    )
    day = np.datetime64("2024-05-01", "s") + rng.integers(0, 120, count) * np.timedelta64(86_400, "s")
    return Samples(
        features=features,
        labels=cover + 1,
        x=x,
        y=y,
        epsg=32631,
        axes=axes,
        class_names=NAMES,
        sources={"simulated": {"seed": seed, "kind": kind}},
        name=f"simulated-{kind}",
        columns={
            "sample": np.array([f"S{i:06d}" for i in range(count)]),
            "time": day,
            "label_time": day + rng.integers(-30, 30, count) * np.timedelta64(86_400, "s"),
            "item": np.array([f"S2A_{str(d)[:10].replace('-', '')}T105031_R051" for d in day]),
            "width_m": np.full(count, CHIP * PIXEL_M),
            "split": np.where(x > np.quantile(x, 0.8), "test", "train"),
        },
    )


def _place(count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put samples on a lattice whose cells hold a footprint and leave room around it."""
    edge = int(np.ceil(np.sqrt(count)))
    cell = rng.permutation(edge * edge)[:count]
    width, step = CHIP * PIXEL_M, 1.5 * CHIP * PIXEL_M
    jitter = rng.uniform(0, step - width, (2, count))
    return 400_000 + cell % edge * step + jitter[0], 5_000_000 + cell // edge * step + jitter[1]


def _cover(x: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Let covers lie in patches, all equally frequent."""
    height = rough_points(x, y, 2_500.0, 3, seed)
    bounds = np.quantile(height, [0.2, 0.4, 0.6, 0.8])
    # The order in which covers follow each other says nothing: neighbours are not more alike.
    return np.array([0, 3, 1, 4, 2])[np.searchsorted(bounds, height)]


def _draw_chips(
    cover: NDArray[np.int64], rng: np.random.Generator, noise: float
) -> tuple[NDArray[np.float32], dict[str, tuple[str, ...]]]:
    """Return (n, 4, 16, 16): a spectrum, how bright the day was, a texture that fits the bands, and noise."""
    n, bands = len(cover), [0, 1, 2, 6]
    spectrum = SPECTRA[cover][:, bands] * (1 + 0.05 * noise * rng.normal(size=(n, 4)))
    bright = 1 + 0.05 * noise * rng.normal(size=(n, 1, 1, 1))
    texture = rng.normal(size=(n, 1, CHIP + 2, CHIP + 2))
    smooth = sum(texture[:, :, i : i + CHIP, j : j + CHIP] for i in range(3) for j in range(3)) / 3.0
    grain = 1 + 0.10 * smooth + 0.04 * rng.normal(size=(n, 4, CHIP, CHIP))
    chips = np.maximum(spectrum[:, :, None, None] * bright * grain, 0.001)
    pixels = tuple(str(i) for i in range(CHIP))
    return chips.astype(np.float32), {"bands": tuple(BANDS[b] for b in bands), "y": pixels, "x": pixels}


def _draw_series(
    cover: NDArray[np.int64], rng: np.random.Generator, dates: int, noise: float
) -> tuple[NDArray[np.float32], dict[str, tuple[str, ...]]]:
    """Return (n, t, 10): a spectrum that leaves soil and comes back to it with the season, and noise."""
    n = len(cover)
    day = np.linspace(10, 355, dates)
    peak = _PEAK[cover] + 6 * noise * rng.normal(size=n)
    green = np.exp(-0.5 * ((day - peak[:, None]) / 45.0) ** 2)
    part = (1 - _SEASON[cover])[:, None] + _SEASON[cover][:, None] * green
    soil = SPECTRA[4] * (1 + 0.15 * noise * rng.normal(size=(n, 1)))
    leaf = SPECTRA[cover] * (1 + 0.06 * noise * rng.normal(size=(n, 1)))
    series = part[:, :, None] * leaf[:, None, :] + (1 - part)[:, :, None] * soil[:, None, :]
    series *= 1 + 0.05 * rng.normal(size=(n, dates, 1)) + 0.03 * rng.normal(size=(n, dates, 10))
    features = np.maximum(series, 0.001).astype(np.float32)
    features[rng.random((n, dates)) < 0.1] = np.nan
    first = np.datetime64("2024-01-01", "D")
    labels = tuple(str(first + np.timedelta64(round(d), "D")) for d in day)
    return features, {"t": labels, "bands": BANDS}

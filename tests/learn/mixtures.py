"""Simulated mixtures of land covers whose shares are known."""

from __future__ import annotations

import numpy as np

from eocene.curate import Samples
from eocene.testing.simulate.labelled import SPECTRA
from eocene.testing.simulate.noise import rough_points

CLASSES = {2: "water", 5: "forest", 7: "bare soil"}
BANDS = ("B02", "B03", "B04", "B08")
_SPECTRA = SPECTRA[np.ix_([0, 1, 4], [0, 1, 2, 6])]
_GREEN = np.array([[0.0], [0.6], [0.2]])


def simulate_mixtures(form: str = "series", count: int = 240, *, seed: int = 0) -> Samples:
    """Three covers in shares that change over two kilometres of ground; each sample shows their mixture.

    ``form`` is "series" (5 dates × 4 bands) or "chips" (4 bands × 8 × 8 pixels, each of one cover). A tenth
    of the pixels has no label; the label of a sample is its main cover.
    """
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 2000, (2, count))
    heights = np.stack([rough_points(x, y, 700.0, 3, seed + k) for k in range(3)], axis=1)
    wanted = np.exp(1.2 * (heights - heights.mean(axis=0)) / heights.std(axis=0))
    wanted /= wanted.sum(axis=1, keepdims=True)
    pixels = (rng.random((count, 64, 1)) > wanted[:, None].cumsum(axis=2)[..., :2]).sum(axis=2)
    known = rng.random((count, 64)) > rng.uniform(0, 0.5, (count, 1))
    shares = ((pixels[..., None] == range(3)) & known[..., None]).sum(axis=1) / known.sum(axis=1)[:, None]
    pure = _SPECTRA[pixels] * (1 + 0.1 * rng.normal(size=(count, 64, 1)))
    if form == "chips":
        axes = {"bands": BANDS, "y": tuple("01234567"), "x": tuple("01234567")}
        features = pure.transpose(0, 2, 1).reshape(count, 4, 8, 8)
    else:
        axes = {"t": ("2024-04-01", "2024-05-01", "2024-06-01", "2024-07-01", "2024-08-01"), "bands": BANDS}
        rise = np.zeros((4, 5))
        rise[3] = np.sin(np.linspace(0, np.pi, 5))  # leaves grow in the near infrared
        features = (pure[..., None] * (1 + _GREEN[pixels, None] * rise)).mean(axis=1).transpose(0, 2, 1)
        features[rng.random(features.shape[:2]) < 0.05] = np.nan
    features = features * (1 + 0.03 * rng.normal(size=features.shape))
    values = list(CLASSES)
    columns = {f"fraction_{value}": shares[:, k].astype(np.float32) for k, value in enumerate(values)}
    columns["labelled"] = known.mean(axis=1).astype(np.float32)
    labels = np.array(values)[shares.argmax(axis=1)]
    return Samples(features, labels, x, y, 32631, axes, CLASSES, columns=columns, name=f"mixed-{form}")

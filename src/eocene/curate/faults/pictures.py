"""Small pictures of samples: chips as PNG, series and rows as curves in SVG."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material

_SIZE = 104
_INKS = ("#0f766e", "#c2803a", "#7c5cbf", "#b3261e", "#3a7ac2", "#5f8a2a")
_RED_FIRST = (("B04", "B03", "B02"), ("red", "green", "blue"), ("r", "g", "b"))
_MISSING = 128


def draw_sample(material: Material, row: int) -> str:
    """Return a sample as an ``img`` or ``svg`` element of 104 × 104 pixels."""
    return _draw_chip(material, row) if material.is_image else _draw_curves(material, row)


def stretch_chip(material: Material, row: int) -> NDArray[np.uint8]:
    """Return a chip as (y, x, 3), stretched as all are: three spreads about the median; grey is missing."""
    height, width = material.shape[-2:]
    planes = material.read(np.array([row])).reshape(-1, height, width)
    chosen = _choose_bands(list(material.axes.get("bands", ())), len(planes))
    scale = [part.reshape(-1, height * width)[:, 0] for part in material.spread]
    shown = [(planes[b] - scale[0][b]) / (4 * scale[1][b]) + 0.4 for b in chosen]
    image = np.stack(shown, axis=-1)
    with np.errstate(invalid="ignore"):
        stretched = np.clip(255 * image, 0, 255)
    return np.where(np.isfinite(image), np.nan_to_num(stretched), _MISSING).astype(np.uint8)


def _choose_bands(names: list[str], planes: int) -> list[int]:
    for wanted in _RED_FIRST:
        if set(wanted) <= set(names):
            return [names.index(name) for name in wanted]
    return [min(i, planes - 1) for i in range(3)]


def _draw_chip(material: Material, row: int) -> str:
    png = bytes(imagecodecs.png_encode(np.ascontiguousarray(stretch_chip(material, row))))
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _draw_curves(material: Material, row: int) -> str:
    """Draw up to six groups of values, each a curve that breaks where values are missing."""
    planes = material.part_planes(material.read(np.array([row])))[0]
    low, high = _find_limits(material)
    parts = []
    for values, ink in zip(planes[:6], _INKS, strict=False):
        across = np.linspace(4, _SIZE - 4, max(len(values), 2))[: len(values)]
        down = _SIZE - 4 - (_SIZE - 8) * np.clip((values - low) / max(high - low, 1e-12), 0, 1)
        for run in _find_runs(values):
            points = " ".join(f"{across[i]:.1f},{down[i]:.1f}" for i in run)
            parts.append(f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-linecap="round"/>')
    return f'<svg viewBox="0 0 {_SIZE} {_SIZE}" aria-hidden="true">{"".join(parts)}</svg>'


def _find_limits(material: Material) -> tuple[float, float]:
    held = material.read(material.reference[:500])
    held = held[np.isfinite(held)]
    return (float(np.quantile(held, 0.01)), float(np.quantile(held, 0.99))) if len(held) else (0.0, 1.0)


def _find_runs(values: NDArray[Any]) -> list[NDArray[np.intp]]:
    there = np.flatnonzero(np.isfinite(values))
    return [run for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1) if len(run)]

"""From values to colours: stretches, colour maps and classes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

COLORMAPS: dict[str, tuple[str, ...]] = {
    "gray": ("#000000", "#ffffff"),
    "viridis": ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"),
    "ndvi": ("#8c510a", "#d8b365", "#f6e8c3", "#c7e9c0", "#5aae61", "#1b7837", "#00441b"),
    "blues": ("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"),
    "heat": ("#000004", "#57106e", "#bc3754", "#f98e09", "#fcffa4"),
    "redgreen": ("#a50026", "#f46d43", "#fee08b", "#a6d96a", "#006837"),
}
"""Control points at equal distances, from the least value to the greatest."""

_HEX = re.compile(r"^#?([0-9a-fA-F]{6})$")
_CYCLE = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")


def parse_colour(text: str) -> tuple[int, int, int]:
    """Return red, green and blue (0…255) of #rrggbb; raises InputError."""
    match = _HEX.match(str(text))
    if match is None:
        raise InputError(f"{text!r} is not a colour.", "Write it as #rrggbb.", code="ServiceConfigInvalid")
    number = int(match[1], 16)
    return number >> 16, number >> 8 & 255, number & 255


@lru_cache(maxsize=32)
def make_ramp(name: str) -> NDArray[np.uint8]:
    """Return the 256 colours of a colour map, (256, 3); raises InputError for an unknown name."""
    if name not in COLORMAPS:
        raise InputError(
            f"The colour map {name!r} is unknown.",
            f"Use one of {', '.join(sorted(COLORMAPS))}.",
            code="ServiceConfigInvalid",
        )
    points = np.array([parse_colour(text) for text in COLORMAPS[name]], dtype=np.float64)
    places = np.linspace(0, 255, len(points))
    channels = [np.interp(np.arange(256), places, points[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def stretch(values: NDArray[Any], least: float, greatest: float) -> NDArray[np.uint8]:
    """Return 0…255 for values from ``least`` to ``greatest``; no-data (NaN) becomes 0."""
    scaled = (np.nan_to_num(values, nan=least) - least) * (255.0 / max(greatest - least, 1e-12))
    levels: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return levels


def draw(values: NDArray[Any], bands: Sequence[str], style: dict[str, Any]) -> NDArray[np.uint8]:
    """Return an image (y, x, 4), RGBA, of values (bands, y, x); no-data is transparent.

    Parameters
    ----------
    values : array (bands, y, x) of float
        NaN is no-data.
    bands : sequence of str
        Names along the first axis; may be empty if there is one.
    style : dict
        See :class:`eocene.jobs.Layer`.
    """
    kind = style.get("kind", "continuous")
    planes = pick_bands(values, bands, style.get("bands"), 3 if kind == "rgb" else 1)
    opaque = np.where(np.isfinite(planes).all(axis=0), np.uint8(255), np.uint8(0))
    if kind == "classes":
        return _draw_classes(planes[0], style.get("classes", ()))
    least, greatest = float(style.get("min", 0)), float(style.get("max", 1))
    if kind == "rgb":
        colours = np.stack([stretch(plane, least, greatest) for plane in planes], axis=-1)
    else:
        colours = make_ramp(str(style.get("colormap", "viridis")))[stretch(planes[0], least, greatest)]
    return np.dstack([colours, opaque])


def pick_bands(
    values: NDArray[Any], bands: Sequence[str], wanted: Sequence[str] | None, count: int
) -> NDArray[Any]:
    """Return the ``count`` planes that the style names, or the first; raises InputError."""
    if wanted:
        missing = [name for name in wanted if name not in bands]
        if missing and bands:
            raise InputError(
                f"The style names the band {missing[0]!r}, which the result has not.",
                f"It has {', '.join(map(str, bands))}.",
                code="ServiceConfigInvalid",
            )
        if not missing:
            values = values[[list(bands).index(name) for name in wanted]]
    if len(values) < count:
        raise InputError(
            f"The style draws {count} bands and the result has {len(values)}.",
            "Name other bands or draw one band with a colour map.",
            code="ServiceConfigInvalid",
        )
    return values[:count]


def _draw_classes(plane: NDArray[Any], classes: Sequence[dict[str, Any]]) -> NDArray[np.uint8]:
    image = np.zeros((*plane.shape, 4), dtype=np.uint8)
    for number, entry in enumerate(classes):
        colour = parse_colour(class_colour(entry, number))
        image[plane == entry["value"]] = (*colour, 255)
    return image


def class_colour(entry: dict[str, Any], number: int) -> str:
    """Return the colour of a class: its own, its hint in STAC, or the next of a cycle."""
    chosen = entry.get("color") or entry.get("color_hint") or _CYCLE[number % len(_CYCLE)]
    return f"#{str(chosen).removeprefix('#')}"


def describe_legend(style: dict[str, Any]) -> dict[str, Any]:
    """Return what a map needs to draw the legend of a style: stops from value to colour, or classes."""
    kind = style.get("kind", "continuous")
    if kind == "classes":
        entries = [
            {"value": e["value"], "name": e.get("name", str(e["value"])), "color": class_colour(e, n)}
            for n, e in enumerate(style.get("classes", ()))
        ]
        return {"kind": kind, "classes": entries}
    least, greatest = float(style.get("min", 0)), float(style.get("max", 1))
    if kind == "rgb":
        return {"kind": kind, "bands": style.get("bands", []), "min": least, "max": greatest}
    colours = COLORMAPS.get(str(style.get("colormap", "viridis")), COLORMAPS["viridis"])
    values = np.linspace(least, greatest, len(colours))
    stops = [{"value": float(v), "color": c} for v, c in zip(values, colours, strict=True)]
    return {"kind": kind, "min": least, "max": greatest, "unit": style.get("unit"), "stops": stops}

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


@lru_cache(maxsize=32)
def _pack_ramp(name: str) -> NDArray[np.uint32]:
    """Return the 256 colours of a colour map as RGBA in one number each, which are looked up the fastest."""
    colours = np.full((256, 4), 255, np.uint8)
    colours[:, :3] = make_ramp(name)
    return colours.view(np.uint32)[:, 0]


def stretch(
    values: NDArray[Any], valid: NDArray[np.bool_], least: float, greatest: float
) -> NDArray[np.uint8]:
    """Return 0…255 for values from ``least`` to ``greatest``; what is not ``valid`` becomes 0."""
    scaled = values.astype(np.result_type(values, np.float32))
    scaled -= least
    scaled *= 255.0 / max(greatest - least, 1e-12)
    np.copyto(scaled, 0, where=~valid)
    np.clip(np.rint(scaled, out=scaled), 0, 255, out=scaled)
    return scaled.astype(np.uint8)


def draw(
    values: NDArray[Any], valid: NDArray[np.bool_] | None, bands: Sequence[str], style: dict[str, Any]
) -> NDArray[np.uint8]:
    """Return an image (y, x, 4), RGBA, of values (bands, y, x); no-data is transparent black.

    Parameters
    ----------
    values : array (bands, y, x)
        NaN and infinite numbers are drawn as no-data.
    valid : array of bool or None
        Where there is data, shape of ``values``; None for everywhere.
    bands : sequence of str
        Names along the first axis; may be empty if there is one.
    style : dict
        See :class:`eocene.jobs.Layer`.
    """
    kind = style.get("kind", "continuous")
    chosen = pick_bands(len(values), bands, style.get("bands"), count_drawn(style))
    opaque = _find_opaque(values, valid, chosen)
    if kind == "classes":
        return _draw_classes(values[chosen[0]], opaque, style.get("classes", ()))
    least, greatest = float(style.get("min", 0)), float(style.get("max", 1))
    levels = [stretch(values[band], opaque, least, greatest) for band in chosen]
    image = np.empty((*opaque.shape, 4), np.uint8)
    if kind == "rgb":
        for channel, level in enumerate(levels):
            image[..., channel] = level
        np.multiply(opaque, np.uint8(255), out=image[..., 3])
        return image
    colours = _pack_ramp(str(style.get("colormap", "viridis")))
    np.multiply(colours.take(levels[0]), opaque, out=image.view(np.uint32)[..., 0])
    return image


def _find_opaque(
    values: NDArray[Any], valid: NDArray[np.bool_] | None, chosen: Sequence[int]
) -> NDArray[np.bool_]:
    """Return where all the bands that are drawn have data (y, x)."""
    opaque = np.ones(values.shape[1:], bool)
    for band in chosen:
        if valid is not None:
            opaque &= valid[band]
        if values.dtype.kind == "f":
            opaque &= np.isfinite(values[band])
    return opaque


def count_drawn(style: dict[str, Any]) -> int:
    """Return how many bands a style draws."""
    return 3 if style.get("kind") == "rgb" else 1


def pick_bands(have: int, bands: Sequence[str], wanted: Sequence[str] | None, count: int) -> list[int]:
    """Return which of the ``have`` planes the style draws: those it names, or the first ones."""
    chosen = list(range(have))
    if wanted:
        missing = [name for name in wanted if name not in bands]
        if missing and bands:
            raise InputError(
                f"The style names the band {missing[0]!r}, which the result has not.",
                f"It has {', '.join(map(str, bands))}.",
                code="ServiceConfigInvalid",
            )
        if not missing:
            chosen = [list(bands).index(name) for name in wanted]
    if len(chosen) < count:
        raise InputError(
            f"The style draws {count} bands and the result has {len(chosen)}.",
            "Name other bands or draw one band with a colour map.",
            code="ServiceConfigInvalid",
        )
    return chosen[:count]


def _draw_classes(
    plane: NDArray[Any], opaque: NDArray[np.bool_], classes: Sequence[dict[str, Any]]
) -> NDArray[np.uint8]:
    image = np.zeros((*plane.shape, 4), dtype=np.uint8)
    for number, entry in enumerate(classes):
        colour = parse_colour(class_colour(entry, number))
        image[(plane == entry["value"]) & opaque] = (*colour, 255)
    return image


def class_colour(entry: dict[str, Any], number: int) -> str:
    """Return the colour of a class: its own, its hint in STAC, or the next of a cycle."""
    chosen = entry.get("color") or entry.get("color_hint") or _CYCLE[number % len(_CYCLE)]
    return f"#{str(chosen).removeprefix('#')}"

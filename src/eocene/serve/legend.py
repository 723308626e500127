"""Legends: what the colours of a layer mean, as JSON for the page and as an image for any map."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Response

from eocene.serve.colours import COLORMAPS, class_colour, make_ramp, parse_colour
from eocene.serve.rooms import RoomsOf
from eocene.serve.viewing import ViewerOf, cache_rule, find_layer

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

router = APIRouter(tags=["map"])

_WIDTH, _LINE, _EDGE, _SWATCH = 220, 22, 10, 14
_TEXT = 12
_MOST_CLASSES = 100
_INK = (30, 30, 30, 255)
_CHANNELS = (("R", (214, 69, 69, 255)), ("G", (58, 150, 80, 255)), ("B", (56, 110, 190, 255)))


@router.get("/layers/{layer_id}/legend")
def show_legend(layer_id: str, rooms: RoomsOf, viewer: ViewerOf) -> dict[str, Any]:
    """Return what the colours of a layer mean."""
    layer = find_layer(rooms, layer_id, viewer)
    return {"title": layer.title} | describe_legend(layer.style)


@router.get(
    "/layers/{layer_id}/legend.png",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "The legend."}},
)
def draw_legend(layer_id: str, rooms: RoomsOf, viewer: ViewerOf) -> Response:
    """Return the legend of a layer as an image, transparent behind its text."""
    layer = find_layer(rooms, layer_id, viewer)
    image = paint_legend(layer.title, describe_legend(layer.style))
    return Response(image, media_type="image/png", headers={"Cache-Control": cache_rule(layer, rooms)})


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
    name = str(style.get("colormap", "viridis"))
    colours = COLORMAPS.get(name, COLORMAPS["viridis"])
    values = np.linspace(least, greatest, len(colours))
    stops = [{"value": float(v), "color": c} for v, c in zip(values, colours, strict=True)]
    shown = {"kind": kind, "min": least, "max": greatest, "unit": style.get("unit"), "stops": stops}
    return shown | {"colormap": name}


def paint_legend(title: str, legend: dict[str, Any]) -> bytes:
    """Return a legend as PNG: a line for each class, a bar from least to greatest, or the bands of RGB."""
    from PIL import Image, ImageDraw

    rows = {"classes": len(legend.get("classes", ())[:_MOST_CLASSES]), "rgb": 3}.get(legend["kind"], 2)
    image = Image.new("RGBA", (_WIDTH, 2 * _EDGE + _LINE * (rows + 1)), (255, 255, 255, 0))
    brush = ImageDraw.Draw(image)
    _write(brush, _EDGE, 0, title)
    if legend["kind"] == "classes":
        for row, entry in enumerate(legend["classes"][:_MOST_CLASSES], start=1):
            _fill_swatch(brush, row, (*parse_colour(entry["color"]), 255))
            _write(brush, _EDGE + _SWATCH + 8, row, str(entry["name"]))
    elif legend["kind"] == "rgb":
        bands = [*legend["bands"], "", "", ""]
        for row, ((channel, colour), band) in enumerate(zip(_CHANNELS, bands, strict=False), start=1):
            _fill_swatch(brush, row, colour)
            _write(brush, _EDGE + _SWATCH + 8, row, f"{channel}  {band}")
    else:
        ramp = make_ramp(legend["colormap"])
        bar = ramp[np.linspace(0, 255, _WIDTH - 2 * _EDGE).astype(int)]
        stripe = np.dstack([np.broadcast_to(bar, (_SWATCH, *bar.shape)), np.full((_SWATCH, len(bar)), 255)])
        image.paste(Image.fromarray(stripe.astype(np.uint8)), (_EDGE, _EDGE + _LINE))
        unit = f" {legend['unit']}" if legend.get("unit") else ""
        _write(brush, _EDGE, 2, f"{legend['min']:g}")
        _write(brush, _WIDTH - _EDGE, 2, f"{legend['max']:g}{unit}", anchor="ra")
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def _fill_swatch(brush: ImageDraw, row: int, colour: tuple[int, ...]) -> None:
    top = _EDGE + row * _LINE
    brush.rectangle((_EDGE, top, _EDGE + _SWATCH, top + _SWATCH), fill=colour, outline=(90, 90, 90, 255))


def _write(brush: ImageDraw, left: int, row: int, text: str, anchor: str = "la") -> None:
    brush.text((left, _EDGE + row * _LINE), text[:40], fill=_INK, font=_font(), anchor=anchor)


@lru_cache(maxsize=1)
def _font() -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(_TEXT)

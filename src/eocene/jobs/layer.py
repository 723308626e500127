"""A map layer: a named process graph with a style, or a table that is drawn as it is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from eocene.jobs.job import LOCAL_USER, check_level, check_process, format_instant, format_label
from eocene.model import InputError, transform_bbox

STYLES = ("rgb", "continuous", "classes")
SERVICE_TYPES = ("XYZ", "WMTS")
MOST_ZOOM = 22
_ID = re.compile(r"^[A-Za-z0-9_\-]{1,64}$")
_EQUATOR_M = 2 * math.pi * 6_378_137 / 256
"""Width of a pixel of the one tile of zoom 0, at the equator."""


@dataclass(frozen=True)
class Layer:
    """One layer of the map.

    Parameters
    ----------
    id : str
        Letters, digits, ``_`` and ``-``.
    title : str
        What the reader sees.
    kind : str
        ``raster`` (drawn from a process) or ``vector`` (drawn from ``source``).
    process : dict or None
        ``{"process_graph": {...}}`` of a raster layer.
    source : str or None
        Collection of the table behind a vector layer, or its file relative to the workspace.
    style : dict
        ``{"kind": "rgb", "bands": [r, g, b], "min": 0, "max": 0.3}``,
        ``{"kind": "continuous", "bands": [b], "min": 0, "max": 1, "colormap": "ndvi"}`` or
        ``{"kind": "classes", "bands": [b], "classes": [{"value", "name", "color"}]}``; colours are #rrggbb.
    times : tuple of str
        The dates that can be asked for, RFC 3339; empty if the layer has none.
    bounds : tuple of float or None
        West, south, east, north in degrees.
    type : str
        As which web service openEO lists it.
    log_level : str
        The least grave lines that its log keeps.
    plan, budget
        What its owner chose for billing.
    shared : bool
        Whether everybody who may read public data sees it, not only its owner.
    native_zoom : int or None
        The least zoom at which a tile's pixels are as fine as the data.
    """

    id: str
    title: str
    kind: str = "raster"
    process: dict[str, Any] | None = None
    source: str | None = None
    style: dict[str, Any] = field(default_factory=dict)
    times: tuple[str, ...] = ()
    bounds: tuple[float, float, float, float] | None = None
    description: str | None = None
    owner: str = LOCAL_USER
    enabled: bool = True
    created: float = 0.0
    updated: float = 0.0
    type: str = "XYZ"
    log_level: str = "info"
    plan: str | None = None
    budget: float | None = None
    shared: bool = False
    native_zoom: int | None = None

    @property
    def graph(self) -> dict[str, Any]:
        """The flat process graph of a raster layer."""
        return check_process(self.process)["process_graph"]  # type: ignore[no-any-return]


def describe_extent(plan: Any) -> dict[str, Any]:
    """Return ``times``, ``bounds`` and ``native_zoom`` of a plan, ready for :class:`Layer`."""
    if not plan.is_cube:
        raise InputError(
            "The process does not end in a raster cube, so it cannot be drawn.",
            "Let the result node return a data cube with x and y.",
            code="ServiceConfigInvalid",
        )
    grid = plan.grid
    instants = [format_label(label) for label in plan.schema.times]
    bounds = transform_bbox(grid.bounds, grid.epsg, 4326)
    return {
        "times": tuple(instants),
        "bounds": tuple(round(v, 7) for v in bounds),
        "native_zoom": _find_zoom(grid.lattice.resolution_m, grid.epsg, (bounds[1] + bounds[3]) / 2),
    }


def _find_zoom(resolution_m: float, epsg: int, latitude: float) -> int:
    shrunk = 1.0 if epsg == 3857 else max(math.cos(math.radians(latitude)), 1e-3)
    return min(max(math.ceil(math.log2(_EQUATOR_M * shrunk / resolution_m) - 1e-6), 0), MOST_ZOOM)


def check_layer(layer: Layer) -> None:
    """Raise InputError if a layer cannot be kept."""
    if not _ID.match(layer.id):
        raise InputError(
            f"The layer id {layer.id[:64]!r} is not allowed.", "Use 1 to 64 letters, digits, _ or -."
        )
    if layer.kind not in ("raster", "vector"):
        raise InputError(f"The kind {layer.kind!r} of layer is unknown.", "Use raster or vector.")
    if layer.kind == "vector" and not layer.source:
        raise InputError(f"The vector layer {layer.id!r} has no source.", "Name a table or a file.")
    check_level(layer.log_level)
    if layer.kind == "raster":
        check_process(layer.process)
        if layer.style.get("kind") not in STYLES:
            raise InputError(
                f"The style {layer.style.get('kind')!r} of layer {layer.id!r} is unknown.",
                f"Use one of {', '.join(STYLES)}.",
                code="ServiceConfigInvalid",
            )


def list_layer(layer: Layer, query: str = "") -> dict[str, Any]:
    """Return a layer as the map page and GET /layers show it; links are relative to the server.

    Parameters
    ----------
    layer : Layer
        What is shown.
    query : str
        What opens the layer to who may not read it otherwise, such as ``key=…``.
    """
    shown: dict[str, Any] = {
        "id": layer.id,
        "title": layer.title,
        "kind": layer.kind,
        "style": layer.style,
        "times": list(layer.times),
        "bounds": None if layer.bounds is None else list(layer.bounds),
        "updated": format_instant(layer.updated),
    }
    if layer.description:
        shown["description"] = layer.description
    # The page leaves out what stands last: a layer without dates has no time to ask for.
    begun, only = (f"?{query}&", f"?{query}") if query else ("?", "")
    if layer.kind == "vector":
        return shown | {"data": f"/layers/{layer.id}/features{only}"}
    return shown | {
        "tiles": f"/tiles/{layer.id}/{{z}}/{{x}}/{{y}}.png{begun}time={{time}}",
        "tilejson": f"/tiles/{layer.id}/tilejson.json{only}",
        "wmts": f"/wmts/{layer.id}/1.0.0/WMTSCapabilities.xml{only}",
        "series": f"/series/{layer.id}{begun}lon={{lon}}&lat={{lat}}",
        "legend": f"/layers/{layer.id}/legend{only}",
    }

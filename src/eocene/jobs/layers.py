"""Map layers: named process graphs with a style, and tables that are drawn as they are."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from eocene.jobs.database import open_database
from eocene.jobs.job import LOCAL_USER, check_process, format_instant, format_label
from eocene.jobs.tables import layers
from eocene.model import InputError, NotFoundError, transform_bbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.model import Layout

STYLES = ("rgb", "continuous", "classes")
_ID = re.compile(r"^[A-Za-z0-9_\-]{1,64}$")


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

    @property
    def graph(self) -> dict[str, Any]:
        """The flat process graph of a raster layer."""
        return check_process(self.process)["process_graph"]  # type: ignore[no-any-return]


class Layers:
    """Layers of a workspace.

    Parameters
    ----------
    layout : Layout
        The workspace; its folder must exist.
    clock : callable
        Gives the time in seconds since 1970.
    """

    def __init__(self, layout: Layout, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._database = open_database(layout)

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def put(self, layer: Layer) -> Layer:
        """Store a layer; one of the same id is replaced. Raises InputError."""
        _check_layer(layer)
        now = self._clock()
        with self._database.write() as connection:
            created = connection.scalar(select(layers.c.created).where(layers.c.id == layer.id))
            values = asdict(layer) | {"created": created or now, "updated": now}
            values |= {
                "times": list(layer.times),
                "bounds": None if layer.bounds is None else list(layer.bounds),
            }
            connection.execute(delete(layers).where(layers.c.id == layer.id))
            connection.execute(insert(layers).values(**values))
        return self.get(layer.id)

    def get(self, layer_id: str, owner: str | None = None) -> Layer:
        """Return a layer; raises NotFoundError ServiceNotFound."""
        query = select(layers).where(layers.c.id == layer_id)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or (owner is not None and row["owner"] != owner):
            raise NotFoundError(
                f"The layer {layer_id[:64]!r} does not exist.",
                "List them at /layers.",
                code="ServiceNotFound",
            )
        return _from_row(dict(row))

    def list(self, owner: str | None = None) -> tuple[Layer, ...]:
        """Return all layers, the oldest first."""
        query = select(layers).order_by(layers.c.created, layers.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query if owner is None else query.where(layers.c.owner == owner))
            return tuple(_from_row(dict(row)) for row in rows.mappings())

    def delete(self, layer_id: str, owner: str | None = None) -> None:
        """Remove a layer; raises NotFoundError."""
        self.get(layer_id, owner)
        with self._database.write() as connection:
            connection.execute(delete(layers).where(layers.c.id == layer_id))


def describe_extent(plan: Any) -> dict[str, Any]:
    """Return ``times`` and ``bounds`` of a plan, ready for :class:`Layer`."""
    if not plan.is_cube:
        raise InputError(
            "The process does not end in a raster cube, so it cannot be drawn.",
            "Let the result node return a data cube with x and y.",
            code="ServiceConfigInvalid",
        )
    grid = plan.grid
    instants = [format_label(label) for label in plan.schema.times]
    bounds = transform_bbox(grid.bounds, grid.epsg, 4326)
    return {"times": tuple(instants), "bounds": tuple(round(v, 7) for v in bounds)}


def _from_row(row: dict[str, Any]) -> Layer:
    known = {f.name: row[f.name] for f in fields(Layer)}
    known |= {"times": tuple(row["times"]), "bounds": tuple(row["bounds"]) if row["bounds"] else None}
    return Layer(**known)


def _check_layer(layer: Layer) -> None:
    if not _ID.match(layer.id):
        raise InputError(
            f"The layer id {layer.id[:64]!r} is not allowed.", "Use 1 to 64 letters, digits, _ or -."
        )
    if layer.kind not in ("raster", "vector"):
        raise InputError(f"The kind {layer.kind!r} of layer is unknown.", "Use raster or vector.")
    if layer.kind == "vector" and not layer.source:
        raise InputError(f"The vector layer {layer.id!r} has no source.", "Name a table or a file.")
    if layer.kind == "raster":
        check_process(layer.process)
        if layer.style.get("kind") not in STYLES:
            raise InputError(
                f"The style {layer.style.get('kind')!r} of layer {layer.id!r} is unknown.",
                f"Use one of {', '.join(STYLES)}.",
                code="ServiceConfigInvalid",
            )


def list_layer(layer: Layer) -> dict[str, Any]:
    """Return a layer as the map page and GET /layers show it; links are relative to the server."""
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
    if layer.kind == "vector":
        return shown | {"data": f"/layers/{layer.id}/features"}
    return shown | {
        "tiles": f"/tiles/{layer.id}/{{z}}/{{x}}/{{y}}.png?time={{time}}",
        "series": f"/series/{layer.id}?lon={{lon}}&lat={{lat}}",
        "legend": f"/layers/{layer.id}/legend",
    }

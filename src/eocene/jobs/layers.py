"""Map layers of a workspace: stored, found, listed, and what happened to them."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from cachetools import TTLCache
from sqlalchemy import delete, func, insert, select

from eocene.jobs.database import open_database
from eocene.jobs.job import LEVELS, check_level, format_instant
from eocene.jobs.layer import STYLES, Layer, check_layer, describe_extent, list_layer
from eocene.jobs.layer_tables import service_logs, services
from eocene.jobs.logs import MESSAGE_LIMIT
from eocene.jobs.tables import layers
from eocene.model import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.model import EoceneError, Layout

__all__ = ["STYLES", "Layer", "Layers", "describe_extent", "list_layer"]

_KNOWN_S = 1.0
"""How long a layer is shown as it was, after another process has changed it."""
_KNOWN = 1024
_TOLD_S = 60.0
"""How long a fault of a layer that was written into its log is not written there again."""
_LINES = 1000
"""Of the log of a layer that are kept."""
_OF_SERVICES = {column.name for column in services.c} - {"layer"}


class Layers:
    """Layers of a workspace; any thread may call.

    Parameters
    ----------
    layout : Layout
        The workspace; its folder must exist.
    clock : callable
        Gives the time in seconds since 1970.
    """

    def __init__(self, layout: Layout, *, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._root = clock, str(layout.root)
        self._database = open_database(layout)
        self._known: TTLCache[str, Layer] = TTLCache(_KNOWN, _KNOWN_S)
        self._told: TTLCache[tuple[str, str], bool] = TTLCache(_KNOWN, _TOLD_S)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def put(self, layer: Layer) -> Layer:
        """Store a layer; one of the same id is replaced. Raises InputError."""
        check_layer(layer)
        now = self._clock()
        with self._database.write() as connection:
            created = connection.scalar(select(layers.c.created).where(layers.c.id == layer.id))
            values = asdict(layer) | {"created": created or now, "updated": now}
            values |= {
                "times": list(layer.times),
                "bounds": None if layer.bounds is None else list(layer.bounds),
            }
            service = {name: values.pop(name) for name in _OF_SERVICES}
            connection.execute(delete(layers).where(layers.c.id == layer.id))
            connection.execute(insert(layers).values(**values))
            connection.execute(delete(services).where(services.c.layer == layer.id))
            connection.execute(insert(services).values(layer=layer.id, **service))
        self._forget(layer.id)
        return self.get(layer.id)

    def get(self, layer_id: str, owner: str | None = None) -> Layer:
        """Return a layer; raises NotFoundError ServiceNotFound."""
        with self._database.read() as connection:
            row = connection.execute(_QUERY.where(layers.c.id == layer_id)).mappings().first()
        if row is None or (owner is not None and row["owner"] != owner):
            raise unknown_layer(layer_id)
        return _from_row(dict(row))

    def look_up(self, layer_id: str) -> Layer:
        """Return a layer as it is now, or was a second ago if another process has changed it since."""
        with self._lock:
            known = self._known.get(layer_id)
        if known is None:
            known = self.get(layer_id)
            with self._lock:
                self._known[layer_id] = known
        return known

    def list(
        self, owner: str | None = None, *, kind: str | None = None, limit: int | None = None, offset: int = 0
    ) -> tuple[Layer, ...]:
        """Return the layers, of an owner or kind if given, the oldest first."""
        query = _QUERY.order_by(layers.c.created, layers.c.id).offset(offset or None).limit(limit)
        if owner is not None:
            query = query.where(layers.c.owner == owner)
        if kind is not None:
            query = query.where(layers.c.kind == kind)
        with self._database.read() as connection:
            return tuple(_from_row(dict(row)) for row in connection.execute(query).mappings())

    def delete(self, layer_id: str, owner: str | None = None) -> None:
        """Remove a layer and its log; raises NotFoundError."""
        self.get(layer_id, owner)
        with self._database.write() as connection:
            connection.execute(delete(layers).where(layers.c.id == layer_id))
            connection.execute(delete(services).where(services.c.layer == layer_id))
            connection.execute(delete(service_logs).where(service_logs.c.layer == layer_id))
        self._forget(layer_id)

    def write_log(self, layer: Layer, level: str, message: str, code: str | None = None) -> None:
        """Add a line to the log of a layer, unless graver ones only are kept; the last thousand stay."""
        if LEVELS.index(check_level(level)) > LEVELS.index(layer.log_level):
            return
        line = {"layer": layer.id, "time": self._clock(), "level": level, "code": code}
        mine = service_logs.c.layer == layer.id
        with self._database.write() as connection:
            connection.execute(insert(service_logs).values(message=message[:MESSAGE_LIMIT], **line))
            newest = select(service_logs.c.id).where(mine).order_by(service_logs.c.id.desc())
            oldest = connection.scalar(select(func.min(newest.limit(_LINES).subquery().c.id)))
            connection.execute(delete(service_logs).where(mine, service_logs.c.id < oldest))

    def tell_fault(self, layer: Layer, error: EoceneError) -> None:
        """Write into a layer's log why it could not be shown, once in a while: a map asks again and again."""
        with self._lock:
            if self._told.get((layer.id, error.message)):
                return
            self._told[layer.id, error.message] = True
        self.write_log(layer, "error", str(error).replace(self._root, "<workspace>"), error.code)

    def logs(
        self, layer_id: str, owner: str, *, offset: str | None, level: str, limit: int | None
    ) -> tuple[dict[str, Any], ...]:
        """Return the lines after ``offset`` (the id of a line) that are at least as grave as ``level``."""
        self.get(layer_id, owner)
        if offset and not (offset.isascii() and offset.isdigit() and len(offset) <= 18):
            raise InputError(
                f"The offset {offset[:40]!r} is not the id of a log line.",
                "Give the id of the last line that was received.",
                code="InvalidParameterValue",
            )
        kept = LEVELS[: LEVELS.index(check_level(level)) + 1]
        query = select(service_logs).where(service_logs.c.layer == layer_id, service_logs.c.level.in_(kept))
        query = query.where(service_logs.c.id > int(offset or 0)).order_by(service_logs.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(_describe_line(dict(row)) for row in connection.execute(query).mappings())

    def _forget(self, layer_id: str) -> None:
        with self._lock:
            self._known.pop(layer_id, None)


def unknown_layer(layer_id: str) -> NotFoundError:
    """Return the error that there is no such layer, or none that the caller may know of."""
    return NotFoundError(
        f"The layer {layer_id[:64]!r} does not exist.", "List them at /layers.", code="ServiceNotFound"
    )


_QUERY = select(layers, *(services.c[name] for name in sorted(_OF_SERVICES))).outerjoin(
    services, services.c.layer == layers.c.id
)


def _from_row(row: dict[str, Any]) -> Layer:
    known = {f.name: row[f.name] for f in fields(Layer)}
    if row["type"] is None:  # it was stored before layers were told as services
        known = {name: value for name, value in known.items() if name not in _OF_SERVICES}
    known |= {"times": tuple(row["times"]), "bounds": tuple(row["bounds"]) if row["bounds"] else None}
    return Layer(**known)


def _describe_line(row: dict[str, Any]) -> dict[str, Any]:
    line = {"id": str(row["id"]), "level": row["level"], "message": row["message"]}
    line["time"] = format_instant(row["time"])
    return line if row["code"] is None else line | {"code": row["code"]}

"""Secondary web services of openEO: XYZ tiles, each backed by a layer of the map."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from eocene.jobs import Layer, describe_extent, format_instant
from eocene.jobs.job import check_process
from eocene.jobs.layers import STYLES
from eocene.model import InputError
from eocene.serve.auth import Caller
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.colours import COLORMAPS, class_colour, make_ramp, parse_colour
from eocene.serve.engine import make_plan
from eocene.serve.processes import EXAMPLE
from eocene.serve.rooms import Address, AddressOf, RoomsOf, link
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["services"])

_CONFIGURATION: dict[str, dict[str, Any]] = {
    "kind": {
        "type": "string",
        "description": "How values become colours.",
        "enum": list(STYLES),
        "default": "continuous",
    },
    "bands": {
        "type": "array",
        "description": "The bands to draw; by default the first.",
        "items": {"type": "string"},
    },
    "min": {"type": "number", "description": "The value drawn with the first colour.", "default": 0},
    "max": {"type": "number", "description": "The value drawn with the last colour.", "default": 1},
    "colormap": {
        "type": "string",
        "description": "The colours.",
        "enum": sorted(COLORMAPS),
        "default": "viridis",
    },
    "classes": {
        "type": "array",
        "description": "Objects with value, name and color.",
        "items": {"type": "object"},
    },
}
_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "array": (list,)}


@router.get("/service_types")
def list_service_types() -> dict[str, Any]:
    """List the kinds of services."""
    return {
        "XYZ": {
            "title": "XYZ tiles",
            "description": "PNG tiles of 256 × 256 pixels in Web Mercator, with a time by `?time=`.",
            "configuration": _CONFIGURATION,
            "process_parameters": [],
            "links": [],
        }
    }


@router.get("/services")
def list_services(caller: Caller, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """List the caller's services."""
    found = [layer for layer in rooms.layers.list(caller) if layer.kind == "raster"]
    listed = [_describe(layer, address, full=False) for layer in found]
    return {"services": listed, "links": [link("self", address(f"{OPENEO}/services"))]}


@router.post("/services", status_code=201, openapi_extra=describe_body({"type": "XYZ", "process": EXAMPLE}))
def create_service(body: JsonObject, caller: Caller, rooms: RoomsOf, address: AddressOf) -> Response:
    """Make a layer of a process."""
    _check_type(body.get("type"))
    draft = Layer(
        id=f"s-{secrets.token_hex(6)}",
        title=_read_text(body, "title") or "Untitled",
        description=_read_text(body, "description"),
        process=check_process(body.get("process")),
        style=check_style(body.get("configuration")),
        owner=caller,
        enabled=_read_flag(body, "enabled", default=True),
    )
    layer = rooms.layers.put(replace(draft, **describe_extent(make_plan(rooms.archive, body["process"]))))
    headers = {"Location": address(f"{OPENEO}/services/{layer.id}"), "OpenEO-Identifier": layer.id}
    return Response(status_code=201, headers=headers)


@router.get("/services/{service_id}")
def describe_service(service_id: str, caller: Caller, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Return a service with its process."""
    return _describe(rooms.layers.get(service_id, caller), address, full=True)


@router.patch("/services/{service_id}", status_code=204, openapi_extra=describe_body({"title": "Other"}))
def update_service(service_id: str, body: JsonObject, caller: Caller, rooms: RoomsOf) -> Response:
    """Change title, description, process, configuration or whether it is enabled."""
    layer = rooms.layers.get(service_id, caller)
    changes: dict[str, Any] = {}
    if "title" in body:
        changes["title"] = _read_text(body, "title") or "Untitled"
    if "description" in body:
        changes["description"] = _read_text(body, "description")
    if "enabled" in body:
        changes["enabled"] = _read_flag(body, "enabled", default=True)
    if "configuration" in body:
        changes["style"] = check_style(body["configuration"])
    if "process" in body:
        process = check_process(body["process"])
        changes |= {"process": process, **describe_extent(make_plan(rooms.archive, process))}
    if not changes:
        raise InputError(
            "Nothing was given to change.", "Give title or another property.", code="NoDataForUpdate"
        )
    rooms.layers.put(replace(layer, **changes))
    return Response(status_code=204)


@router.delete("/services/{service_id}", status_code=204)
def delete_service(service_id: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Delete a service."""
    rooms.layers.delete(service_id, caller)
    return Response(status_code=204)


def check_style(given: Any) -> dict[str, Any]:
    """Return the style that a service's configuration describes; raises InputError."""
    given = given or {}
    if not isinstance(given, dict):
        raise InputError(
            "The configuration is not an object.", "See GET /service_types.", code="ServiceConfigInvalid"
        )
    for name, value in given.items():
        if name not in _CONFIGURATION:
            raise InputError(
                f"The service parameter {name[:40]!r} is not supported.",
                f"Use {', '.join(_CONFIGURATION)}.",
                code="ServiceConfigUnsupported",
            )
        allowed = _CONFIGURATION[name]
        if not isinstance(value, _TYPES[allowed["type"]]) or value not in allowed.get("enum", [value]):
            raise _invalid(name, "is of another type or not one of those listed at GET /service_types")
    style: dict[str, Any] = {"kind": "continuous", "min": 0, "max": 1} | given
    make_ramp(style.get("colormap", "viridis"))
    for number, entry in enumerate(style.get("classes", ())):
        if not isinstance(entry, dict) or not isinstance(entry.get("value"), int):
            raise _invalid("classes", "is not a list of objects with a whole number as value")
        parse_colour(class_colour(entry, number))
    return style


def _describe(layer: Layer, address: Address, *, full: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": layer.id,
        "title": layer.title,
        "type": "XYZ",
        "url": address(f"/tiles/{layer.id}/{{z}}/{{x}}/{{y}}.png"),
        "enabled": layer.enabled,
        "created": format_instant(layer.created),
    }
    if layer.description:
        shown["description"] = layer.description
    if full:
        bounds = None if layer.bounds is None else list(layer.bounds)
        attributes = {"times": list(layer.times), "bounds": bounds}
        shown |= {"process": layer.process, "configuration": layer.style, "attributes": attributes}
    return shown


def _check_type(given: Any) -> None:
    if str(given).lower() != "xyz":
        raise InputError(f"Service type {given!r} is not supported.", "Use XYZ.", code="ServiceUnsupported")


def _read_text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(
            f"The property {name!r} is not a text.", "Give a text.", code="InvalidParameterValue"
        )
    return value


def _read_flag(body: dict[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise InputError(
            f"The property {name!r} is not true or false.", "Give one.", code="InvalidParameterValue"
        )
    return value


def _invalid(name: str, fault: str) -> InputError:
    return InputError(
        f"The service parameter {name!r} {fault}.", "See GET /service_types.", code="ServiceConfigInvalid"
    )

"""Secondary web services of openEO: XYZ tiles and WMTS, each backed by a layer of the map."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from eocene.jobs import Layer, describe_extent, format_instant
from eocene.jobs.job import check_level, check_process
from eocene.jobs.layer import SERVICE_TYPES
from eocene.model import InputError
from eocene.process.structure import check_description
from eocene.serve.auth import Caller
from eocene.serve.billing import PLAN, read_billing
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.engine import plan_for
from eocene.serve.paging import Level, Limit, Mark, Offset, link_page
from eocene.serve.processes import EXAMPLE
from eocene.serve.rooms import Address, AddressOf, Rooms, RoomsOf, link
from eocene.serve.settings import OPENEO
from eocene.serve.styles import CONFIGURATION, check_bands, check_style, read_field
from eocene.serve.tiles import join_query
from eocene.serve.viewing import key_query

router = APIRouter(prefix=OPENEO, tags=["services"])

_FIELDS: dict[str, tuple[type, ...]] = {
    "title": (str,),
    "description": (str,),
    "enabled": (bool,),
    "log_level": (str,),
    "plan": (str,),
    "budget": (int, float),
}
_TYPES_OF_SERVICES: dict[str, dict[str, Any]] = {
    "XYZ": {
        "title": "XYZ tiles",
        "description": "PNG, JPEG or WebP of 256 × 256 pixels in Web Mercator, with a time by `?time=`.",
        "process_parameters": [],
        "links": [{"rel": "about", "href": "https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames"}],
    },
    "WMTS": {
        "title": "OGC Web Map Tile Service",
        "description": "WMTS 1.0.0 in WebMercatorQuad, by key-value pairs and addresses of resources.",
        "process_parameters": [],
        "links": [{"rel": "about", "href": "https://www.ogc.org/standards/wmts"}],
    },
}


@router.get("/service_types")
def list_service_types() -> dict[str, Any]:
    """List the kinds of services."""
    return {name: _TYPES_OF_SERVICES[name] | {"configuration": CONFIGURATION} for name in SERVICE_TYPES}


@router.get("/services")
def list_services(
    caller: Caller,
    rooms: RoomsOf,
    address: AddressOf,
    limit: Limit = None,
    offset: Offset = 0,
) -> dict[str, Any]:
    """List the caller's services, the oldest first; without ``limit`` all of them."""
    found = rooms.layers.list(caller, kind="raster", limit=limit and limit + 1, offset=offset)
    home = address(f"{OPENEO}/services")
    links = link_page(home, limit, offset, len(found) > limit) if limit else [link("self", home)]
    return {"services": [_describe(one, rooms, address, full=False) for one in found[:limit]], "links": links}


@router.post("/services", status_code=201, openapi_extra=describe_body({"type": "XYZ", "process": EXAMPLE}))
def create_service(caller: Caller, body: JsonObject, rooms: RoomsOf, address: AddressOf) -> Response:
    """Make a layer of a process."""
    draft = Layer(f"s-{secrets.token_hex(8)}", "Untitled", owner=caller, plan=PLAN)
    body = {"configuration": None} | body
    changes = _read_changes(rooms, caller, body, required=("type", "process"), before=draft)
    layer = rooms.layers.put(replace(draft, **changes))
    rooms.layers.write_log(layer, "info", f"The service was made, as {layer.type}.")
    headers = {"Location": address(f"{OPENEO}/services/{layer.id}"), "OpenEO-Identifier": layer.id}
    return Response(status_code=201, headers=headers)


@router.get("/services/{service_id}")
def describe_service(service_id: str, caller: Caller, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Return a service with its process."""
    return _describe(rooms.layers.get(service_id, caller), rooms, address, full=True)


@router.patch("/services/{service_id}", status_code=204, openapi_extra=describe_body({"title": "Other"}))
def update_service(service_id: str, caller: Caller, body: JsonObject, rooms: RoomsOf) -> Response:
    """Change title, description, process, configuration, whether it is enabled, or what its log keeps."""
    layer = rooms.layers.get(service_id, caller)
    changes = _read_changes(rooms, caller, body, before=layer)
    if not changes:
        raise InputError(
            "Nothing was given to change.", "Give title or another property.", code="NoDataForUpdate"
        )
    layer = rooms.layers.put(replace(layer, **changes))
    rooms.layers.write_log(layer, "info", f"The service was changed: {', '.join(sorted(body))}.")
    return Response(status_code=204)


@router.delete("/services/{service_id}", status_code=204)
def delete_service(service_id: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Delete a service and its log."""
    rooms.layers.delete(service_id, caller)
    return Response(status_code=204)


@router.get("/services/{service_id}/logs")
def list_service_logs(
    service_id: str,
    caller: Caller,
    rooms: RoomsOf,
    offset: Mark = None,
    level: Level = "debug",
    limit: Limit = None,
) -> dict[str, Any]:
    """Return the log of a service, from the line after ``offset`` on: what was changed, what went wrong."""
    lines = rooms.layers.logs(service_id, caller, offset=offset, level=check_level(level), limit=limit)
    return {"level": level, "logs": list(lines), "links": []}


def _read_changes(
    rooms: Rooms, caller: str, body: dict[str, Any], required: tuple[str, ...] = (), *, before: Layer
) -> dict[str, Any]:
    """Return the fields of a layer that a body sets; raises InputError."""
    changes: dict[str, Any] = {
        name: read_field(body, name, kinds) for name, kinds in _FIELDS.items() if name in body
    }
    changes |= read_billing(changes)
    if "title" in changes:
        changes["title"] = changes["title"] or "Untitled"
    if changes.get("enabled", True) is None:
        changes["enabled"] = True
    if "log_level" in changes:
        changes["log_level"] = check_level(changes["log_level"] or "info")
    if "type" in body or "type" in required:
        changes["type"] = _check_type(body.get("type"))
    if "configuration" in body:
        style = check_style(body["configuration"])
        changes |= {"shared": style.pop("shared", False), "style": style}
    if "process" in body or "process" in required:
        process = check_process(body.get("process"))
        check_description(process)
        plan = plan_for(rooms, caller, process)
        changes |= {"process": process, **describe_extent(plan)}
        check_bands(changes.get("style", before.style), plan)
    elif "style" in changes and before.process is not None:
        check_bands(changes["style"], plan_for(rooms, caller, before.process))
    return changes


def _describe(layer: Layer, rooms: Rooms, address: Address, *, full: bool) -> dict[str, Any]:
    query = key_query(layer, rooms)
    tiles = join_query(address(f"/tiles/{layer.id}/{{z}}/{{x}}/{{y}}.png"), query)
    wmts = join_query(address(f"/wmts/{layer.id}/1.0.0/WMTSCapabilities.xml"), query)
    shown: dict[str, Any] = {
        "id": layer.id,
        "title": layer.title,
        "type": layer.type,
        "url": wmts if layer.type == "WMTS" else tiles,
        "enabled": layer.enabled,
        "created": format_instant(layer.created),
        "budget": layer.budget,
        "costs": 0,
        "log_level": layer.log_level,
    }
    shown |= {n: v for n, v in (("plan", layer.plan), ("description", layer.description)) if v is not None}
    if full:
        attributes = {
            "times": list(layer.times),
            "bounds": None if layer.bounds is None else list(layer.bounds),
            "tilejson": join_query(address(f"/tiles/{layer.id}/tilejson.json"), query),
            "legend": join_query(address(f"/layers/{layer.id}/legend.png"), query),
            "series": join_query(address(f"/series/{layer.id}"), query),
        }
        configuration = layer.style | {"shared": layer.shared}
        shown |= {"process": layer.process, "configuration": configuration, "attributes": attributes}
    return shown


def _check_type(given: Any) -> str:
    name = str(given).upper()
    if name not in SERVICE_TYPES:
        raise InputError(
            f"Service type {str(given)[:40]!r} is not supported.",
            f"Use {' or '.join(SERVICE_TYPES)}.",
            code="ServiceUnsupported",
        )
    return name

"""WMTS 1.0.0 of the layers, for QGIS, GDAL and whoever speaks it: key-value pairs and addresses of resources.

The tiles are those of ``/tiles``; their addresses are the resource templates of the capabilities.

Source: OGC 07-057r7, OpenGIS Web Map Tile Service; OGC 17-083r4 for WebMercatorQuad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from eocene.jobs.layer import MOST_ZOOM
from eocene.model import EoceneError, InputError
from eocene.serve.drawing import HALF_WORLD_M, TILE, Wanted
from eocene.serve.rooms import Address, AddressOf, Rooms, RoomsOf, join_path
from eocene.serve.tiles import answer_tile, join_query
from eocene.serve.viewing import Viewer, ViewerOf, find_layer, key_query, may_see

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eocene.jobs import Layer

router = APIRouter(tags=["map"])

MATRIX_SET = "WebMercatorQuad"
STYLE = "default"
_FORMATS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_SCALE_0 = 559_082_264.028_717_8
"""Scale denominator of zoom 0: its pixel in units of 0.28 mm."""
_WMTS, _OWS = "http://www.opengis.net/wmts/1.0", "http://www.opengis.net/ows/1.1"
_XLINK = "http://www.w3.org/1999/xlink"
_HREF = f"{{{_XLINK}}}href"
_XML = "application/xml"
_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {_XML: {}} | {t: {} for t in _FORMATS}, "description": "Capabilities, or a tile."},
    400: {"content": {_XML: {}}, "description": "An exception report."},
}
_NAMES = (
    "service", "request", "version", "layer", "style", "format", "tilematrixset", "tilematrix", "tilerow",
    "tilecol", "time",
)  # fmt: skip
_PAIRS: dict[str, Any] = {
    "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _NAMES]
}
for _prefix, _uri in (("", _WMTS), ("ows", _OWS), ("xlink", _XLINK)):
    ET.register_namespace(_prefix, _uri)


@router.get("/wmts/1.0.0/WMTSCapabilities.xml", response_class=Response, responses=_DOCUMENT)
def show_all(rooms: RoomsOf, viewer: ViewerOf, address: AddressOf) -> Response:
    """Return the WMTS capabilities of all layers that the caller sees."""
    return _answer_capabilities(_list_layers(rooms, viewer), rooms, address("/wmts"), address)


@router.get("/wmts/{layer_id}/1.0.0/WMTSCapabilities.xml", response_class=Response, responses=_DOCUMENT)
def show_one(layer_id: str, rooms: RoomsOf, viewer: ViewerOf, address: AddressOf) -> Response:
    """Return the WMTS capabilities of one layer."""
    layer = find_layer(rooms, layer_id, viewer, "raster")
    return _answer_capabilities([layer], rooms, address(join_path(["wmts", layer.id])), address)


@router.get("/wmts", response_class=Response, responses=_DOCUMENT, openapi_extra=_PAIRS)
async def ask_all(request: Request, rooms: RoomsOf, viewer: ViewerOf, address: AddressOf) -> Response:
    """Answer the operations GetCapabilities and GetTile, given by key-value pairs in any case."""
    return await _answer_pairs(request, rooms, viewer, address, None)


@router.get("/wmts/{layer_id}", response_class=Response, responses=_DOCUMENT, openapi_extra=_PAIRS)
async def ask_one(
    layer_id: str, request: Request, rooms: RoomsOf, viewer: ViewerOf, address: AddressOf
) -> Response:
    """Answer the operations GetCapabilities and GetTile of one layer, by key-value pairs in any case."""
    return await _answer_pairs(request, rooms, viewer, address, layer_id)


async def _answer_pairs(
    request: Request, rooms: Rooms, viewer: Viewer, address: Address, layer_id: str | None
) -> Response:
    pairs = {name.lower(): value for name, value in request.query_params.items()}
    try:
        operation = _need(pairs, "request").lower()
        if pairs.get("service", "WMTS").upper() != "WMTS":
            raise _refuse("service", "is not WMTS")
        if operation == "getcapabilities":
            if layer_id is None:
                return await run_in_threadpool(show_all, rooms, viewer, address)
            return await run_in_threadpool(show_one, layer_id, rooms, viewer, address)
        if operation != "gettile":
            raise _refuse("request", "is neither GetCapabilities nor GetTile")
        if pairs.get("style", STYLE) not in ("", STYLE):
            raise _refuse("style", f"is not {STYLE!r}, the only one")
        if _need(pairs, "tilematrixset") != MATRIX_SET:
            raise _refuse("tilematrixset", f"is not {MATRIX_SET}, the only one")
        media_type = pairs.get("format", "image/png")
        if media_type not in _FORMATS:
            raise _refuse("format", f"is not one of {', '.join(_FORMATS)}")
        z, x, y = (_need_number(pairs, name) for name in ("tilematrix", "tilecol", "tilerow"))
        wanted = Wanted((z, x, y), pairs.get("time") or None, media_type)
        return await answer_tile(rooms, layer_id or _need(pairs, "layer"), viewer, wanted, request)
    except EoceneError as error:
        if error.status in (401, 403):
            raise
        return _report(error)


def _need(pairs: Mapping[str, str], name: str) -> str:
    if not pairs.get(name):
        raise _refuse(name, "is missing")
    return pairs[name]


def _need_number(pairs: Mapping[str, str], name: str) -> int:
    text = _need(pairs, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _refuse(name, "is not a whole number")
    return int(text)


def _refuse(name: str, fault: str) -> InputError:
    return InputError(
        f"The parameter {name.upper()} {fault}.",
        "Ask for GetCapabilities to see what there is.",
        code="InvalidParameterValue",
    )


def _report(error: EoceneError) -> Response:
    """Return an error as WMTS clients read it."""
    report = ET.Element(f"{{{_OWS}}}ExceptionReport", {"version": "1.1.0"})
    # WMTS knows few codes: what is missing in the request, and what is wrong in it.
    missing = isinstance(error, InputError) and error.message.endswith("is missing.")
    code = "MissingParameterValue" if missing else "InvalidParameterValue"
    one = ET.SubElement(report, f"{{{_OWS}}}Exception", {"exceptionCode": code})
    ET.SubElement(one, f"{{{_OWS}}}ExceptionText").text = str(error)
    return Response(_write(report), error.status, media_type=_XML)


def _list_layers(rooms: Rooms, viewer: Viewer) -> list[Layer]:
    return [one for one in rooms.layers.list(kind="raster") if may_see(one, viewer, rooms)]


def _answer_capabilities(layers: Sequence[Layer], rooms: Rooms, home: str, address: Address) -> Response:
    root = ET.Element(f"{{{_WMTS}}}Capabilities", {"version": "1.0.0"})
    service = _add(root, "ows:ServiceIdentification")
    _add(service, "ows:Title", "Eocene")
    _add(service, "ows:ServiceType", "OGC WMTS")
    _add(service, "ows:ServiceTypeVersion", "1.0.0")
    query = key_query(layers[0], rooms) if len(layers) == 1 else ""
    operations = _add(root, "ows:OperationsMetadata")
    for name in ("GetCapabilities", "GetTile"):
        http = _add(_add(_add(operations, "ows:Operation", name=name), "ows:DCP"), "ows:HTTP")
        get = _add(http, "ows:Get", **{_HREF: join_query(home, query) + ("&" if query else "?")})
        allowed = _add(_add(get, "ows:Constraint", name="GetEncoding"), "ows:AllowedValues")
        _add(allowed, "ows:Value", "KVP")
    contents = _add(root, "Contents")
    for layer in layers:
        _describe_layer(_add(contents, "Layer"), layer, key_query(layer, rooms), address)
    _describe_matrices(_add(contents, "TileMatrixSet"))
    _add(root, "ServiceMetadataURL", **{_HREF: f"{home}/1.0.0/WMTSCapabilities.xml"})
    return Response(_write(root), media_type=_XML)


def _describe_layer(node: ET.Element, layer: Layer, query: str, address: Address) -> None:
    _add(node, "ows:Title", layer.title)
    if layer.description:
        _add(node, "ows:Abstract", layer.description)
    if layer.bounds:
        west, south, east, north = layer.bounds
        box = _add(node, "ows:WGS84BoundingBox")
        _add(box, "ows:LowerCorner", f"{west} {south}")
        _add(box, "ows:UpperCorner", f"{east} {north}")
    _add(node, "ows:Identifier", layer.id)
    style = _add(node, "Style", isDefault="true")
    _add(style, "ows:Identifier", STYLE)
    legend = join_query(address(join_path(["layers", layer.id, "legend.png"])), query)
    _add(style, "LegendURL", format="image/png", **{_HREF: legend})
    for media_type in _FORMATS:
        _add(node, "Format", media_type)
    if layer.times:
        dimension = _add(node, "Dimension")
        _add(dimension, "ows:Identifier", "Time")
        _add(dimension, "Default", layer.times[-1])
        for time in layer.times:
            _add(dimension, "Value", time)
    matrix_link = _add(node, "TileMatrixSetLink")
    _add(matrix_link, "TileMatrixSet", MATRIX_SET)
    home = address(join_path(["tiles", layer.id]))
    for media_type, ending in _FORMATS.items():
        template = f"{home}/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.{ending}"
        template = join_query(template, "time={Time}" if layer.times else "", query)
        _add(node, "ResourceURL", format=media_type, resourceType="tile", template=template)


def _describe_matrices(node: ET.Element) -> None:
    _add(node, "ows:Identifier", MATRIX_SET)
    _add(node, "ows:SupportedCRS", "urn:ogc:def:crs:EPSG::3857")
    _add(node, "WellKnownScaleSet", "urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible")
    for zoom in range(MOST_ZOOM + 1):
        matrix = _add(node, "TileMatrix")
        _add(matrix, "ows:Identifier", str(zoom))
        _add(matrix, "ScaleDenominator", repr(_SCALE_0 / (1 << zoom)))
        _add(matrix, "TopLeftCorner", f"{-HALF_WORLD_M} {HALF_WORLD_M}")
        for name, size in (("TileWidth", TILE), ("TileHeight", TILE)):
            _add(matrix, name, str(size))
        for name in ("MatrixWidth", "MatrixHeight"):
            _add(matrix, name, str(1 << zoom))


def _add(parent: ET.Element, name: str, text: str | None = None, /, **attributes: str) -> ET.Element:
    """Add an element by its name, that of OWS with the prefix ``ows:``."""
    space, _, local = name.rpartition(":")
    node = ET.SubElement(parent, f"{{{_OWS if space else _WMTS}}}{local}", attributes)
    node.text = text
    return node


def _write(root: ET.Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root)

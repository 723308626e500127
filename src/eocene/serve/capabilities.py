"""What this server is and can do: well-known discovery, capabilities, conformance, file formats."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from eocene._version import __version__
from eocene.model import NotFoundError
from eocene.process.output.formats import INPUT_FORMATS, OUTPUT_FORMATS
from eocene.serve.billing import BILLING
from eocene.serve.errors import refuse_method
from eocene.serve.rooms import AddressOf, link
from eocene.serve.settings import API_VERSION, OPENEO, STAC_VERSION
from eocene.serve.udf_runtimes import describe_walls

router = APIRouter(tags=["capabilities"])
fallback = APIRouter(include_in_schema=False)

CONFORMANCE = (
    "https://api.openeo.org/1.2.0",
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
)
"""Items are features of OGC API below ``/stac``, which announces that."""
TOKENS = "https://api.openeo.org/1.3.0/authentication/jwt"
"""Announced where there are login providers: their JSON web tokens, which name the issuer, come plain."""


@router.get("/.well-known/openeo")
def discover(address: AddressOf) -> dict[str, Any]:
    """List the versions of the openEO API on this server."""
    version = {"url": address(f"{OPENEO}/"), "api_version": API_VERSION, "production": True}
    return {"versions": [version]}


@router.get(f"{OPENEO}/")
@router.get(OPENEO, include_in_schema=False)
def describe_server(request: Request, address: AddressOf) -> dict[str, Any]:
    """Return the capabilities."""
    return {
        "api_version": API_VERSION,
        "backend_version": __version__,
        "stac_version": STAC_VERSION,
        "type": "Catalog",
        "id": "eocene",
        "title": "Eocene",
        "description": "Satellite archives as data cubes, maps, models and linked data, from one workspace.",
        "production": True,
        "conformsTo": _find_conformance(request),
        "endpoints": list_endpoints(request.app.openapi()["paths"]),
        "billing": BILLING,
        "eocene:udf": describe_walls(),
        "links": [
            link("self", address(f"{OPENEO}/")),
            link("version-history", address("/.well-known/openeo")),
            link("data", address(f"{OPENEO}/collections")),
            link("conformance", address(f"{OPENEO}/conformance")),
            link("service-doc", address("/docs"), "text/html"),
            link("service-desc", address("/openapi.json"), "application/vnd.oai.openapi+json;version=3.1"),
        ],
    }


@router.get(f"{OPENEO}/conformance")
def list_conformance(request: Request) -> dict[str, Any]:
    """List the conformance classes."""
    return {"conformsTo": _find_conformance(request)}


def _find_conformance(request: Request) -> list[str]:
    takes_tokens = bool(request.app.state.rooms.settings.oidc)
    return [*CONFORMANCE, *([TOKENS] if takes_tokens else [])]


@router.get(f"{OPENEO}/file_formats")
def list_formats() -> dict[str, Any]:
    """List the file formats."""
    return {"input": INPUT_FORMATS, "output": OUTPUT_FORMATS}


@fallback.get("/openeo")
@fallback.get("/openeo/{version}")
@fallback.get("/openeo/{version}/{rest:path}")
def refuse_version(request: Request, version: str = "", rest: str = "") -> None:
    """Say which version there is to who asks for another, or that there is no such endpoint."""
    refuse_method(request)
    if version in ("1.2", "1.2.0"):
        raise NotFoundError(f"There is no endpoint /{rest[:80]}.", f"They are listed at {OPENEO}/.")
    raise NotFoundError(
        f"The requested API version {version[:20]!r} is not supported.",
        f"Version {API_VERSION} is at {OPENEO}/.",
        code="UnsupportedApiVersion",
    )


def list_endpoints(paths: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return path and methods of the openEO routes that the application really has."""
    own = {
        path.removeprefix(OPENEO): sorted(map(str.upper, methods))
        for path, methods in paths.items()
        if path.startswith(f"{OPENEO}/")
    }
    return [{"path": path, "methods": methods} for path, methods in sorted(own.items()) if path != "/"]

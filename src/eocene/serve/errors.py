"""Every error leaves in one form, whatever raised it.

openEO wants ``{"id", "code", "message", "links"}``, STAC ``{"code", "description"}``, OGC API – Processes
``{"type", "title", "status", "detail"}``: below /stac and /ogc an error is all of these.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from eocene.model import EoceneError
from eocene.model.files import name_disk_fault
from eocene.serve.ogc_documents import OGC, describe_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)
_STAC = "/stac"


class LinkExpiredError(EoceneError):
    """A signed link was used after its time."""

    code = "ResultLinkExpired"
    status = 410


class TooLargeError(EoceneError):
    """The body of a request is longer than this server reads."""

    code = "FileSizeExceeded"
    status = 413


class MediaTypeError(EoceneError):
    """The body of a request is said to be of a form that is not read at its address.

    The status is that of HTTP (RFC 9110, 15.5.16), which STAC, OGC and SPARQL ask for; openEO lets it be any
    of 4xx.

    Parameters
    ----------
    kind : str
        What the request says.
    *known : str
        The media types that are read.
    """

    code = "ContentTypeInvalid"
    status = 415

    def __init__(self, kind: str, *known: str) -> None:
        super().__init__(
            f"The media type {kind[:60]!r} is not supported.",
            f"Send {' or '.join(known)}, and say so in the header Content-Type.",
        )


def respond(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, *, path: str = ""
) -> JSONResponse:
    """Return the error of a request to a path as a response, with an id under which the log tells more."""
    body: dict[str, Any] = {"id": str(uuid.uuid4()), "code": code, "message": message, "links": []}
    if path.startswith(_STAC):
        body["description"] = message
    if path.startswith(f"{OGC}/"):
        body |= describe_problem(status, code, message)
    return JSONResponse(body, status, headers=dict(headers or {}))


def respond_internal(error: Exception) -> JSONResponse:
    """Return an error that nobody foresaw: the log gets the whole of it, the client only its id.

    What a full or broken disk did is told as that.
    """
    fault = name_disk_fault(error)
    code, text = (fault.code, str(fault)) if fault else ("Internal", "An unexpected error on the server.")
    response = respond(500, code, f"{text} Report it with its id to the operator.")
    _log.error("unexpected error %s", bytes(response.body).decode(), exc_info=error)
    return response


def list_methods(request: Request) -> list[str]:
    """Return the methods that the address of a request supports; those of the page are not counted."""
    found: set[str] = set()
    for route in request.app.state.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods
    return sorted(found)


def refuse_method(request: Request) -> None:
    """Raise the error 405 where there is an address with other methods; elsewhere do nothing."""
    if list_methods(request):
        raise HTTPException(405)


def install_handlers(app: FastAPI) -> None:
    """Let the application answer all errors in this form."""

    @app.exception_handler(EoceneError)
    def _known(request: Request, error: EoceneError) -> JSONResponse:
        root = str(request.app.state.rooms.layout.root)
        # A file is named relative to the workspace: where that lies is nobody's business.
        message = str(error).replace(root, "<workspace>")
        if error.status >= 500:
            _log.warning("%s: %s", error.code, error)
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else getattr(error, "headers", {})
        return respond(error.status, error.code, message, headers, path=request.url.path)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = (f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors())
        text = f"The request is wrong: {'; '.join(faults)}."
        return respond(400, "InvalidParameterValue", text, path=request.url.path)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        methods = list_methods(request) if error.status_code == 405 else []
        # The page answers any address, so an unknown one arrives here as one of another method.
        status = 404 if error.status_code == 405 and not methods else error.status_code
        codes = {404: "NotFound", 405: "FeatureUnsupported"}
        texts = {
            404: "There is nothing at this address. The addresses are listed at /docs.",
            405: "The address does not support this method. The methods are listed at /docs.",
        }
        code = codes.get(status, "Internal" if status >= 500 else "BadRequest")
        text = texts.get(status, str(error.detail))
        headers = {"Allow": ", ".join(methods)} if methods else {}
        return respond(status, code, text, headers, path=request.url.path)

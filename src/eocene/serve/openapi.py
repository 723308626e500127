"""The OpenAPI document of the server: what FastAPI tells from signatures, and what it cannot know.

Added are the forms of answers (`eocene.serve.schemas`), every error in the one form that errors have here,
who has to log in, and links from what makes a thing to what can be done with it.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from eocene.serve.schemas import OPERATIONS, SCHEMAS
from eocene.serve.schemas.notation import BINARY, JSON, Answer, Operation, Schema, ref
from eocene.serve.schemes import ANYONE, BASIC, BEARER, READING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI

Document = dict[str, Any]

_ERROR: Schema = {JSON: {"schema": ref("Error")}}
_HEADERS = {401: "WWW-Authenticate", 416: "Content-Range", 429: "Retry-After"}
_LOGIN_ERRORS = (401, 403, 429)
_UNUSED = ("HTTPValidationError", "ValidationError")


def install_openapi(app: FastAPI, *, public_data: bool) -> None:
    """Let the application tell its whole OpenAPI document, made when it is first asked for.

    Parameters
    ----------
    app : FastAPI
        The application with all its routes.
    public_data : bool
        Whether data are read without a login.
    """
    make = app.openapi

    @lru_cache(maxsize=1)
    def openapi() -> Document:
        return complete_document(make(), public_data=public_data)

    app.openapi = openapi  # type: ignore[method-assign]


def complete_document(document: Document, *, public_data: bool) -> Document:
    """Return the document with answers, errors, security and links of every operation."""
    document = copy.deepcopy(document)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _UNUSED:
        schemas.pop(name, None)
    schemas |= SCHEMAS
    components["securitySchemes"] = {scheme.scheme_name: _dump(scheme.model) for scheme in (BEARER, BASIC)}
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    for (method, path), operation in operations.items():
        known = OPERATIONS.get(f"{method.upper()} {path}", Operation(()))
        _complete(operation, known, public_data=public_data)
        if known.makes:
            _link(operation, known, operations)
    return document


def _complete(operation: Document, known: Operation, *, public_data: bool) -> None:
    schemes = {name for entry in operation.get("security", ()) for name in entry}
    operation["security"] = _describe_security(schemes, public_data=public_data)
    if not operation["security"]:
        del operation["security"]
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        _refuse_null(parameter)
    if known.body is not None:
        content = operation["requestBody"]["content"][JSON]
        content["schema"] = known.body
    if known.answers:
        operation["responses"] = {str(answer.status): _describe(answer) for answer in known.answers}
    responses = operation["responses"]
    responses.pop("422", None)
    for status in _list_errors(operation, known, knows_callers=bool(schemes)):
        responses.setdefault(str(status), _describe_error(status))


def _describe_security(schemes: Iterable[str], *, public_data: bool) -> list[dict[str, list[str]]]:
    needed: dict[str, list[dict[str, list[str]]]] = {
        BEARER.scheme_name: [{BEARER.scheme_name: []}],
        BASIC.scheme_name: [{BASIC.scheme_name: []}],
        READING.scheme_name: [*([{}] if public_data else []), {BEARER.scheme_name: []}],
        ANYONE.scheme_name: [{}, {BEARER.scheme_name: []}],
    }
    # Where a login is needed, being open to some else opens nothing.
    for name, entries in needed.items():
        if name in schemes:
            return entries
    return []


def _list_errors(operation: Document, known: Operation, *, knows_callers: bool) -> list[int]:
    parameters = operation.get("parameters", [])
    statuses = set(known.errors)
    if parameters or "requestBody" in operation:
        statuses.add(400)
    if "requestBody" in operation:
        statuses.add(413)
        if BINARY not in operation["requestBody"]["content"]:  # what anything may be sent to
            statuses.add(415)
    if any(parameter["in"] == "path" for parameter in parameters):
        statuses.add(404)
    if knows_callers:
        statuses.update(_LOGIN_ERRORS)
    return sorted(statuses)


def _refuse_null(parameter: Document) -> None:
    """Take null from what a parameter may be: a text in an address is never null, only left out."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    if len(kinds) == 1:
        del schema["anyOf"]
        parameter["schema"] = schema | kinds[0]


def _describe(answer: Answer) -> Document:
    described: Document = {"description": HTTPStatus(answer.status).phrase}
    if answer.media:
        described["content"] = {kind: {"schema": schema} for kind, schema in answer.media.items()}
    if answer.headers:
        described["headers"] = {
            name: {"schema": schema, "required": True} for name, schema in answer.headers.items()
        }
    return described


def _describe_error(status: int) -> Document:
    described: Document = {"description": HTTPStatus(status).phrase, "content": _ERROR}
    if status in _HEADERS:
        described["headers"] = {_HEADERS[status]: {"schema": {"type": "string"}, "required": True}}
    return described


def _link(maker: Document, known: Operation, operations: dict[tuple[str, str], Document]) -> None:
    """Link what makes a thing to the operations that take its name and no other."""
    made = maker["responses"][str(known.answers[0].status)]
    made["links"] = {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {parameter: expression},
        }
        for parameter, _, expression in (entry.partition("=") for entry in known.makes)
        for (_, path), operation in operations.items()
        if f"{{{parameter}}}" in path and path.count("{") == 1
    }


def _dump(model: Any) -> Document:
    dumped: Document = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped

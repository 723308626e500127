"""The SPARQL 1.1 protocol over the linked data of the workspace; questions only."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from eocene.model import InputError
from eocene.serve.auth import Reader
from eocene.serve.bodies import RawBody, find_media_type
from eocene.serve.errors import MediaTypeError
from eocene.serve.rooms import RoomsOf

router = APIRouter(tags=["linked data"])

QUERY_TIMEOUT_S = 30.0
_RESULTS = "application/sparql-results+json"
_QUERY = "application/sparql-query"
_FORM = "application/x-www-form-urlencoded"
_TEXT = {"type": "string", "format": "sparql"}
Question = Annotated[str, Query(json_schema_extra={"format": "sparql"}, description="SPARQL 1.1, no update.")]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            _QUERY: {"schema": _TEXT, "example": "SELECT * WHERE { ?s ?p ?o } LIMIT 10"},
            _FORM: {"schema": {"type": "object", "properties": {"query": _TEXT}, "required": ["query"]}},
        },
    }
}


@router.get("/sparql")
def ask_by_get(rooms: RoomsOf, _reader: Reader, query: Question) -> Response:
    """Answer a question given as ``query``."""
    return _answer(rooms, query)


@router.get("/sparql/examples")
def list_examples(_reader: Reader) -> list[dict[str, str]]:
    """List questions that are ready to be asked: their titles and SPARQL."""
    from eocene.link import examples

    return examples()


@router.post("/sparql", openapi_extra=_BODY)
def ask_by_post(request: Request, body: RawBody, rooms: RoomsOf, _reader: Reader) -> Response:
    """Answer a question given as the body, or as the field ``query`` of a form."""
    kind = find_media_type(request)
    text = _decode(body)
    if kind == _FORM:
        text = parse_qs(text).get("query", [""])[0]
    elif kind != _QUERY:
        raise MediaTypeError(kind, _QUERY, _FORM)
    return _answer(rooms, text)


def _answer(rooms: RoomsOf, query: str) -> Response:
    if not query.strip():
        raise InputError(
            "No query was given.", "Send it as the parameter 'query'.", code="InvalidParameterValue"
        )
    solutions = rooms.links().query(query, timeout_s=QUERY_TIMEOUT_S)
    headers = {"X-Eocene-Truncated": "true"} if solutions.truncated else {}
    if solutions.kind == "construct":
        lines = "".join(f"{triple.rstrip(' .')} .\n" for triple in solutions.triples)
        return Response(lines, media_type="application/n-triples", headers=headers)
    return JSONResponse(solutions.to_json(), media_type=_RESULTS, headers=headers)


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InputError("The query is not UTF-8.", "Send UTF-8.", code="ContentTypeInvalid") from error

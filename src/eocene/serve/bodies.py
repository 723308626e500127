"""JSON bodies, read with a bound and refused with a reason."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from eocene.model import InputError
from eocene.process.strict_json import read_json
from eocene.serve.errors import TooLargeError
from eocene.serve.rooms import get_rooms

_CODE = "ContentTypeInvalid"


async def read_bytes(request: Request) -> bytes:
    """Return the body; raises TooLargeError as soon as it is longer than allowed."""
    limit = (await get_rooms(request)).settings.body_limit
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLargeError(
                f"The body is longer than {limit} bytes.", "Send less, for instance simpler geometries."
            )
    return bytes(body)


async def read_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises
    ------
    InputError
        If it is not strict JSON (with line and column), or not an object.
    """
    value = read_json(await read_bytes(request), "The body of the request", code=_CODE)
    if not isinstance(value, dict):
        raise InputError(
            "The body of the request is not a JSON object.", "Send a JSON object in UTF-8.", code=_CODE
        )
    return value


JsonObject = Annotated[dict[str, Any], Depends(read_object)]
RawBody = Annotated[bytes, Depends(read_bytes)]


def describe_body(example: dict[str, Any]) -> dict[str, Any]:
    """Return the part of OpenAPI that says "a JSON object such as this"."""
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}

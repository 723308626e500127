"""JSON bodies, read with a bound and refused with a reason."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends, Request

from eocene.model import InputError
from eocene.serve.errors import TooLargeError
from eocene.serve.rooms import get_rooms


async def read_bytes(request: Request) -> bytes:
    """Return the body; raises TooLargeError as soon as it is longer than allowed."""
    limit = get_rooms(request).settings.body_limit
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
        If it is not JSON (with line and column), or not an object.
    """
    body = await read_bytes(request)
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed(f"is not JSON ({error.msg} at {where})") from error
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else "holds what JSON has not"
        raise _malformed(reason) from error
    if not isinstance(value, dict):
        raise _malformed("is not a JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _malformed(reason: str) -> InputError:
    return InputError(
        f"The body of the request {reason}.", "Send a JSON object in UTF-8.", code="ContentTypeInvalid"
    )


JsonObject = Annotated[dict[str, Any], Depends(read_object)]
RawBody = Annotated[bytes, Depends(read_bytes)]


def describe_body(example: dict[str, Any]) -> dict[str, Any]:
    """Return the part of OpenAPI that says "a JSON object such as this"."""
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}

"""JSON bodies, read with a bound and refused with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from eocene.model import InputError
from eocene.process.strict_json import read_json
from eocene.serve.errors import MediaTypeError, TooLargeError
from eocene.serve.rooms import get_rooms
from eocene.serve.schemas.notation import JSON

if TYPE_CHECKING:
    from collections.abc import Callable

Model = TypeVar("Model", bound=BaseModel)
_CODE = MediaTypeError.code


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


def find_media_type(request: Request) -> str:
    """Return the media type that the request says its body has, without parameters; empty if it says none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object; who says nothing of its media type sends JSON, too.

    Raises
    ------
    MediaTypeError
        If the request says that it is something else than JSON.
    InputError
        If it is not strict JSON (with line and column), or not an object.
    """
    kind = find_media_type(request)
    if kind not in ("", JSON) and not kind.endswith("+json"):
        raise MediaTypeError(kind, JSON)
    value = read_json(await read_bytes(request), "The body of the request", code=_CODE)
    if not isinstance(value, dict):
        raise InputError(
            "The body of the request is not a JSON object.", "Send a JSON object in UTF-8.", code=_CODE
        )
    return value


JsonObject = Annotated[dict[str, Any], Depends(read_object)]
RawBody = Annotated[bytes, Depends(read_bytes)]


def parse_as(model: type[Model]) -> Callable[[dict[str, Any]], Model]:
    """Return the dependency that reads a JSON object as a model; it raises RequestValidationError.

    FastAPI's own way to read one has no bound.
    """

    def parse(body: JsonObject) -> Model:
        try:
            return model.model_validate(body)
        except ValidationError as error:
            raise RequestValidationError(
                [e | {"loc": ("body", *e["loc"])} for e in error.errors()]
            ) from error

    return parse


def describe_body(example: dict[str, Any]) -> dict[str, Any]:
    """Return the part of OpenAPI that says "a JSON object such as this"."""
    return _describe({"schema": {"type": "object"}, "example": example})


def describe_model(model: type[BaseModel]) -> dict[str, Any]:
    """Return the part of OpenAPI that says "a JSON object of this model"."""
    return _describe({"schema": model.model_json_schema()})


def _describe(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {JSON: content}}}

"""Short words for JSON Schema, and for what an operation takes and answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = dict[str, Any]

JSON = "application/json"
BINARY = "application/octet-stream"
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {}
OBJECT: Schema = {"type": "object"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
URL: Schema = {"type": "string", "format": "uri"}
BYTES: Schema = {"type": "string", "format": "binary"}


def shape(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, *, closed: bool = False
) -> Schema:
    """Return the schema of an object with these members; others may be there unless it is closed."""
    schema: Schema = {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }
    return schema | ({"additionalProperties": False} if closed else {})


def list_of(items: Schema, **more: Any) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items} | more


def map_of(values: Schema) -> Schema:
    """Return the schema of an object whose members are all alike, whatever their names."""
    return {"type": "object", "additionalProperties": values}


def one_of(*values: str) -> Schema:
    """Return the schema of a text that is one of these."""
    return {"type": "string", "enum": list(values)}


def always(value: Any) -> Schema:
    """Return the schema of one value."""
    return {"const": value}


def maybe(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


LINKS = list_of(ref("Link"))


@dataclass(frozen=True)
class Answer:
    """A response that is no error in openEO's form.

    Parameters
    ----------
    status : int
        Its status.
    media : mapping
        The schema of its body by media type; empty without a body.
    headers : mapping
        The schemas of the headers that it always has.
    """

    status: int = 200
    media: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, Schema] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """What is to be said of an operation beside what its signature tells.

    Parameters
    ----------
    answers : tuple of Answer
        What it answers when all is well.
    body : dict or None
        The schema of the JSON that it takes.
    errors : tuple of int
        Statuses of errors beyond those that every operation of its kind can answer.
    makes : tuple of str
        Each parameter that takes the name of what was made, and where that stands, as an expression of
        OpenAPI: ``job_id=$response.header.OpenEO-Identifier``.
    """

    answers: tuple[Answer, ...]
    body: Schema | None = None
    errors: tuple[int, ...] = ()
    makes: tuple[str, ...] = ()


def gives(schema: Schema, media_type: str = JSON, *, status: int = 200, **more: Any) -> Operation:
    """Return an operation that answers with one kind of body."""
    return Operation((Answer(status, {media_type: schema}),), **more)


def gives_nothing(status: int = 204, headers: Mapping[str, Schema] | None = None, **more: Any) -> Operation:
    """Return an operation whose answer has no body."""
    return Operation((Answer(status, headers=headers or {}),), **more)

"""Documents of APIs: JSON that is asked for, with JSON or a form that is posted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch.client import Request
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive.fetch.answer import Answer
    from eocene.archive.fetch.urls import Url

_ACCEPTED = "application/json, application/geo+json"
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"


def ask_document(url: Url, method: str, body: Any, headers: Mapping[str, str] | None) -> Request:
    """Return the request for a document; see :meth:`eocene.archive.fetch.Door.get_json`."""
    sent = {"Accept": _ACCEPTED, **(headers or {})}
    if body is None:
        return Request(url, method, sent)
    if isinstance(body, bytes):
        return Request(url, method, sent | {"Content-Type": _FORM}, body)
    return Request(url, method, sent | {"Content-Type": _JSON}, json.dumps(body).encode())


def read_document(answer: Answer, most: int) -> Any:
    """Return the JSON of an answer of at most so many bytes.

    Raises
    ------
    DamageError
        If it is larger, or no JSON.
    """
    text = answer.body(most)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamageError(f"{answer.name!r} answers with no JSON.", "Check the URL.") from error

"""The error of what the door does not let through."""

from __future__ import annotations

from eocene.model.errors import InputError

_LOCAL = "Give a local file inside the folder that is ingested, or ingest the folder where it lies."
_REMOTE = (
    "Give a plain URL below a prefix that the operator allows: EOCENE_REMOTE lists them, separated by commas."
)


def refuse_path(href: object, why: str) -> InputError:
    """Return the error of a path that is not opened."""
    return InputError(f"The asset path {href!r} is refused: {why}.", _LOCAL, code="FilePathInvalid")


def refuse_url(url: object, why: str, remedy: str = _REMOTE) -> InputError:
    """Return the error of a URL that is not asked for; nothing was sent anywhere."""
    return InputError(f"The address {url!r} is refused: {why}.", remedy, code="FilePathInvalid")

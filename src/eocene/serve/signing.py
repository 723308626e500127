"""Links that open one file for some time, without a login."""

from __future__ import annotations

import hashlib
import hmac

from eocene.model import ForbiddenError
from eocene.serve.errors import LinkExpiredError


def sign(key: bytes, path: str, expires: int) -> str:
    """Return the signature of a path that may be read until ``expires`` (seconds since 1970)."""
    return hmac.new(key, f"{expires}\n{path}".encode(), hashlib.sha256).hexdigest()


def sign_link(key: bytes, path: str, expires: int) -> str:
    """Return the path with its signature."""
    return f"{path}?expires={expires}&signature={sign(key, path, expires)}"


def check_signature(key: bytes, path: str, expires: int, signature: str, now: float) -> None:
    """Return if the signature is good.

    Raises
    ------
    ForbiddenError
        If it is of another path, time or server.
    LinkExpiredError
        If its time is over.
    """
    expected = sign(key, path, expires)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise ForbiddenError(
            "The signature of the link is wrong.",
            "Request the results of the job again.",
            code="TokenInvalid",
        )
    if now > expires:
        raise LinkExpiredError("The link to the batch job result has expired.", "Request the results again.")

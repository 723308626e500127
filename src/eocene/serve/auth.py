"""Who calls: basic credentials become a token, a token becomes a name."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from eocene.model import AuthenticationError, ForbiddenError
from eocene.serve.rooms import RoomsOf
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["account"])


def find_caller(request: Request, rooms: RoomsOf) -> str:
    """Return the name of the user whose token came with the request.

    Raises
    ------
    AuthenticationError
        401, if no credentials came.
    ForbiddenError
        403, if they are of another kind, wrong or expired.
    """
    scheme, value = _read_authorization(request)
    method, _, rest = value.partition("/")
    provider, slash, token = rest.partition("/")
    if scheme != "bearer" or method != "basic" or provider or not slash:
        raise ForbiddenError(
            "The Authorization header is not of the form 'Bearer basic//TOKEN'.",
            f"Get a token at {OPENEO}/credentials/basic.",
            code="AuthenticationSchemeInvalid",
        )
    return rooms.users.find_by_token(token)


def find_reader(request: Request, rooms: RoomsOf) -> str | None:
    """Return who reads public data; a name is demanded only where the operator closed it."""
    return None if rooms.settings.public_data else find_caller(request, rooms)


Caller = Annotated[str, Depends(find_caller)]
Reader = Annotated[str | None, Depends(find_reader)]


@router.get("/credentials/basic")
def authenticate_basic(request: Request, rooms: RoomsOf) -> dict[str, str]:
    """Exchange user name and password (HTTP Basic) for a token."""
    scheme, value = _read_authorization(request)
    if scheme != "basic":
        raise ForbiddenError(
            "The Authorization header is not of the form 'Basic …'.",
            "Send user name and password by HTTP Basic.",
            code="AuthenticationSchemeInvalid",
        )
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ForbiddenError(
            "The Basic credentials are not Base64 of UTF-8.", "Encode name:password."
        ) from error
    return {"access_token": rooms.users.issue_token(rooms.users.verify(name, password))}


@router.get("/me")
def describe_account(caller: Caller) -> dict[str, Any]:
    """Tell who the caller is."""
    return {"user_id": caller, "name": caller, "storage": None, "budget": None, "links": []}


def _read_authorization(request: Request) -> tuple[str, str]:
    header = request.headers.get("authorization")
    if not header:
        raise AuthenticationError(
            "This address needs a login.", f"Get a token at {OPENEO}/credentials/basic and send it as Bearer."
        )
    scheme, _, value = header.partition(" ")
    return scheme.lower(), value.strip()

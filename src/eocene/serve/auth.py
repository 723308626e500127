"""Who calls: the token that came with a request becomes a person and an account."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from eocene.jobs.accounts.identity import Identity
from eocene.jobs.accounts.tokens import PERSONAL
from eocene.jobs.accounts.users import SESSION
from eocene.model import AuthenticationError, EoceneError, ForbiddenError
from eocene.serve.rooms import AddressOf, Rooms, RoomsOf, link
from eocene.serve.schemes import BASIC, BEARER, READING
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["account"])

_READING = re.compile(
    rf"{re.escape(OPENEO)}/validation|/stac/search|/stac/aggregate|/sparql|/series/[^/]+"
    r"|/models/[^/]+/(?:predict|explain)"
)
"""Where POST changes nothing and starts nothing."""


LoggedIn = Annotated[None, Depends(BEARER)]
"""Notes in the OpenAPI document that a login is needed."""


def identify(request: Request, rooms: RoomsOf, _noted: LoggedIn = None) -> Identity:
    """Return who calls, after counting the request.

    Raises
    ------
    AuthenticationError
        401, if no credentials came.
    ForbiddenError
        403, if they are of another kind, wrong or expired, or the token may only read.
    TooManyRequestsError
        429, if the account, or who tries wrong tokens, asks too often.
    """
    known: Identity | None = getattr(request.state, "identity", None)
    if known is not None:
        return known
    scheme, value = _read_authorization(request)
    try:
        found = _look_up(rooms, scheme, value)
    except EoceneError:
        rooms.gate.count_stranger(find_address(request))
        raise
    request.state.identity = found
    rooms.gate.count_request(found.account)
    if found.scope == "read" and not only_reads(request.method, request.url.path):
        raise ForbiddenError(
            "The token may only read.", "Use one of the scope write.", code="PermissionsInsufficient"
        )
    return found


def find_caller(request: Request, rooms: RoomsOf, _noted: LoggedIn = None) -> str:
    """Return the name of the account whose token came with the request; raises what `identify` does."""
    return identify(request, rooms).account


async def find_reader(
    request: Request, rooms: RoomsOf, _noted: Annotated[None, Depends(READING)] = None
) -> str | None:
    """Return who reads public data; a name is demanded only where the operator closed it.

    Credentials that come nevertheless have to be good.
    """
    if rooms.settings.public_data and "authorization" not in request.headers:
        rooms.gate.count_stranger(find_address(request))
        return None
    return await run_in_threadpool(find_caller, request, rooms)


Caller = Annotated[str, Depends(find_caller)]
Reader = Annotated[str | None, Depends(find_reader)]
Caring = Annotated[Identity, Depends(identify)]
"""For the few routes that have to know the person, not only the account."""


@router.get("/credentials/basic", dependencies=[Depends(BASIC)])
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
    rooms.gate.refuse_guesses(name, find_address(request))
    try:
        rooms.users.verify(name, password)
    except ForbiddenError:
        rooms.gate.count_wrong_password(name, find_address(request))
        raise
    request.state.identity = Identity(name, name, "session")
    return {"access_token": rooms.users.issue_token(name)}


@router.get("/me")
def describe_account(who: Caring, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Tell who the caller is, and what is left of the account's storage and credits."""
    accounts, account = rooms.accounts, who.account
    quota = accounts.quota(account)
    shown = {
        "user_id": account,
        "name": accounts.users.title(account),
        "storage": _describe_storage(rooms, account, quota.storage),
        "budget": accounts.credits_left(account),
        "roles": sorted(who.roles),
        "limits": quota.to_dict(),
        "links": [
            link("related", address(path), title=title)
            for path, title in (
                ("/account/tokens", "Your personal tokens"),
                ("/account/projects", "Your projects"),
                ("/rules", "Your rules on events"),
            )
        ],
    }
    return {name: value for name, value in shown.items() if value is not None}


def _describe_storage(rooms: Rooms, account: str, most: int | None) -> dict[str, int] | None:
    if most is None:
        return None
    return {"free": max(most - rooms.accounts.measure_storage(account), 0), "quota": most}


def only_reads(method: str, path: str) -> bool:
    """Tell whether a request changes nothing: a token that may only read is good for it."""
    return method in ("GET", "HEAD", "OPTIONS") or _READING.fullmatch(path.rstrip("/")) is not None


def find_address(request: Request) -> str:
    """Return where a request comes from, as the web server tells it."""
    return request.client.host if request.client else "unknown"


def _look_up(rooms: Rooms, scheme: str, value: str) -> Identity:
    method, slash, rest = value.partition("/")
    provider, second, token = rest.partition("/")
    if scheme == "bearer" and not slash and value.startswith((SESSION, PERSONAL)):
        return rooms.accounts.find_by_token(value)
    if scheme == "bearer" and not slash and value.count(".") == 2:
        return rooms.logins.identify(None, value)
    if scheme == "bearer" and method == "basic" and second and not provider:
        return rooms.accounts.find_by_token(token)
    if scheme == "bearer" and method == "oidc" and second and provider:
        return rooms.logins.identify(provider, token)
    raise ForbiddenError(
        "The Authorization header is not of the form 'Bearer basic//TOKEN' or 'Bearer oidc/PROVIDER/TOKEN'.",
        f"Get a token at {OPENEO}/credentials/basic, or at a provider of {OPENEO}/credentials/oidc.",
        code="AuthenticationSchemeInvalid",
    )


def _read_authorization(request: Request) -> tuple[str, str]:
    header = request.headers.get("authorization")
    if not header:
        raise AuthenticationError(
            "This address needs a login.", f"Get a token at {OPENEO}/credentials/basic and send it as Bearer."
        )
    scheme, _, value = header.partition(" ")
    return scheme.lower(), value.strip()

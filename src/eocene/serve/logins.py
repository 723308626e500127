"""Logins at OpenID providers: who a token of one of them is.

Sources: OpenID Connect Core 1.0; JSON Web Token, RFC 7519, best practices RFC 8725; profile for access
tokens, RFC 9068.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jws import JWSRegistry, extract_compact

from eocene.jobs.accounts.identity import Identity
from eocene.model import ForbiddenError, InputError
from eocene.process.strict_json import read_json
from eocene.serve.keys import ProviderKeys
from eocene.serve.settings import OPENEO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eocene.jobs import Users
    from eocene.serve.provider import Provider

LEEWAY_S = 30
_LONGEST = 16 << 10
_ID_TOKEN = ("nonce", "at_hash", "c_hash", "s_hash")
"""Claims that only an ID token has, which tells a client who logged in and opens nothing."""


class Logins:
    """The providers of one server and their keys.

    Parameters
    ----------
    providers : iterable of Provider
        The first is the default.
    users : Users
        Where identities become names.
    clock, now : callable
        Give the seconds since 1970 (``now``), and ones that never go back (``clock``).
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        users: Users,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.providers = tuple(providers)
        self._users, self._now = users, now
        self._keys = {provider.id: ProviderKeys(provider, clock) for provider in self.providers}

    def identify(self, provider_id: str | None, token: str) -> Identity:
        """Return who calls with an access token (a JWT).

        Parameters
        ----------
        provider_id : str or None
            The provider that the client names; None to look into the token for its issuer.
        token : str
            The token.

        Raises
        ------
        ForbiddenError
            AuthenticationSchemeInvalid for an unknown provider, TokenInvalid for a token that is not
            good, PermissionsInsufficient for a user who is not admitted.
        ProviderError
            If the provider does not answer.
        """
        claims: dict[str, Any] = {}
        if provider_id is None:
            claims = _read_unverified(token)[1]
        provider = self._find(provider_id, claims.get("iss"))
        claims = self._verify(provider, token)
        marks = _read_marks(claims, provider.roles_claim)
        if provider.admit and not marks & set(provider.admit):
            raise ForbiddenError(
                "You are known, but not admitted to this service.",
                "Ask the operator to admit you.",
                code="PermissionsInsufficient",
            )
        roles = frozenset(provider.roles[mark] for mark in marks & set(provider.roles))
        titles = (claims.get(key) for key in ("name", "preferred_username", "email"))
        title = next((text[:200] for text in titles if isinstance(text, str) and text), None)
        name = self._users.admit(provider.issuer, claims["sub"], prefix=provider.id, title=title, roles=roles)
        return Identity(name, name, "oidc", roles=roles)

    def _find(self, provider_id: str | None, issuer: Any) -> Provider:
        for provider in self.providers:
            if provider_id == provider.id:
                return provider
            if provider_id is None and str(issuer).rstrip("/") == provider.issuer:
                return provider
        raise ForbiddenError(
            "The token is of no login provider of this server.",
            f"The providers are listed at {OPENEO}/credentials/oidc.",
            code="AuthenticationSchemeInvalid" if provider_id is not None else "TokenInvalid",
        )

    def _verify(self, provider: Provider, token: str) -> dict[str, Any]:
        header, _ = _read_unverified(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in provider.algorithms:
            raise _refused("is signed in a way that is not accepted")
        if not isinstance(key_id, str | None):
            raise _refused("names its key wrongly")
        keys = self._keys[provider.id]
        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        for key in keys.find(algorithm, key_id):
            try:
                claims = jwt.decode(token, key, algorithms=[algorithm], registry=registry).claims
            except (JoseError, ValueError):
                continue
            self._check(provider, keys.issuer, claims)
            return claims
        raise _refused("has no signature of its provider")

    def _check(self, provider: Provider, issuer: str, claims: dict[str, Any]) -> None:
        wanted: dict[str, Any] = {
            "iss": {"essential": True, "value": issuer},
            "sub": {"essential": True},
            "exp": {"essential": True},
        }
        if provider.audience:
            wanted["aud"] = {"essential": True, "values": list(provider.audience)}
        registry = jwt.JWTClaimsRegistry(now=lambda: int(self._now()), leeway=LEEWAY_S, **wanted)
        try:
            registry.validate(claims)
        except ExpiredTokenError as error:
            raise _refused("has expired") from error
        except (InvalidClaimError, MissingClaimError) as error:
            raise _refused(f"has a wrong or missing claim ({error.description})") from error
        if any(claim in claims for claim in _ID_TOKEN) or claims.get("typ") in ("ID", "Refresh"):
            raise _refused("is no access token")
        if provider.clients and not {claims.get("azp"), claims.get("client_id")} & set(provider.clients):
            raise _refused("was given to another client")
        if len(claims["sub"]) > 255:
            raise _refused("has a subject of more than 255 characters")


def _read_unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims as they say they are; nothing of them is true yet."""
    if len(token) > _LONGEST:
        raise _refused(f"is longer than {_LONGEST} bytes")
    try:
        parts = extract_compact(token.encode())
        header, claims = parts.headers(), read_json(parts.payload, "The token", code="TokenInvalid")
    except (JoseError, ValueError, InputError) as error:
        raise _refused("is no signed JSON web token") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise _refused("is no signed JSON web token")
    return header, claims


def _read_marks(claims: dict[str, Any], path: str) -> set[str]:
    """Return the values of the claim at a path; a name may hold dots itself, as addresses do."""
    found: Any = claims
    for step in [path] if path in claims else path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    listed = found.split() if isinstance(found, str) else found
    return {mark for mark in listed if isinstance(mark, str)} if isinstance(listed, list) else set()


def _refused(fault: str) -> ForbiddenError:
    return ForbiddenError(f"The token {fault}.", "Log in again at the provider.", code="TokenInvalid")

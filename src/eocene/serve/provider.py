"""An OpenID provider as the operator describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eocene.jobs.accounts.identity import ROLES
from eocene.jobs.accounts.quota import read_setting
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

OIDC = "EOCENE_OIDC"
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""Signatures with public keys only: neither ``none`` nor a shared secret can ever be asked for."""

_ID = re.compile(r"\w{1,20}", re.ASCII)
_TEXTS = ("id", "issuer", "title", "description", "roles_claim")
_LISTS = ("scopes", "audience", "clients", "admit", "algorithms")


@dataclass(frozen=True)
class Provider:
    """One provider whose tokens are accepted.

    Parameters
    ----------
    id : str
        How clients call it, in ``oidc/ID/TOKEN``: 1 to 20 letters, digits or ``_``.
    issuer : str
        Its address, https unless on this machine, without a slash at its end.
    title, description : str
        For people.
    scopes : tuple of str
        What clients have to ask for; with ``openid`` if any.
    audience : tuple of str
        The token has to be meant for one of these.
    clients : tuple of str
        The token has to be given to one of these clients (claim ``azp`` or ``client_id``).
    default_clients : tuple of dict
        Clients that need no secret, as openEO lists them.
    roles_claim : str
        The claim that says what a user is; dots lead into nested objects.
    roles : mapping
        Which role of ours a value of that claim stands for.
    admit : tuple of str
        Values of that claim of which one is needed to be let in at all; empty lets everybody in.
    algorithms : tuple of str
        Those of :data:`ALGORITHMS` that are accepted.

    Raises
    ------
    InputError
        If a value is not allowed, or neither audience nor clients are said: any token of the provider,
        given to whichever site, would open this one.
    """

    id: str
    issuer: str
    title: str = ""
    description: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    audience: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    default_clients: tuple[Mapping[str, Any], ...] = ()
    roles_claim: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    admit: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ALGORITHMS

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise _wrong(self.id, "has an id that is not 1 to 20 letters, digits or _")
        if not is_safe(self.issuer) or self.issuer.endswith("/"):
            raise _wrong(self.id, "has an issuer that is no https address, or ends in a slash")
        if not (self.audience or self.clients):
            raise _wrong(self.id, "says neither audience nor clients, so tokens for other sites would do")
        if self.scopes and "openid" not in self.scopes:
            raise _wrong(self.id, "has scopes without openid")
        if set(self.algorithms) - set(ALGORITHMS) or not self.algorithms:
            raise _wrong(self.id, f"has algorithms that are not among {', '.join(ALGORITHMS)}")
        if set(self.roles.values()) - ROLES:
            raise _wrong(self.id, f"gives roles that are not among {', '.join(sorted(ROLES))}")
        if (self.roles or self.admit) and not self.roles_claim:
            raise _wrong(self.id, "does not say in roles_claim where the roles stand")

    def describe(self) -> dict[str, Any]:
        """Return the provider as ``GET /credentials/oidc`` lists it."""
        shown: dict[str, Any] = {"id": self.id, "issuer": self.issuer, "title": self.title or self.id}
        shown |= {"description": self.description} if self.description else {}
        shown["scopes"] = list(self.scopes)
        if self.default_clients:
            shown["default_clients"] = [dict(client) for client in self.default_clients]
        return shown


def providers_of_environment() -> tuple[Provider, ...]:
    """Return the providers that ``EOCENE_OIDC`` says: a JSON object, a list of them, or a file with these.

    Raises
    ------
    InputError
        If a provider is described wrongly, or two have the same id or issuer.
    """
    given = read_setting(OIDC) or []
    found = tuple(read_provider(entry) for entry in (given if isinstance(given, list) else [given]))
    for what in ("id", "issuer"):
        if len({getattr(provider, what) for provider in found}) < len(found):
            raise InputError(f"Two providers in {OIDC} have the same {what}.", "Leave one out.")
    return found


def read_provider(given: Any) -> Provider:
    """Return the provider that a JSON object describes; raises InputError."""
    known = {f.name for f in fields(Provider)}
    if not isinstance(given, dict) or set(given) - known or not {"id", "issuer"} <= set(given):
        raise InputError(
            f"A provider in {OIDC} is not an object with id and issuer, or has an unknown property.",
            f"Known are: {', '.join(sorted(known))}.",
        )
    values: dict[str, Any] = dict(given)
    for name in _TEXTS:
        if not isinstance(values.get(name, ""), str):
            raise _wrong(given["id"], f"has a {name} that is no text")
    for name in _LISTS:
        if name in values:
            listed = [values[name]] if isinstance(values[name], str) else values[name]
            if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
                raise _wrong(given["id"], f"has {name} that are no list of texts")
            values[name] = tuple(listed)
    clients = values.get("default_clients", [])
    if not isinstance(clients, list) or not all(isinstance(client, dict) for client in clients):
        raise _wrong(given["id"], "has default_clients that are no list of objects")
    if not isinstance(values.get("roles", {}), dict):
        raise _wrong(given["id"], "has roles that are no object")
    return Provider(**values | {"default_clients": tuple(clients)})


def is_safe(url: str) -> bool:
    """Tell whether nobody on the way can change what an address answers: https, or this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    try:
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.scheme == "http" and parts.hostname == "localhost"


def _wrong(provider: Any, fault: str) -> InputError:
    return InputError(f"The provider {provider!r} in {OIDC} {fault}.", "See docs/accounts.md.")

"""Who calls: the outcome of looking at a token."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

EDITOR = "editor"
"""The role of those who may change the catalogue."""

ROLES = frozenset({EDITOR})

Scope = Literal["read", "write"]


@dataclass(frozen=True)
class Identity:
    """Who calls, for which account, and what the token allows.

    Parameters
    ----------
    account : str
        Whose jobs, services and files are meant: the user's own, or those of a project.
    actor : str
        The person.
    kind : str
        ``session`` (password), ``personal`` (a token that the user made) or ``oidc``.
    scope : str
        ``read`` changes nothing, ``write`` may.
    roles : frozenset of str
        Of :data:`ROLES`.
    """

    account: str
    actor: str
    kind: Literal["session", "personal", "oidc"]
    scope: Scope = "write"
    roles: frozenset[str] = field(default_factory=frozenset)


def digest_token(token: str) -> str:
    """Return what is stored of a token: it has 256 random bits, so a plain hash is as good as a slow one."""
    return hashlib.sha256(token.encode()).hexdigest()

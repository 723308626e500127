"""The public keys of an OpenID provider: discovered, kept for a while, fetched anew when they rotate.

Sources: OpenID Connect Discovery 1.0; JSON Web Key, RFC 7517.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from eocene.archive.fetch import Door, Limits, Policy
from eocene.model import EoceneError
from eocene.serve.provider import is_safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.serve.provider import Provider

    PublicKey = RSAKey | ECKey | OKPKey

KEPT_S = 3600.0
"""Seconds until keys are looked up again even if nobody asks for others."""

STALE_S = 24 * 3600.0
"""Seconds that old keys serve while the provider does not answer."""

PAUSE_S = 30.0
"""Seconds between two looks: tokens that name keys at random must not become a flood at the provider."""

_LIMITS = Limits(connect_s=5, stall_s=5, total_s=10, attempts=2, document_bytes=2**20)
_LEAST_BITS = 2048
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class ProviderError(EoceneError):
    """The OpenID provider does not answer, so nobody can be recognised."""

    code = "InfrastructureBusy"
    status = 503


class ProviderKeys:
    """The keys of one provider; thread-safe.

    Parameters
    ----------
    provider : Provider
        Whose.
    clock : callable
        Gives the time in seconds.
    """

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider, self._clock = provider, clock
        self._lock = threading.Lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched = self._tried = -STALE_S * 2
        self.issuer = provider.issuer

    def find(self, algorithm: str, key_id: str | None) -> tuple[PublicKey, ...]:
        """Return the keys that may have signed a token with this header; at most a few.

        Raises
        ------
        ProviderError
            If the provider does not answer and its keys are not known.
        """
        if self._clock() - self._fetched > KEPT_S or not (found := self._choose(algorithm, key_id)):
            self._refresh()
            found = self._choose(algorithm, key_id)
        if not found and self._clock() - self._fetched > STALE_S:
            raise ProviderError(
                f"The login provider {self._provider.id!r} does not answer.", "Try again in a minute."
            )
        return found

    def _choose(self, algorithm: str, key_id: str | None) -> tuple[PublicKey, ...]:
        if self._clock() - self._fetched > STALE_S:
            return ()
        kind = _KINDS[algorithm[:2]]
        fitting = (
            key
            for key in self._keys
            if key.key_type == kind
            and key.as_dict().get("alg", algorithm) == algorithm
            and key_id in (None, key.kid)
        )
        return tuple(fitting)[:8]

    def _refresh(self) -> None:
        with self._lock:
            if self._clock() - self._tried < PAUSE_S:
                return
            self._tried = self._clock()
            try:
                self.issuer, self._keys = self._fetch()
            except EoceneError:
                return  # the old keys serve on for a while; find() says when there are none
            self._fetched = self._clock()

    def _fetch(self) -> tuple[str, tuple[PublicKey, ...]]:
        policy = Policy().widen([self._provider.issuer])
        home = policy.prefixes[0]
        # The operator named this host: it may well stand in the operator's own network.
        door = Door((), replace(policy, private=frozenset({f"{home.host}:{home.port}"})), _LIMITS)
        found = door.get_json(f"{self._provider.issuer}/.well-known/openid-configuration")
        told = found if isinstance(found, dict) else {}
        issuer, address = str(told.get("issuer")), str(told.get("jwks_uri"))
        if issuer.rstrip("/") != self._provider.issuer or not is_safe(address):
            raise ProviderError("The provider's configuration names another issuer or no keys.", "")
        listed = replace(door, policy=door.policy.widen([address])).get_json(address)
        entries = listed.get("keys") if isinstance(listed, dict) else None
        return issuer, tuple(filter(None, map(_read_key, entries if isinstance(entries, list) else ())))


def _read_key(entry: Any) -> PublicKey | None:
    """Return a key that can verify; None for secrets, keys that encrypt, short keys and what is none."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    try:
        key = import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(key, RSAKey | ECKey | OKPKey):
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < _LEAST_BITS:
        return None
    return key

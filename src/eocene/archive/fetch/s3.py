"""Objects in S3: signed by obstore with the keys of the environment, sent as any other request.

So every rule of the door holds for a bucket too. The endpoint is the operator's: ``AWS_ENDPOINT_URL`` or
the one of Amazon for ``AWS_REGION``. Without ``AWS_ACCESS_KEY_ID`` buckets are read unsigned; nobody else is
asked for credentials, the machine's metadata service included.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from eocene.archive.fetch.client import Request
from eocene.archive.fetch.urls import parse_url
from eocene.model.errors import DamageError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from eocene.archive.fetch.urls import Url

_VALID = timedelta(hours=1)
_CONNECT = timedelta(seconds=5)
_BACKOFF = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2}
_KEYS = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}


class BucketPlace:
    """An object with an s3 URL.

    Parameters
    ----------
    url : Url
        As the policy has admitted it.
    """

    def __init__(self, url: Url) -> None:
        self.name = url.name
        self._bucket, self._key = url.host, unquote(url.path.lstrip("/"))

    @property
    def key(self) -> Hashable:
        """Bucket and key, and the endpoint and keys of the environment."""
        return self.name, _endpoint(), *_read_keys().items()

    def identify(self) -> str:
        """Return its name."""
        return self.name

    def ask(self, headers: Mapping[str, str]) -> Request:
        """Return the request for its bytes, signed for an hour where there are keys.

        Raises
        ------
        UnavailableError
            If there are keys but obstore is not installed.
        DamageError
            If the keys do not make a signature.
        """
        keys = _read_keys()
        if "access_key_id" in keys:
            text = _sign(self._bucket, self._key, tuple(keys.items()))
        else:
            text = f"{_endpoint()}/{self._bucket}/{quote(self._key)}"
        return Request(parse_url(text), headers=dict(headers), private=_is_named(), name=self.name)


def _read_keys() -> dict[str, str]:
    return {name: os.environ[variable] for name, variable in _KEYS.items() if os.environ.get(variable)}


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def _named_endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")


def _is_named() -> bool:
    """Tell whether the operator names the endpoint, so that it may lie in a private network."""
    return bool(_named_endpoint())


def _endpoint() -> str:
    return (_named_endpoint() or f"https://s3.{_region()}.amazonaws.com").rstrip("/")


def _sign(bucket: str, key: str, keys: tuple[tuple[str, str], ...]) -> str:
    store = _open_store(bucket, _endpoint(), _region(), keys)
    import obstore

    try:
        return str(obstore.sign(store, "GET", key, _VALID))
    except obstore.exceptions.BaseError as error:
        raise DamageError(
            f"The bucket {bucket!r} cannot be read: {str(error).splitlines()[0]}.",
            "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ) from error


def connect(bucket: str, *, timeout_s: float, patience_s: float) -> Any:
    """Return obstore's client of a bucket with the endpoint and keys of the environment.

    Parameters
    ----------
    bucket : str
        Its name.
    timeout_s, patience_s : float
        Seconds for one try at a request, and within which it is tried again.

    Raises
    ------
    UnavailableError
        If obstore is not installed.
    """
    times = (timedelta(seconds=timeout_s), timedelta(seconds=patience_s))
    return _open_store(bucket, _endpoint(), _region(), tuple(_read_keys().items()), times)


@lru_cache(maxsize=64)
def _open_store(
    bucket: str,
    endpoint: str,
    region: str,
    keys: tuple[tuple[str, str], ...],
    times: tuple[timedelta, timedelta] | None = None,
) -> Any:
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise UnavailableError(
            f"The bucket {bucket!r} needs signed requests.", "Install the extra: pip install 'eocene[s3]'."
        ) from error
    config: Any = {"endpoint": endpoint, "region": region, **dict(keys)}
    options: Any = {"allow_http": endpoint.startswith("http:")}
    if times is None:  # for signatures, which ask nobody
        return S3Store(bucket, config=config, client_options=options)
    options |= {"timeout": times[0], "connect_timeout": min(times[0], _CONNECT)}
    retries: Any = {"max_retries": 8, "retry_timeout": times[1], "backoff": _BACKOFF}
    return S3Store(bucket, config=config, client_options=options, retry_config=retries)

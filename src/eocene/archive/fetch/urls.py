"""URLs, read strictly: what two programs could read differently is refused.

Sources: RFC 3986; the URL standard of the WHATWG, on hosts that end in a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from eocene.archive.fetch.refusal import refuse_url

PORTS = {"http": 80, "https": 443, "s3": 0}
"""The schemes that are read, with their default ports; a bucket has none."""

_PLAIN = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")
_SCHEME = re.compile(r"(https?|s3)://", re.IGNORECASE)
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_BUCKET = re.compile(r"(?!xn--)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_CODED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SECRET = re.compile(
    r"(x-amz-.*|x-goog-.*|awsaccesskeyid|signature|expires|policy|key-pair-id|sig|se|sp|sv|sr|st|spr|ske|skoid|"
    r"sks|skt|sktid|skv|token|access_token|api_?key|key|password)",
    re.IGNORECASE,
)
_LONGEST = 4096


@dataclass(frozen=True)
class Url:
    """Where something remote lies.

    Attributes
    ----------
    scheme : str
        http, https or s3.
    host : str
        In lower case; an IPv6 address without brackets; of ``s3``, the bucket.
    port : int
        The default one of the scheme where none is written.
    path : str
        As it is sent, with a slash in front.
    query : str
        Without the question mark.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @cached_property
    def target(self) -> str:
        """What stands in the first line of a request."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @cached_property
    def authority(self) -> str:
        """Host, and port if it is not the default one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @cached_property
    def origin(self) -> tuple[str, str, int]:
        """Whom a secret may be told that was meant for this URL."""
        return self.scheme, self.host, self.port

    @cached_property
    def name(self) -> str:
        """The URL without what may be secret: signatures and tokens of its query."""
        told = hide_secrets(self.query) if self.query else ""
        return f"{self.scheme}://{self.authority}{self.path}" + (f"?{told}" if told else "")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def is_below(self, prefix: Url) -> bool:
        """Tell whether it lies at or below a prefix: whole segments of the path, at the same origin."""
        folder = prefix.path if prefix.path.endswith("/") else prefix.path + "/"
        return self.origin == prefix.origin and (self.path == prefix.path or self.path.startswith(folder))


def hide_secrets(query: str) -> str:
    """Return the query of a URL without signatures and tokens."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(key, value) for key, value in pairs if not _SECRET.fullmatch(key)])


def is_remote(href: object) -> bool:
    """Tell whether an href is a URL of a scheme that is read over the network."""
    return isinstance(href, str) and bool(_SCHEME.match(href))


def parse_url(text: str) -> Url:
    """Read a URL.

    Raises
    ------
    InputError
        If it is not plain: credentials, fragments, dots as folders, hosts that are numbers in disguise.
    """
    if not is_remote(text) or len(text) > _LONGEST:
        raise refuse_url(text[:200], f"it is no http, https or s3 URL of at most {_LONGEST} characters")
    return _read_url(text)


@lru_cache(maxsize=1024)
def _read_url(text: str) -> Url:
    if not _PLAIN.fullmatch(text) or _CODED.search(text):
        raise refuse_url(text, "it has characters that must be percent-encoded")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise refuse_url(text, f"it is not well-formed ({error})") from error
    shown = text.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1)
    if "@" in parts.netloc:
        raise refuse_url(shown, "it holds credentials", "Give credentials by the environment, not in a URL.")
    if "#" in text:
        raise refuse_url(shown, "it has a fragment")
    scheme = parts.scheme.lower()
    if why := _doubt_host(scheme, host, parts.netloc):
        raise refuse_url(shown, why)
    _check_path(shown, parts.path)
    if port == 0 or (scheme == "s3" and (port or parts.query)):
        raise refuse_url(shown, "its port or query means nothing")
    return Url(scheme, host, port or PORTS[scheme], parts.path or "/", parts.query)


@lru_cache(maxsize=256)
def _doubt_host(scheme: str, host: str, netloc: str) -> str:
    """Return what is wrong with a host, empty if nothing is."""
    if netloc.endswith(":") or "%" in netloc:
        return "its host is not plain"
    if scheme == "s3":
        return "it names no bucket" if not _BUCKET.fullmatch(host) or ".." in host else ""
    try:
        if netloc.startswith("["):
            IPv6Address(host)
        elif not _HOST.fullmatch(host) or len(host) > 253:
            return "its host is not a plain name"
        elif _NUMBER.fullmatch(host.rpartition(".")[2]):
            IPv4Address(host)
    except AddressValueError:
        return "its host is a number in an unusual form"
    return ""


def _check_path(text: str, path: str) -> None:
    """Refuse what a server, or a server behind it, could decode to another path."""
    decoded = path
    for _ in range(4):
        decoded, before = unquote(decoded, errors="replace"), decoded
        if decoded == before:
            break
        if decoded.count("/") != before.count("/"):
            raise refuse_url(text, "its path hides a slash")
    if re.search(r"[\x00-\x1f\x7f\\]|%", decoded):
        raise refuse_url(text, "its path hides characters that no file has")
    if any(segment.partition(";")[0] in (".", "..") for segment in decoded.split("/")):
        raise refuse_url(text, "its path leads upwards")

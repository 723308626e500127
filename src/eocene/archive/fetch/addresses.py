"""Which addresses a connection may be made to; a host is resolved here, once, and nowhere else."""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Literal

from eocene.archive.fetch.refusal import refuse_url

if TYPE_CHECKING:
    from eocene.archive.fetch.urls import Url

_TRANSLATED = IPv6Network("64:ff9b::/96")  # RFC 6052
_UNICAST = IPv6Network("2000::/3")  # RFC 4291: what else is assigned to the public
_REMEDY = (
    "If this machine is meant, the operator names it in EOCENE_REMOTE_PRIVATE, as host or host:port, "
    "separated by commas."
)


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order of the system's resolver.

    Raises
    ------
    OSError
        If it has none, or the resolver does not answer.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_addresses(url: Url, addresses: list[str], *, private: bool) -> None:
    """Raise InputError if one of a host's addresses is not one to connect to.

    Parameters
    ----------
    url : Url
        Whose host it is.
    addresses : list of str
        All that it resolves to.
    private : bool
        Whether the operator allows loopback and private networks for this host. Link-local addresses,
        among which clouds keep their credentials, and multicast are never allowed.
    """
    for text in addresses:
        reach = _find_reach(text)
        if reach == "nowhere":
            raise refuse_url(url.name, f"{text} is no address of a server", "")
        if reach != "public" and not (private and reach == "private"):
            raise refuse_url(url.name, f"its host is {text}, which is not a public address", _REMEDY)


@lru_cache(maxsize=1024)
def _find_reach(text: str) -> Literal["nowhere", "private", "reserved", "public"]:
    address = _unwrap(ip_address(text.partition("%")[0]))
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return "nowhere"
    if _is_public(address):
        return "public"
    return "private" if address.is_private or address.is_loopback else "reserved"


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and (isinstance(address, IPv4Address) or address in _UNICAST)


def _unwrap(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)

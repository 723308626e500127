"""Zarr groups on a server: each chunk is an object, or a range of a shard, that the door fetches."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from cachetools import TTLCache
from zarr.abc.store import RangeByteRequest, Store

from eocene.archive.fetch import Door, MissingError, check_decoded
from eocene.archive.fetch.http_content import HEAD_BYTES
from eocene.archive.rasters.zarr_folder import check_stored
from eocene.archive.rasters.zarr_metadata import METADATA, MOST_BYTES, parse_metadata
from eocene.archive.rasters.zarr_store import Group, make_group
from eocene.archive.rasters.zarr_window import find_range
from eocene.model.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

_REMEMBERED_S = 60.0
_groups: TTLCache[Any, Group] = TTLCache(32, _REMEMBERED_S)
_lock = threading.Lock()


class DoorStore(Store):
    """What lies below a URL, read-only, for zarr-python; nothing is listed.

    Parameters
    ----------
    door : Door
        Which URLs may be read.
    folder : str
        The URL of the group, without a slash at its end and without a query.
    query : str
        Sent along with each request, such as a signature for all of the folder.
    most : int, optional
        The bytes that a chunk may have.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = False

    def __init__(self, door: Door, folder: str, query: str = "", most: int | None = None) -> None:
        super().__init__(read_only=True)
        self._door, self._folder, self._query, self._most = door, folder, query, most

    def __eq__(self, other: object) -> bool:
        """Tell whether another store is of the same place."""
        return isinstance(other, DoorStore) and (self._folder, self._query) == (other._folder, other._query)

    __hash__ = None  # type: ignore[assignment]

    def fetch(self, key: str, wanted: ByteRequest | None = None, most: int | None = None) -> bytes | None:
        """Return an object or a range of it, None where there is none.

        Raises
        ------
        InputError
            If the URL is refused, or it is larger than may be taken; ``most`` bytes if that is given.
        DamageError
            If it cannot be read.
        """
        url = f"{self._folder}/{quote(key, safe='/')}" + (f"?{self._query}" if self._query else "")
        try:
            if wanted is None and self._most is not None and self._most > HEAD_BYTES:
                content = self._door.open_small(url, self._most)
            else:
                content = self._door.open(url)
        except MissingError:
            return None
        start, stop = find_range(wanted, content.size)
        if most is not None and stop - start > most:
            raise InputError(
                f"The file {content.name!r} is refused: it has {stop - start} bytes.",
                "Write it again, smaller.",
            )
        check_stored(content.name, key, stop - start, self._most)
        check_decoded(content.name, "a stored chunk", (stop - start,))
        return content.read(start, stop - start)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return an object or a range of it, None where there is none."""
        data = await asyncio.to_thread(self.fetch, key, byte_range)
        return None if data is None else prototype.buffer.from_bytes(data)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return several ranges."""
        return list(await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Tell whether there is an object."""
        return await asyncio.to_thread(self.fetch, key, RangeByteRequest(0, 1)) is not None

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse to write."""
        raise self._refusal(f"written ({key})")

    async def delete(self, key: str) -> None:
        """Refuse to delete."""
        raise self._refusal(f"deleted ({key})")

    def list(self) -> AsyncIterator[str]:
        """Refuse to list."""
        raise self._refusal("listed")

    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Refuse to list."""
        raise self._refusal(f"listed ({prefix})")

    def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Refuse to list."""
        raise self._refusal(f"listed ({prefix})")

    def _refusal(self, what: str) -> UnavailableError:
        return UnavailableError(
            f"The Zarr {self._folder!r} lies on a server and cannot be {what}.", "Download it first."
        )


def open_remote_group(href: str, door: Door) -> Group:
    """Return the group whose metadata file lies at a URL; remembered for a minute.

    Raises
    ------
    InputError
        If the URL is refused, or is not that of ``zarr.json`` or ``.zgroup``.
    DamageError
        If it cannot be read.
    """
    parts = urlsplit(href)
    folder, _, name = href.partition("?")[0].rpartition("/")
    if name not in METADATA:
        raise InputError(
            f"The asset {href!r} is no Zarr group.", f"Name its {' or '.join(METADATA)} in the asset's href."
        )
    key = door.open(href).identity, parts.query, door.policy, door.limits
    with _lock:
        group = _groups.get(key)
    if group is None:
        store = DoorStore(door, folder, parts.query)

        def find(place: str) -> dict[str, Any] | None:
            document = store.fetch(place, most=MOST_BYTES)
            return None if document is None else parse_metadata(document)

        def make_store(most: int | None) -> DoorStore:
            return DoorStore(door, folder, parts.query, most)

        group = make_group(folder, make_store, find, 3 if name == METADATA[0] else 2)
        with _lock:
            _groups[key] = group
    return group

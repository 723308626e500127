"""Reading stored samples: the files of a data set, whole shards, single samples."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import ContentStream, Door, MissingError, is_remote
from eocene.curate.dataset.shards import choose_chunking, decode_chunk, decode_index, shard_key
from eocene.curate.dataset.writer import PIXELS
from eocene.model import DamageError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.archive.fetch import Content
    from eocene.curate.dataset.layers import Layer

_WHOLE = 0.5
"""From this share of its chunks on, a shard is read as one."""


@dataclass(frozen=True)
class DatasetFiles:
    """The files of a data set, here or behind a URL.

    Parameters
    ----------
    root : str
        A folder, or a URL that ends without a slash.
    door : Door
        Lets them through.
    """

    root: str
    door: Door

    @classmethod
    def at(cls, place: str, door: Door | None = None) -> DatasetFiles:
        """Return the files at a place; without a door they may be read because they were asked for."""
        root = place.rstrip("/") if is_remote(place) else str(Path(place).absolute())
        return cls(root, door or Door.of([f"{root}/" if is_remote(root) else root]))

    def open(self, name: str) -> Content:
        """Open one of them.

        Raises
        ------
        NotFoundError
            If there is no data set at all.
        DamageError
            If it is missing or cannot be read.
        """
        return self.door.open(f"{self.root}/{name}")

    def read(self, name: str) -> bytes:
        """Return the whole of a file."""
        content = self.open(name)
        return content.read(0, content.size)

    def read_sidecar(self, name: str) -> bytes:
        """Return the file that says "this is a data set"; raises NotFoundError without one."""
        try:
            return self.read(name)
        except MissingError as error:
            raise NotFoundError(
                f"There is no data set at {self.root}.", "List the folder of data sets."
            ) from error

    def stream(self, name: str) -> ContentStream:
        """Return a file as a stream that is read in ranges."""
        return ContentStream(self.open(name))


@dataclass(frozen=True)
class StoredLayer:
    """The stored pixels of a layer.

    Parameters
    ----------
    files : DatasetFiles
        Where they lie.
    name : str
        The layer's.
    layer : Layer
        What it is.
    count, shard : int
        Samples of the data set, and samples a shard.
    """

    files: DatasetFiles
    name: str
    layer: Layer
    count: int
    shard: int

    def load(self, number: int, rows: NDArray[np.intp] | None = None) -> LoadedShard:
        """Fetch a shard, or what some of its rows (counted from its first) need; nothing is decoded.

        Raises
        ------
        DamageError
            If it is missing or its index is damaged.
        """
        chunking = choose_chunking(self.layer, self.shard)
        key = f"{PIXELS}/{self.name}/{shard_key(number, self.layer)}"
        content = self.files.open(key)
        wanted = None if rows is None else np.unique(rows // chunking.chunk)
        size, tail = content.size, chunking.index_bytes
        if size < tail:
            raise DamageError(f"{content.name} is cut off.", "Copy or build the data set again.")
        length = min(self.shard, self.count - number * self.shard)
        there = -(-length // chunking.chunk)
        if wanted is None or len(wanted) >= _WHOLE * there:
            body = memoryview(content.read(0, size))
            places = decode_index(bytes(body[-tail:]), chunking, size, content.name)
            chunks = {k: body[o : o + n] for k, (o, n) in enumerate(places)}
        else:
            places = decode_index(content.read(size - tail, tail), chunking, size, content.name)
            found = content.read_many([places[k] for k in wanted if k < len(places)])
            chunks = {k: memoryview(one) for k, one in zip(wanted.tolist(), found, strict=False)}
        if len(places) != there:
            raise DamageError(f"{content.name} lacks chunks.", "Copy or build the data set again.")
        return LoadedShard(self.layer, chunking.chunk, length, chunks, content.name)

    def read(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return samples by their numbers, in that order, as they are stored."""
        out = np.empty((len(rows), *self.layer.shape), self.layer.dtype)
        shards = rows // self.shard
        for number in np.unique(shards):
            at = np.flatnonzero(shards == number)
            inside = rows[at] - number * self.shard
            self.load(int(number), inside).fill(inside, out, at)
        return out


class LoadedShard:
    """The compressed chunks of a shard in memory; threads may share it.

    Parameters
    ----------
    layer : Layer
        What is stored.
    chunk, length : int
        Samples a chunk, and samples in this shard.
    chunks : mapping of int to memoryview
        By their numbers; those that were fetched.
    where : str
        What errors call it.
    """

    def __init__(
        self, layer: Layer, chunk: int, length: int, chunks: dict[int, memoryview], where: str
    ) -> None:
        self._layer, self._chunk, self._length = layer, chunk, length
        self._chunks, self._where = chunks, where
        self._lock = threading.Lock()
        self._decoded: set[int] = set()

    def fill(
        self, rows: NDArray[np.intp], out: NDArray[Any], places: Sequence[int] | NDArray[np.intp]
    ) -> None:
        """Put rows of the shard to places of an array (n, …) of the stored type.

        Raises
        ------
        DamageError
            If a chunk is damaged.
        """
        if self._chunk == 1:  # straight to where it is wanted
            for row, place in zip(rows.tolist(), np.asarray(places).tolist(), strict=True):
                decode_chunk(self._chunks[row], out[place], self._where)
            return
        with self._lock:
            for number in np.unique(rows // self._chunk).tolist():
                if number not in self._decoded:
                    first = number * self._chunk
                    decode_chunk(self._chunks[number], self._buffer[first : first + self._chunk], self._where)
                    self._decoded.add(number)
        out[places] = self._buffer[rows]

    @cached_property
    def _buffer(self) -> NDArray[Any]:
        """Room for the decoded samples of the shard, where they share chunks."""
        full = -(-self._length // self._chunk) * self._chunk
        return np.empty((full, *self._layer.shape), self._layer.dtype)

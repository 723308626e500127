"""Batches of a data set, decoded by the thread that asks or by some threads ahead of it."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.dataset.order import order_rows
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.curate.dataset.reading import LoadedShard, StoredLayer

WINDOW = 4
"""Shards that are mixed, by default."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some samples.

    Parameters
    ----------
    number : int
        Counted from 0 in its epoch; what a training that was cut off goes on from.
    rows : (n,)
        Their numbers in the data set.
    labels : (n,) int64
        Class values.
    layers : mapping of str to (n, …) array
        The pixels of each layer that was asked for: float32 with NaN, or as they are stored.
    """

    number: int
    rows: NDArray[np.intp]
    labels: NDArray[np.int64]
    layers: Mapping[str, NDArray[Any]]

    @property
    def features(self) -> NDArray[Any]:
        """The pixels of the first layer."""
        return next(iter(self.layers.values()))


@dataclass(frozen=True)
class Mixing:
    """How a data set is streamed.

    Parameters
    ----------
    batch_size : int
        Samples a batch; the last one has fewer unless it is dropped.
    seed : int or None
        Decides the order; None keeps the stored one.
    epoch : int
        Another order for each.
    window : int
        Shards that are mixed, and held compressed in memory.
    drop_last : bool
        Leave out a last batch that is not full.
    stored : bool
        Give numbers as they are stored, not as float32.
    """

    batch_size: int
    seed: int | None = 0
    epoch: int = 0
    window: int = WINDOW
    drop_last: bool = False
    stored: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.window < 1 or self.epoch < 0:
            raise InputError(
                f"Batches of {self.batch_size} out of {self.window} shards in epoch {self.epoch} are none.",
                "Give a batch size and a window of 1 or more, and an epoch of 0 or more.",
            )


class Stream:
    """An epoch of batches; each iteration gives the same ones.

    Made by :meth:`Dataset.stream`. Batch k holds the same samples for every number of workers, and
    ``stream.since(k)`` goes on there without reading what came before.

    Parameters
    ----------
    layers : sequence of StoredLayer
        What is read.
    labels : (n,) int64
        Of the whole data set.
    rows : (m,)
        Which samples, sorted.
    mixing : Mixing
        How.
    workers : int
        Threads that decode ahead; 0 decodes where the batch is asked for. Decoding holds no lock of Python.
    """

    def __init__(
        self,
        layers: Sequence[StoredLayer],
        labels: NDArray[np.int64],
        rows: NDArray[np.intp],
        mixing: Mixing,
        workers: int = 0,
    ) -> None:
        self._layers, self._labels, self._mixing, self._workers = tuple(layers), labels, mixing, workers
        self._shard = layers[0].shard
        self._first = 0
        self._order = order_rows(rows, self._shard, mixing.window, mixing.seed, mixing.epoch)
        self._needed = rows

    def __len__(self) -> int:
        size = self._mixing.batch_size
        whole = len(self._order) // size if self._mixing.drop_last else -(-len(self._order) // size)
        return max(0, whole - self._first)

    def since(self, number: int) -> Stream:
        """Return the same stream from batch ``number`` on."""
        if not 0 <= number <= self._first + len(self):
            raise InputError(f"There is no batch {number}.", f"There are {self._first + len(self)}.")
        later = Stream(self._layers, self._labels, self._needed, self._mixing, self._workers)
        later._first = number
        return later

    def __iter__(self) -> Iterator[Batch]:
        cache = _ShardCache(self._layers, self._needed, 2 * self._mixing.window)
        numbers = range(self._first, self._first + len(self))
        if self._workers < 1:
            yield from (self._make(number, cache) for number in numbers)
            return
        with ThreadPoolExecutor(self._workers, thread_name_prefix="eocene-stream") as pool:
            waiting: deque[Future[Batch]] = deque()
            try:
                for number in numbers:
                    waiting.append(pool.submit(self._make, number, cache))
                    if len(waiting) > 2 * self._workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _make(self, number: int, cache: _ShardCache) -> Batch:
        size = self._mixing.batch_size
        rows = self._order[number * size : (number + 1) * size]
        shards = rows // self._shard
        found = {}
        for position, stored in enumerate(self._layers):
            out = np.empty((len(rows), *stored.layer.shape), stored.layer.dtype)
            for shard in np.unique(shards).tolist():
                at = np.flatnonzero(shards == shard)
                cache.get(position, shard).fill(rows[at] - shard * self._shard, out, at)
            found[stored.name] = out if self._mixing.stored else stored.layer.unpack(out)
        return Batch(number, rows, self._labels[rows], found)


class _ShardCache:
    """Shards that are in use, compressed; each is fetched once, by the first thread that needs it."""

    def __init__(self, layers: Sequence[StoredLayer], rows: NDArray[np.intp], most: int) -> None:
        self._layers, self._rows, self._most = layers, rows, most * len(layers)
        self._kept: OrderedDict[tuple[int, int], Future[LoadedShard]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, position: int, shard: int) -> LoadedShard:
        """Return a shard of a layer."""
        with self._lock:
            future = self._kept.get((position, shard))
            mine = future is None
            if future is None:
                future = self._kept[position, shard] = Future()
            self._kept.move_to_end((position, shard))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        if mine:
            self._load(future, position, shard)
        return future.result()

    def _load(self, future: Future[LoadedShard], position: int, shard: int) -> None:
        stored = self._layers[position]
        first, last = np.searchsorted(self._rows, [shard * stored.shard, (shard + 1) * stored.shard])
        try:
            future.set_result(stored.load(shard, self._rows[first:last] - shard * stored.shard))
        except BaseException as error:
            future.set_exception(error)
            raise

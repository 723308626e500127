"""A stored data set: opened here or behind a URL, read whole, by rows or as a stream."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eocene.curate.dataset.identity import FORMAT, column_array, describe_content, digest_array, identify
from eocene.curate.dataset.layers import OWN_COLUMNS, PIXEL_LABELS, Layer, check_layer_names
from eocene.curate.dataset.reading import DatasetFiles, StoredLayer
from eocene.curate.dataset.stream import Mixing, Stream
from eocene.curate.dataset.writer import SIDECAR, TABLE
from eocene.curate.placed import count_labels
from eocene.model import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.archive.fetch import Door
    from eocene.curate.samples import Samples

_BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException, InputError)


class _Columns(Mapping[str, "NDArray[Any]"]):
    """Columns of a table as arrays, one at a time: texts take far more memory so than coded."""

    def __init__(self, read: Callable[[str], NDArray[Any]], names: list[str]) -> None:
        self._read, self._names = read, names

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Dataset:
    """Samples on disk or behind a URL, immutable and named by their content.

    Parameters
    ----------
    files : DatasetFiles
        Where it lies; :meth:`open` makes them.

    Raises
    ------
    NotFoundError
        If there is no data set.
    DamageError
        If its description cannot be read.
    """

    def __init__(self, files: DatasetFiles) -> None:
        self._files = files
        try:
            self._sidecar: dict[str, Any] = json.loads(files.read_sidecar(SIDECAR))
            if self._sidecar["format"] != FORMAT:
                raise ValueError(f"format {self._sidecar['format']!r}, this version reads {FORMAT}")
            self.id = str(self._sidecar["id"])
            self.name, self.epsg = str(self._sidecar["name"]), int(self._sidecar["epsg"])
            layers = {k: Layer.from_json(v) for k, v in self._sidecar["layers"].items()}
            self.layers = {k: layers[k] for k in sorted(layers, key=lambda name: name == PIXEL_LABELS)}
            check_layer_names(self.layers)
            self.class_names = {int(k): str(v) for k, v in self._sidecar["class_names"].items()}
            self.sources: Mapping[str, Any] = dict(self._sidecar["sources"])
            self.faults: Mapping[str, int] = dict(self._sidecar["faults"])
            self._count, self._shard = int(self._sidecar["samples"]), int(self._sidecar["shard"])
            self._digests = {k: str(self._sidecar["digests"][k]) for k in self.layers}
        except _BROKEN as error:
            raise self._damage(error) from error

    def _damage(self, error: object) -> DamageError:
        return DamageError(
            f"The data set at {self._files.root} cannot be read: {error}.",
            "Copy it, or sample, again.",
        )

    @classmethod
    def open(cls, place: Path | str, door: Door | None = None) -> Dataset:
        """Open a data set.

        Parameters
        ----------
        place : Path or str
            Its folder, or the URL of it.
        door : Door, optional
            What lets its files through; without one they may be read because they were asked for.

        Raises
        ------
        NotFoundError, DamageError
            If there is none, or it cannot be read.
        """
        return cls(DatasetFiles.at(str(place), door))

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        shapes = ", ".join(f"{k} {v.shape} {v.dtype}" for k, v in self.layers.items())
        return f"<Dataset {self.id}: {len(self)} samples, {shapes}>"

    @cached_property
    def table(self) -> pa.Table:
        """Places, labels and columns, a row a sample, texts coded; checked against the id.

        Raises
        ------
        DamageError
            If it is not what the id promises.
        """
        try:
            table = pq.read_table(self._files.stream(TABLE))
            said = {key: table[key] for key in table.column_names if key != "cell"}
            found = identify(self._content(), self._digests, said)
        except _BROKEN as error:
            raise self._damage(error) from error
        if found != self.id or len(table) != self._count:
            raise self._damage(f"it is not what its id {self.id!r} promises")
        return table

    def _content(self) -> dict[str, Any]:
        return describe_content(
            name=self.name,
            epsg=self.epsg,
            layers=self.layers,
            class_names=self.class_names,
            sources=self.sources,
            faults=self.faults,
        )

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class values (n,)."""
        return self._column("label")

    @property
    def x(self) -> NDArray[np.float64]:
        """Centres, eastwards (n,)."""
        return self._column("x")

    @property
    def y(self) -> NDArray[np.float64]:
        """Centres, northwards (n,)."""
        return self._column("y")

    @property
    def cells(self) -> NDArray[np.str_]:
        """The id of each sample's cell in the Major TOM grid of 10 km."""
        return self._column("cell")

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """What else is known of each sample; a column is made an array when it is asked for."""
        return _Columns(self._column, [k for k in self.table.column_names if k not in OWN_COLUMNS])

    def _column(self, name: str) -> NDArray[Any]:
        values = column_array(self.table[name])
        values.setflags(write=False)
        return values

    @property
    def counts(self) -> dict[int, int]:
        """Samples a class."""
        return count_labels(self.labels)

    def pixels(self, layer: str | None = None) -> StoredLayer:
        """Return the stored pixels of a layer, the first by default; raises InputError without such."""
        name = next(iter(self.layers)) if layer is None else layer
        if name not in self.layers:
            raise InputError(f"The data set has no layer {name!r}.", f"It has {', '.join(self.layers)}.")
        return StoredLayer(self._files, name, self.layers[name], self._count, self._shard)

    def read(self, rows: NDArray[Any] | None = None, layer: str | None = None) -> Samples:
        """Return samples in memory: all, or by their numbers or a mask, in the order told.

        What is not the whole of it names it in ``sources["dataset"]``.

        Raises
        ------
        InputError
            If there is no such row or layer.
        DamageError
            If what is read is damaged.
        """
        from eocene.curate.samples import Samples

        stored = self.pixels(layer)
        wanted = self._rows(rows)
        whole = rows is None and len(self.layers) == 1 and stored.layer.is_plain
        numbers = stored.read(wanted)
        if whole and digest_array(numbers) != self._digests[stored.name]:
            raise self._damage(f"its pixels are not what its id {self.id!r} promises")
        return Samples(
            features=stored.layer.unpack(numbers),
            labels=self.labels[wanted],
            x=self.x[wanted],
            y=self.y[wanted],
            epsg=self.epsg,
            axes=stored.layer.axes,
            class_names=self.class_names,
            sources=self.sources if whole else {**self.sources, "dataset": self.id},
            faults=self.faults,
            name=self.name,
            columns={key: column[wanted] for key, column in self.columns.items()},
        )

    def _rows(self, rows: NDArray[Any] | None) -> NDArray[np.intp]:
        if rows is None:
            return np.arange(self._count)
        given = np.asarray(rows)
        found = np.flatnonzero(given) if given.dtype == bool else given.astype(np.intp)
        if len(found) and not (found.min() >= 0 and found.max() < self._count):
            raise InputError(f"There are {self._count} samples, not one for each row.", "Count them from 0.")
        return found

    def stream(
        self,
        batch_size: int,
        seed: int | None = 0,
        workers: int = 0,
        rows: NDArray[Any] | None = None,
        *,
        layers: tuple[str, ...] | None = None,
        **mixing: Any,
    ) -> Stream:
        """Return an epoch of shuffled batches, equal for equal seeds whatever ``workers`` is.

        Parameters
        ----------
        batch_size, seed
            Samples a batch, and what decides the order; None keeps the stored one.
        workers : int
            Threads that decode ahead; 0 decodes where the batch is asked for.
        rows : array, optional
            Only these samples, by numbers or a mask: the training part of a split.
        layers : tuple of str, optional
            Only these layers.
        **mixing
            ``epoch``, ``window``, ``drop_last``, ``stored`` of :class:`~eocene.curate.dataset.stream.Mixing`.
        """
        chosen = [self.pixels(name) for name in layers or tuple(self.layers)]
        wanted = np.unique(self._rows(rows))
        return Stream(chosen, self.labels, wanted, Mixing(batch_size, seed, **mixing), workers)

    def verify(self) -> None:
        """Read everything and compare it with the id; raises DamageError where something was changed."""
        for name in self.layers:
            digest, stored = hashlib.sha256(), self.pixels(name)
            for part in self._shards():
                digest.update(stored.read(part).data)
            if digest.hexdigest() != self._digests[name]:
                raise self._damage(f"the layer {name!r} is not what its id {self.id!r} promises")
        len(self.table)  # is checked when it is read

    def _shards(self) -> Iterator[NDArray[np.intp]]:
        for first in range(0, self._count, self._shard):
            yield np.arange(first, min(first + self._shard, self._count))

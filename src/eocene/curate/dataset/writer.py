"""Writing a data set while it is sampled: little memory, all of it or nothing."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eocene.archive.majortom import cells_at
from eocene.curate.dataset.identity import column_array, describe_content, identify
from eocene.curate.dataset.layers import OWN_COLUMNS, check_layer_names, check_name
from eocene.curate.dataset.shards import (
    GROUP,
    choose_chunking,
    choose_shard,
    describe_array,
    encode_chunk,
    encode_index,
    shard_key,
)
from eocene.curate.dataset.spill import Spill
from eocene.model import InputError
from eocene.model.files import hold_folder, sync_file, sync_folder, write_json
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from eocene.curate.dataset.layers import Layer

TABLE, SIDECAR, PIXELS = "samples.parquet", "dataset.json", "pixels.zarr"


class DatasetWriter:
    """Takes samples as they come, and stores them sharded, in random order or as they came.

    Pixels go to a file at once; in memory stay the rows of the table. As a context it cleans up: what was not
    finished leaves nothing.

    Parameters
    ----------
    folder : Path or str
        Where data sets lie; this one becomes ``folder/<id>``.
    layers : mapping of str to Layer
        What pixels a sample has: one layer a sensor or resolution.
    epsg : int
        The CRS of the places.
    name : str
        The readable part of the id.
    class_names, sources
        As in :class:`~eocene.curate.Samples`; ``sources["licence"]`` is that of the data set.
    seed : int or None
        Decides the stored order; None keeps the order in which samples come.

    Raises
    ------
    InputError
        If the name or that of a layer cannot be used.
    """

    def __init__(
        self,
        folder: Path | str,
        layers: Mapping[str, Layer],
        *,
        epsg: int,
        name: str = "samples",
        class_names: Mapping[int, str] | None = None,
        sources: Mapping[str, Any] | None = None,
        seed: int | None = 0,
    ) -> None:
        check_layer_names(layers)
        check_name(name)
        self.layers, self.epsg, self.name, self.seed = dict(layers), epsg, name, seed
        self.class_names, self.sources = dict(class_names or {}), dict(sources or {})
        self.faults: dict[str, int] = {}
        self._folder, self._held = Path(folder), ExitStack()
        self._temporary = self._held.enter_context(hold_folder(self._folder, name))
        self._spills = {k: Spill(self._temporary / f"{k}.spill", v) for k, v in self.layers.items()}
        self._tables: list[pa.Table] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for spill in self._spills.values():
            spill.close()
        self._held.close()

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables)

    def append(
        self,
        features: Mapping[str, NDArray[Any]],
        labels: NDArray[Any],
        x: NDArray[Any],
        y: NDArray[Any],
        columns: Mapping[str, Any] | None = None,
    ) -> None:
        """Add samples.

        Parameters
        ----------
        features : mapping of str to (n, …) array
            Of each layer: real numbers with NaN, or stored ones in the layer's own integer type.
        labels, x, y : (n,)
            Class values and places.
        columns : mapping of str to (n,) array
            The same ones each time.

        Raises
        ------
        InputError
            If lengths disagree, layers or columns are others than before, or a number cannot be stored.
        """
        table = make_table(labels, x, y, self.epsg, columns or {})
        if self._tables and table.schema != self._tables[0].schema:
            raise InputError(
                f"The columns {table.schema.names} are not those of the samples before, "
                f"{self._tables[0].schema.names}, or of another type.",
                "Give each part of a data set the same columns.",
            )
        if set(features) != set(self.layers):
            raise InputError(f"There are pixels of {sorted(features)}.", f"Give {sorted(self.layers)}.")
        stored = {key: layer.pack(features[key]) for key, layer in self.layers.items()}
        if any(len(values) != len(table) for values in stored.values()):
            raise InputError(f"There are {len(table)} labels, not one a sample.", "Give one label a sample.")
        for key, values in stored.items():
            self._spills[key].append(values)
        self._tables.append(table)

    def count_fault(self, fault: str, count: int) -> None:
        """Remember what was found and dropped or counted while sampling."""
        self.faults[fault] = self.faults.get(fault, 0) + int(count)

    def column(self, name: str) -> NDArray[Any]:
        """Return what was given so far of a column, or of "x", "y" and "label"."""
        return column_array(
            pa.chunked_array([c for t in self._tables for c in t[name].chunks]).unify_dictionaries()
        )

    def finish(self, rows: NDArray[np.intp] | None = None) -> Path:
        """Bring everything, or some rows in ascending order, to its place, and return the folder.

        If this very data set is there already, it stays.

        Raises
        ------
        InputError
            If there are no samples.
        """
        if not len(self):
            raise InputError("A data set needs samples.", "Check that the pixels and the labels overlap.")
        table = pa.concat_tables(self._tables).unify_dictionaries()
        self._tables = []  # of a large data set no table is kept twice
        table = table.combine_chunks()
        order = np.arange(len(table)) if rows is None else rows
        if self.seed is not None:
            order = np.random.default_rng(self.seed).permutation(order)
        if self.seed is not None or rows is not None:
            table = table.take(order)
        return self._store(table, order)

    def _store(self, table: pa.Table, order: NDArray[np.intp]) -> Path:
        work = self._temporary / "done"
        work.mkdir()
        shard = choose_shard(list(self.layers.values()))
        digests = {key: self._write_layer(work, key, order, shard) for key in self.layers}
        write_json(work / PIXELS / "zarr.json", GROUP)
        pq.write_table(table, work / TABLE, compression="zstd")
        sync_file(work / TABLE)
        content = self._describe(table)
        said = {key: table[key] for key in table.column_names if key != "cell"}
        identity = identify(content, digests, said)
        sidecar = {"id": identity, **content, "digests": digests, "samples": len(table), "shard": shard}
        write_json(work / SIDECAR, sidecar | {"shuffled_by": self.seed})
        target = self._folder / identity
        self._describe_beside(work)
        for path in [work, *(p for p in work.rglob("*") if p.is_dir())]:
            sync_folder(path)
        if not target.exists():
            work.rename(target)
            sync_folder(target.parent)
        return target

    def _describe(self, table: pa.Table) -> dict[str, Any]:
        values = np.unique(table["label"].to_numpy()).tolist()
        return describe_content(
            name=self.name,
            epsg=self.epsg,
            layers=self.layers,
            class_names={v: self.class_names.get(v, str(v)) for v in values},
            sources=self.sources,
            faults=self.faults,
        )

    def _describe_beside(self, work: Path) -> None:
        """Write what others read: cards, STAC, TrainingDML-AI."""
        from eocene.curate.dataset.documents import write_documents

        write_documents(work)

    def _write_layer(self, work: Path, key: str, order: NDArray[np.intp], shard: int) -> str:
        """Write the shards of a layer; return the SHA-256 of its numbers."""
        layer, spill = self.layers[key], self._spills[key]
        chunking = choose_chunking(layer, shard)
        folder = work / PIXELS / key
        digest = hashlib.sha256()
        for number, first in enumerate(range(0, len(order), shard)):
            path = folder / shard_key(number, layer)
            path.parent.mkdir(parents=True)
            lengths = []
            with path.open("xb") as stream:
                for chunk in self._chunks(spill, order[first : first + shard], chunking.chunk):
                    digest.update(chunk.data)
                    encoded = encode_chunk(_fill_up(chunk, chunking.chunk))
                    lengths.append(len(encoded))
                    stream.write(encoded)
                stream.write(encode_index(lengths, chunking))
            sync_file(path)
        write_json(folder / "zarr.json", describe_array(layer, len(order), chunking))
        spill.close()
        return digest.hexdigest()

    @staticmethod
    def _chunks(spill: Spill, rows: NDArray[np.intp], chunk: int) -> Iterator[NDArray[Any]]:
        """Yield the samples of each chunk; samples that share chunks are small, and are read together."""
        if chunk == 1:
            yield from (spill.gather(rows[i : i + 1]) for i in range(len(rows)))
        else:
            found = spill.gather(rows)
            yield from (found[i : i + chunk] for i in range(0, len(rows), chunk))


def make_table(
    labels: NDArray[Any], x: NDArray[Any], y: NDArray[Any], epsg: int, columns: Mapping[str, Any]
) -> pa.Table:
    """Return places, labels and columns as they are stored: texts coded, instants in seconds.

    Raises
    ------
    InputError
        If lengths disagree or a place is not finite.
    """
    taken = set(columns) & set(OWN_COLUMNS)
    if taken:
        raise InputError(f"A column is named like one of {OWN_COLUMNS}.", "Rename it.")
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("A sample has no finite place.", "Drop samples without coordinates.")
    lon, lat = transformer(epsg, 4326).transform(x, y)
    arrays = {"x": x, "y": y, "label": np.asarray(labels, np.int64)}
    arrays |= {"cell": cells_at(np.atleast_1d(lon), np.atleast_1d(lat)), **columns}
    if len({len(values) for values in arrays.values()}) != 1:
        lengths = {key: len(values) for key, values in arrays.items()}
        raise InputError(f"The columns have the lengths {lengths}.", "Give one value a sample.")
    return pa.table({key: _as_arrow(values) for key, values in arrays.items()})


def _as_arrow(values: Any) -> Any:
    array = np.asarray(values)
    if array.dtype.kind in "OU":
        return pa.array(array.astype(str)).dictionary_encode()
    if array.dtype.kind == "M":
        array = array.astype("datetime64[s]")
    return pa.array(array)


def _fill_up(chunk: NDArray[Any], length: int) -> NDArray[Any]:
    """Return a chunk of full length: what the array does not have is zero."""
    if len(chunk) == length:
        return chunk
    padded = np.zeros((length, *chunk.shape[1:]), chunk.dtype)
    padded[: len(chunk)] = chunk
    return padded

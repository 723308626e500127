"""A vector index on the disk: found by content, searched by examples, within a box and a time span."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eocene.learn.embed.lists import Measured, open_lists, search_lists, take_vectors
from eocene.learn.embed.vectors import normalise
from eocene.learn.extra import import_extra
from eocene.model import DamageError, InputError, NotFoundError, TimeSpan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


SIDECAR, PLACES, LISTS = "index.json", "places.parquet", "vectors.faiss"
FORMAT = 1
MOST_HITS = 10_000
COLUMNS = ("id", "lon", "lat", "time")
_PROBED, _NEIGHBOURS, _SAME, _HALF_DIAGONAL = 1000, 32, 1e-9, 0.75


@dataclass(frozen=True)
class Hit:
    """What a search found.

    Parameters
    ----------
    row : int
        Its number in the index.
    id : str
    score : float
        Cosine of the angle between it and what was asked.
    lon, lat : float
        Degrees.
    time : str or None
        An RFC 3339 instant.
    """

    row: int
    id: str
    score: float
    lon: float
    lat: float
    time: str | None


class VectorIndex:
    """An index that a :class:`~eocene.learn.embed.store.VectorStore` wrote; safe to share between threads.

    Parameters
    ----------
    folder : Path
        Named by the index's id.

    Raises
    ------
    NotFoundError
        If there is none.
    DamageError
        If a file is missing, cannot be read or is not the one that was written.
    UnavailableError
        If faiss is not installed.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise NotFoundError(f"There is no index {self.folder.name!r}.", "List them: eocene embeddings.")
        try:
            self.described: dict[str, Any] = json.loads((self.folder / SIDECAR).read_text(encoding="utf-8"))
            if self.described["format"] != FORMAT or self.described["id"] != self.folder.name:
                raise ValueError("it is another format or another index")
            for name, digest in self.described["sha256"].items():
                if name not in (PLACES, LISTS) or hash_file(self.folder / name) != digest:
                    raise ValueError(f"{name} was changed")
            self._places = pq.read_table(self.folder / PLACES, columns=list(COLUMNS))
            measured = self.described["measured"]
            self.measured = Measured(int(measured["probes"]), float(measured["recall"]))
            self._lists = open_lists(self.folder / LISTS)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, pa.ArrowException) as error:
            raise DamageError(
                f"The index in {self.folder} cannot be read: {error}.", "Delete the folder and embed again."
            ) from error

    def __len__(self) -> int:
        return len(self._places)

    @property
    def id(self) -> str:
        """The name and 12 hex digits of the content."""
        return self.folder.name

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self._lists.d)

    @cached_property
    def lon(self) -> NDArray[np.float64]:
        """(n,) degrees."""
        column: NDArray[np.float64] = self._places["lon"].to_numpy()
        return column

    @cached_property
    def lat(self) -> NDArray[np.float64]:
        """(n,) degrees."""
        column: NDArray[np.float64] = self._places["lat"].to_numpy()
        return column

    @cached_property
    def time(self) -> NDArray[np.datetime64]:
        """(n,) datetime64[s], NaT where a vector stands for no instant."""
        column: NDArray[np.datetime64] = self._places["time"].to_numpy().astype("datetime64[s]")
        return column

    def vectors(self, rows: Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
        """Return the kept vectors of some rows, (k, d).

        Raises
        ------
        InputError
            If a row is not one of the index.
        """
        numbers = np.asarray(rows, dtype=np.int64).ravel()
        if len(numbers) == 0 or numbers.min() < 0 or numbers.max() >= len(self):
            raise InputError(f"The index {self.id} has the rows 0 to {len(self) - 1}.", "Give some of them.")
        return take_vectors(self._lists, numbers)

    def rows_of(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows that have one of some ids, in their order in the index.

        Raises
        ------
        NotFoundError
            If an id is not there.
        """
        column = self._places["id"].combine_chunks()
        rows = np.flatnonzero(pa.compute.is_in(column, value_set=pa.array(list(ids))).to_numpy(False))
        missing = sorted(set(ids) - set(column.take(pa.array(rows)).to_pylist()))
        if missing:
            raise NotFoundError(f"The index {self.id} has no {', '.join(missing[:5])}.", "Search by a place.")
        return rows.astype(np.int64)

    def nearest_row(self, lon: float, lat: float) -> int:
        """Return the row whose place is nearest to a point in degrees, the latest of one place."""
        east = (self.lon - lon + 180.0) % 360.0 - 180.0
        distance = (east * np.cos(np.radians(lat))) ** 2 + (self.lat - lat) ** 2
        near = np.flatnonzero(distance == distance.min())
        return int(near[np.argmax(self.time[near].astype(np.int64))])

    def rows_under(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the row (k,) whose place each of some points in degrees lies in, −1 outside of all.

        A place reaches as far as half the diagonal to its nearest neighbour, by the median of a thousand.
        """
        tree = import_extra("scipy.spatial").cKDTree(_stand_on_globe(self.lon, self.lat))
        some = np.unique(tree.data[:: max(1, len(self) // _PROBED)], axis=0)
        apart = tree.query(some, k=min(len(self), _NEIGHBOURS))[0].reshape(len(some), -1)
        nearest = np.where(apart > _SAME, apart, np.inf).min(axis=1)
        reach = float(np.median(nearest)) * _HALF_DIAGONAL
        distance, rows = tree.query(_stand_on_globe(lon, lat))
        return np.where(distance <= reach, rows, -1).astype(np.int64)

    def rows_within(
        self, bbox: Sequence[float] | None = None, datetime: str | None = None
    ) -> NDArray[np.bool_] | None:
        """Return (n,) which rows lie in a box and a time span; None for no limit.

        Parameters
        ----------
        bbox : four floats, optional
            West, south, east, north in degrees; west beyond east crosses 180 degrees.
        datetime : str, optional
            As in STAC, the end included. What stands for no instant is in no span.
        """
        if bbox is None and datetime is None:
            return None
        inside = np.ones(len(self), bool)
        if bbox is not None:
            west, south, east, north = _check_box(bbox)
            across = self.lon >= west
            across = (across & (self.lon <= east)) if west <= east else (across | (self.lon <= east))
            inside &= across & (self.lat >= south) & (self.lat <= north)
        if datetime is not None:
            span = TimeSpan.from_stac(datetime)
            inside &= (self.time >= span.start) & (self.time < span.end)
        return inside

    def search(
        self,
        query: NDArray[np.float32],
        count: int = 10,
        *,
        bbox: Sequence[float] | None = None,
        datetime: str | None = None,
        leave_out: Sequence[int] | NDArray[Any] = (),
    ) -> list[Hit]:
        """Return the nearest to a vector, the nearest first.

        Parameters
        ----------
        query : (d,) float32
            Any length: only its direction decides the order.
        count : int
            At most so many, 1 to 10,000.
        bbox, datetime
            As of :meth:`rows_within`.
        leave_out : sequence of int
            Rows that are not wanted, such as the examples themselves.

        Raises
        ------
        InputError
            If the query has another width or is not finite, or the count is out of range.
        """
        vector = np.asarray(query, dtype=np.float32).reshape(1, -1)
        if vector.shape[1] != self.width or not 1 <= count <= MOST_HITS:
            raise InputError(
                f"A query of {vector.shape[1]} numbers for {count} hits cannot be answered.",
                f"Vectors of {self.id} have {self.width} numbers; ask for 1 to {MOST_HITS} hits.",
                code="ProcessParameterInvalid",
            )
        wanted = self.rows_within(bbox, datetime)
        unwanted = {int(row) for row in leave_out}
        scores, rows = search_lists(
            self._lists, normalise(vector), count + len(unwanted), self.measured.probes, wanted
        )
        found = [(int(r), float(s)) for r, s in zip(rows[0], scores[0], strict=True) if r >= 0]
        return self._tell([(r, s) for r, s in found if r not in unwanted][:count])

    def _tell(self, found: Sequence[tuple[int, float]]) -> list[Hit]:
        rows = [row for row, _ in found]
        names = self._places["id"].take(pa.array(rows, pa.int64())).to_pylist()
        return [
            Hit(
                row, name, round(score, 6), float(self.lon[row]), float(self.lat[row]), _write(self.time[row])
            )
            for (row, score), name in zip(found, names, strict=True)
        ]


def _stand_on_globe(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points (n, 3) of a globe of radius 1, on which 180 degrees is no edge."""
    east, north = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a plain file as hex digits."""
    if path.is_symlink():
        raise ValueError(f"{path.name} is a link")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_box(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(v) for v in bbox)
    except (TypeError, ValueError):
        west, south, east, north = 0.0, 1.0, 0.0, 0.0
    if not (south <= north and np.isfinite([west, east]).all()):
        raise InputError(
            f"{bbox!r} is not a box.", "Give west, south, east, north in degrees.",
            code="ProcessParameterInvalid",
        )  # fmt: skip
    return west, south, east, north


def _write(time: np.datetime64) -> str | None:
    return None if np.isnat(time) else f"{time.astype('datetime64[s]')}Z"

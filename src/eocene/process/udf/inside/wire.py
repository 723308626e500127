"""How data pass between Eocene and the code of a user: a JSON header, and numbers in shared memory.

Both sides use this file, so it imports nothing of Eocene. Never pickle: whoever reads a header may not trust
who wrote it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_ALIGN = 64
_KINDS = "biufM"
_MOST_DIMS = 16
_MOST_ROWS = 1_000_000
_DEEPEST = 32


class WireError(ValueError):
    """What a header describes is not of the agreed form, or cannot be passed on."""


@dataclass
class Cargo:
    """Arrays on their way into shared memory, and how much of it they take."""

    arrays: list[tuple[int, np.ndarray[Any, Any]]] = field(default_factory=list)
    size: int = 0

    def add(self, values: Any) -> dict[str, Any]:
        """Take an array along and return what the header says of it."""
        values = np.asarray(values)
        if values.dtype.kind not in _KINDS or values.dtype.itemsize > 8:
            raise WireError(f"values of the type {values.dtype} cannot be passed on; use numbers")
        values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        start = -(-self.size // _ALIGN) * _ALIGN
        self.arrays.append((start, values))
        self.size = start + values.nbytes
        return {"at": start, "dtype": values.dtype.str, "shape": list(values.shape)}

    def store(self, memory: Any) -> None:
        """Lay the arrays into memory that is large enough."""
        for start, values in self.arrays:
            place = np.frombuffer(memory, values.dtype, values.size, start).reshape(values.shape)
            place[...] = values


class Store:
    """Shared memory from which arrays are copied: all together no more than it holds.

    Parameters
    ----------
    memory : buffer
        The other side may be writing to it.
    """

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self._left = len(memory)

    def fetch(self, entry: Any) -> np.ndarray[Any, Any]:
        """Return a copy of the array that a header describes; raises WireError if it cannot lie there."""
        at, shape, dtype = _read_place(entry)
        count = 1
        for n in shape:
            count *= n
        size = count * dtype.itemsize
        if at + size > len(self._memory):
            raise WireError("an array is larger than its memory")
        self._left -= size
        if self._left < 0:
            raise WireError("the arrays share their memory")
        if not count:
            return np.zeros(shape, dtype)
        raw = np.dtype(np.uint8) if dtype.kind == "b" else dtype
        # The copy comes before any look at the values: the other side may still be writing.
        values = np.frombuffer(self._memory, raw, count, at).reshape(shape).copy()
        return values != 0 if dtype.kind == "b" else values


def _read_place(entry: Any) -> tuple[int, list[int], np.dtype[Any]]:
    """Return offset, shape and type of an array that a header describes; raises WireError."""
    try:
        at, shape, name = entry["at"], list(entry["shape"]), entry["dtype"]
        dtype = np.dtype(name) if isinstance(name, str) and len(name) <= 8 else np.dtype(object)
        numbers = [at, *shape]
    except (TypeError, KeyError, ValueError, SyntaxError) as error:
        raise WireError("an array is not described") from error
    whole = all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**48 for n in numbers)
    if not whole or len(shape) > _MOST_DIMS or dtype.kind not in _KINDS or not 0 < dtype.itemsize <= 8:
        raise WireError("an array is not of numbers")
    return at, shape, dtype


def pack(value: Any, cargo: Cargo) -> dict[str, Any]:
    """Return the header of a DataArray, a GeoDataFrame or a plain value, its numbers put into the cargo."""
    if hasattr(value, "geometry") and hasattr(value, "columns"):
        return _pack_table(value, cargo)
    if hasattr(value, "dims") and hasattr(value, "coords"):
        coords = {str(d): _pack_labels(value[d].values, cargo) for d in value.dims if d in value.coords}
        crs = value.attrs.get("crs")
        dims = [str(d) for d in value.dims]
        return {
            "kind": "array",
            "dims": dims,
            "values": cargo.add(value.values),
            "coords": coords,
            "crs": crs if isinstance(crs, str) else None,
        }
    return {"kind": "value", "value": _plain(value)}


def unpack(header: Any, memory: Any) -> Any:
    """Return the DataArray, GeoDataFrame or plain value of a header; raises WireError."""
    kind = header.get("kind") if isinstance(header, dict) else None
    store = Store(memory)
    try:
        if kind == "array":
            return _unpack_array(header, store)
        if kind == "table":
            return _unpack_table(header, store)
        if kind == "value":
            return _check_plain(header["value"])
    except WireError:
        raise
    except Exception as error:
        raise WireError(f"a result is not of the agreed form: {error}") from error
    raise WireError("a result is of no known kind")


def _pack_labels(labels: Any, cargo: Cargo) -> Any:
    labels = np.asarray(labels)
    return cargo.add(labels) if labels.dtype.kind in _KINDS else [_plain(v) for v in labels.tolist()]


def _unpack_labels(entry: Any, store: Store) -> Any:
    if not isinstance(entry, list):
        return store.fetch(entry)
    if any(isinstance(v, list | dict) for v in entry):
        raise WireError("a label is neither a text nor a number")
    labels = np.empty(len(entry), object)
    labels[:] = _check_plain(entry)
    return labels


def _unpack_array(header: dict[str, Any], store: Store) -> Any:
    import xarray as xr

    dims, crs = _check_plain(header["dims"]), header.get("crs")
    values = store.fetch(header["values"])
    if not all(isinstance(d, str) for d in dims) or len(set(dims)) != values.ndim:
        raise WireError(f"the dimensions do not fit values of {values.ndim} dimensions")
    coords = {d: (d, _unpack_labels(header["coords"][d], store)) for d in dims if d in header["coords"]}
    return xr.DataArray(values, coords, dims, attrs={"crs": crs} if isinstance(crs, str) else {})


def _pack_table(frame: Any, cargo: Cargo) -> dict[str, Any]:
    texts = [b"" if g is None else g for g in frame.geometry.force_2d().to_wkb()]
    ends = np.cumsum([len(t) for t in texts]) if texts else np.zeros(0, "i8")
    name = frame.geometry.name
    return {
        "kind": "table",
        "columns": [[str(c), _pack_labels(frame[c].to_numpy(), cargo)] for c in frame.columns if c != name],
        "index": _pack_labels(frame.index.to_numpy(), cargo),
        "geometry": cargo.add(np.frombuffer(b"".join(texts), np.uint8)),
        "ends": cargo.add(ends.astype("i8")),
        "epsg": None if frame.crs is None else frame.crs.to_epsg(),
    }


def _unpack_table(header: dict[str, Any], store: Store) -> Any:
    import geopandas

    ends, epsg = store.fetch(header["ends"]), header["epsg"]
    text = store.fetch(header["geometry"]).tobytes()
    rises = not ends.size or (ends.ndim == 1 and ends[0] >= 0 and bool((ends[1:] >= ends[:-1]).all()))
    if not rises or ends.size > _MOST_ROWS or (ends.size and ends[-1] != len(text)):
        raise WireError("the geometries do not lie one behind the other")
    if not isinstance(epsg, int | None):  # a text could name files
        raise WireError("a CRS is no number of EPSG")
    places = ends.tolist()
    parts = [text[a:b] or None for a, b in zip([0, *places], places, strict=False)]
    for part in filter(None, parts):
        check_outline(part)
    columns = {str(name): _unpack_labels(entry, store) for name, entry in header["columns"]}
    index = _unpack_labels(header["index"], store)
    shapes = geopandas.GeoSeries.from_wkb(parts, index=index)
    return geopandas.GeoDataFrame(columns, index=index, geometry=shapes.values, crs=epsg)


def check_outline(text: bytes) -> None:
    """Raise WireError if a geometry in WKB is nested deeply, which overflows the stack of who reads it.

    Source: OGC 06-103r4, chapter 8: points, lines, polygons, collections of them (4 to 7), in two dimensions.
    """
    to_come, at = [1], 0
    try:
        while to_come:
            if not to_come[-1]:
                to_come.pop()
                continue
            to_come[-1] -= 1
            order, kind = struct.unpack_from("<BI", text, at)
            count = struct.unpack_from("<I", text, at + 5)[0] if kind != 1 else 0
            if order != 1 or not 1 <= kind <= 7 or len(to_come) > _DEEPEST:
                raise WireError("a geometry is of no known kind, or nested too deeply")
            at += 5 + 16 if kind == 1 else 9
            if kind == 2:
                at += 16 * count
            elif kind == 3:
                for _ in range(count):
                    at += 4 + 16 * int(struct.unpack_from("<I", text, at)[0])
            elif kind > 3:
                to_come.append(count)
    except struct.error:
        at = -1
    if at != len(text):
        raise WireError("a geometry has another length than it says")


def _check_plain(value: Any) -> Any:
    """Return what came as JSON if it can be written again; raises WireError."""
    pending = [(value, 0)]
    while pending:
        one, depth = pending.pop()
        if depth > _DEEPEST:
            raise WireError("a value is nested too deeply")
        if isinstance(one, dict):
            pending += [(part, depth + 1) for pair in one.items() for part in pair]
        elif isinstance(one, list):
            pending += [(part, depth + 1) for part in one]
        elif isinstance(one, str) and ("\0" in one or not one.isascii()):
            _check_text(one)
    return value


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise WireError("a text is not Unicode") from error
    if "\0" in text:
        raise WireError("a text holds a zero")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; raises WireError."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise WireError(f"a {type(value).__name__} cannot be passed on; use an array, a table or a plain value")

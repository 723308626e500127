"""How data pass between Eocene and the code of a user: a JSON header, and numbers in shared memory.

Both sides use this file, so it imports nothing of Eocene. Never pickle: whoever reads a header may not trust
who wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

_ALIGN = 64
_KINDS = "biufM"
_MOST_DIMS = 16


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


def fetch(entry: Any, memory: Any) -> np.ndarray[Any, Any]:
    """Return a copy of the array that a header describes; raises WireError if it cannot lie there."""
    try:
        at, shape, dtype = entry["at"], entry["shape"], np.dtype(entry["dtype"])
        numbers = [at, *shape]
    except (TypeError, KeyError, ValueError, SyntaxError) as error:
        raise WireError("an array is not described") from error
    whole = all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**48 for n in numbers)
    if not whole or len(shape) > _MOST_DIMS or dtype.kind not in _KINDS or dtype.itemsize > 8:
        raise WireError("an array is not of numbers")
    count = 1
    for n in shape:
        count *= n
    if at + count * dtype.itemsize > len(memory):
        raise WireError("an array is larger than its memory")
    if not count:
        return np.zeros(shape, dtype)
    # The copy comes before any look at the values: the other side may still be writing.
    return np.frombuffer(memory, dtype, count, at).reshape(shape).copy()


def pack(value: Any, cargo: Cargo) -> dict[str, Any]:
    """Return the header of a DataArray, a GeoDataFrame or a plain value, its numbers put into the cargo."""
    if hasattr(value, "geometry") and hasattr(value, "columns"):
        return _pack_table(value, cargo)
    if hasattr(value, "dims") and hasattr(value, "coords"):
        coords = {str(d): _pack_labels(value[d].values, cargo) for d in value.dims if d in value.coords}
        crs = value.attrs.get("crs")
        attrs = {"crs": crs} if isinstance(crs, str) else {}
        dims = [str(d) for d in value.dims]
        return {
            "kind": "array",
            "dims": dims,
            "values": cargo.add(value.values),
            "coords": coords,
            "attrs": attrs,
        }
    return {"kind": "value", "value": _plain(value)}


def unpack(header: Any, memory: Any) -> Any:
    """Return the DataArray, GeoDataFrame or plain value of a header; raises WireError."""
    kind = header.get("kind") if isinstance(header, dict) else None
    try:
        if kind == "array":
            return _unpack_array(header, memory)
        if kind == "table":
            return _unpack_table(header, memory)
        if kind == "value":
            return header["value"]
    except WireError:
        raise
    except Exception as error:
        raise WireError(f"a result is not of the agreed form: {error}") from error
    raise WireError("a result is of no known kind")


def _pack_labels(labels: Any, cargo: Cargo) -> Any:
    labels = np.asarray(labels)
    return cargo.add(labels) if labels.dtype.kind in _KINDS else [_plain(v) for v in labels.tolist()]


def _unpack_labels(entry: Any, memory: Any) -> Any:
    if isinstance(entry, list):
        labels = np.empty(len(entry), object)
        labels[:] = entry
        return labels
    return fetch(entry, memory)


def _unpack_array(header: dict[str, Any], memory: Any) -> Any:
    import xarray as xr

    dims = header["dims"]
    values = fetch(header["values"], memory)
    if len(set(dims)) != values.ndim or not all(isinstance(d, str) for d in dims):
        raise WireError(f"the dimensions {dims} do not fit values of {values.ndim} dimensions")
    coords = {str(d): (str(d), _unpack_labels(v, memory)) for d, v in header["coords"].items()}
    return xr.DataArray(values, coords, dims, attrs=dict(header["attrs"]))


def _pack_table(frame: Any, cargo: Cargo) -> dict[str, Any]:
    texts = [b"" if g is None else g for g in frame.geometry.to_wkb()]
    ends = np.cumsum([len(t) for t in texts]) if texts else np.zeros(0, "i8")
    name = frame.geometry.name
    columns = {str(c): _pack_labels(frame[c].to_numpy(), cargo) for c in frame.columns if c != name}
    return {
        "kind": "table",
        "columns": columns,
        "index": _pack_labels(frame.index.to_numpy(), cargo),
        "geometry": cargo.add(np.frombuffer(b"".join(texts), np.uint8)),
        "ends": cargo.add(ends.astype("i8")),
        "crs": frame.crs.to_wkt() if frame.crs is not None else None,
    }


def _unpack_table(header: dict[str, Any], memory: Any) -> Any:
    import geopandas

    ends = fetch(header["ends"], memory).tolist()
    text = fetch(header["geometry"], memory).tobytes()
    parts = [text[a:b] or None for a, b in zip([0, *ends], ends, strict=False)]
    columns = {str(k): _unpack_labels(v, memory) for k, v in header["columns"].items()}
    index = _unpack_labels(header["index"], memory)
    shapes = geopandas.GeoSeries.from_wkb(parts, index=index)
    return geopandas.GeoDataFrame(columns, index=index, geometry=shapes.values, crs=header["crs"])


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

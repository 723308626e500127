"""The process that reads HDF4 files: its library runs here, since it trusts what it reads and may crash.

It is run by ``decoding_worker`` for ``hdf4``, both beside it, and opens no file but the one that it is asked
of: an HDF4 file may keep its data in another, so while one is read no further file can be opened. A request
is D (describe) or V (values) and JSON texts, the path of the file and for values the name of a data set; an
answer is JSON, or the values, little-endian.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
from pyhdf.error import HDF4Error
from pyhdf.SD import SD, SDC

FAULTS = (HDF4Error, ValueError, KeyError, TypeError, MemoryError, OverflowError, OSError)
TYPES = {
    SDC.INT8: "<i1", SDC.UINT8: "<u1", SDC.INT16: "<i2", SDC.UINT16: "<u2",
    SDC.INT32: "<i4", SDC.UINT32: "<u4", SDC.FLOAT32: "<f4", SDC.FLOAT64: "<f8",
}  # fmt: skip
STRUCTURE = "StructMetadata."
_MOST_SETS, _MOST_TEXT = 2000, 4 * 2**20
_MOST_BYTES = 2**30
_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)


@contextmanager
def opened(path: str) -> Iterator[Any]:
    """Open a file, and no other while it is open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, _FILES)
    file = SD(path, SDC.READ)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, _FILES[1]))
        yield file
    finally:
        file.end()
        resource.setrlimit(resource.RLIMIT_NOFILE, _FILES)


def describe(path: str) -> dict[str, Any]:
    """Return the structure of HDF-EOS as text, and the data sets: name, shape, dtype and attributes."""
    with opened(path) as file:
        attributes = file.attributes()
        parts = sorted(key for key in attributes if key.startswith(STRUCTURE))
        text = "".join(str(attributes[key]) for key in parts)
        count = file.info()[0]
        if count > _MOST_SETS or len(text) > _MOST_TEXT:
            raise ValueError(f"it has {count} data sets and a structure of {len(text)} letters")
        found = []
        for number in range(count):
            data = file.select(number)
            name, _, shape, kind, _ = data.info()
            if kind in TYPES:
                shape = [shape] if isinstance(shape, int) else list(shape)
                plain = {k: v for k, v in data.attributes().items() if isinstance(v, str | int | float)}
                found.append({"name": name, "shape": shape, "dtype": TYPES[kind], "attributes": plain})
            data.endaccess()
    return {"structure": text, "sets": found}


def read(path: str, name: str) -> bytes:
    """Return the values of a data set."""
    with opened(path) as file:
        data = file.select(name)
        _, _, shape, kind, _ = data.info()
        dtype = np.dtype(TYPES[kind])
        size = prod([shape] if isinstance(shape, int) else shape) * dtype.itemsize
        if not 0 < size <= _MOST_BYTES:
            raise ValueError(f"{name} would become {size} bytes")
        values = np.ascontiguousarray(data.get()).astype(dtype, copy=False).tobytes()
        data.endaccess()
    if len(values) != size:
        raise ValueError(f"{name} has {len(values)} of {size} bytes")
    return values


def answer(command: bytes, messages: Sequence[bytes]) -> bytes:
    """Return the answer to a request."""
    texts = [json.loads(message) for message in messages]
    return json.dumps(describe(*texts), allow_nan=True).encode() if command == b"D" else read(*texts)

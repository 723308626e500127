"""The identity of samples: a hash of what they say, however they are stored."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.curate.dataset.layers import Layer

FORMAT = 3
_DIGITS = 12


def describe_content(
    *,
    name: str,
    epsg: int,
    layers: Mapping[str, Layer],
    class_names: Mapping[int, str],
    sources: Mapping[str, Any],
    faults: Mapping[str, int],
) -> dict[str, Any]:
    """Return what is said of all samples together, as JSON that is the same for equal samples."""
    return {
        "format": FORMAT,
        "name": name,
        "epsg": int(epsg),
        "layers": {key: layers[key].to_json() for key in sorted(layers)},
        "class_names": {str(k): v for k, v in sorted(class_names.items())},
        "sources": make_plain(sources),
        "faults": {k: int(v) for k, v in sorted(faults.items())},
    }


def identify(content: Mapping[str, Any], digests: Mapping[str, str], table: Mapping[str, Any]) -> str:
    """Return the name of samples and the first 12 hex digits of the SHA-256 of all of them.

    Parameters
    ----------
    content : mapping
        From :func:`describe_content`.
    digests : mapping of str to str
        Layer to the SHA-256 of its stored numbers, sample by sample, C order, little-endian.
    table : mapping of str to array
        "label", "x", "y" and the columns, numpy or Arrow.
    """
    digest = hashlib.sha256(canonical(content).encode())
    digest.update(canonical(dict(digests)).encode())
    for key in sorted(table):
        digest.update(f"{key}:{_digest_column(table[key])}".encode())
    return f"{content['name']}-{digest.hexdigest()[:_DIGITS]}"


def digest_array(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def _digest_column(column: Any) -> str:
    """Return the SHA-256 of a column; texts by their sorted values and the places of these."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, np.ndarray) and column.dtype.kind == "U":
        column = pa.array(column)
    if not isinstance(column, np.ndarray):
        if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
            return _digest_texts(column)
        column = column_array(column)
    if column.dtype.kind == "M":
        column = column.astype("datetime64[s]").view(np.int64)
        return f"instants{column.shape}{digest_array(column)}"
    return f"{column.dtype.str}{column.shape}{digest_array(column)}"


def _digest_texts(column: Any) -> str:
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    used, codes = np.unique(coded.indices.to_numpy(zero_copy_only=False), return_inverse=True)
    texts = np.array([coded.dictionary[int(i)].as_py() for i in used], dtype=object)
    values, order = np.unique(texts, return_inverse=True)
    told = hashlib.sha256(canonical(values.tolist()).encode())
    told.update(order.astype("<i4")[codes].tobytes() if len(texts) else b"")
    return f"text({len(coded)},){told.hexdigest()}"


def column_array(column: Any) -> NDArray[Any]:
    """Return an Arrow column as numpy: texts as str, instants in seconds."""
    values: NDArray[Any] = (
        column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    )
    kinds = {"O": np.dtype(str), "M": np.dtype("datetime64[s]")}
    return values.astype(kinds.get(values.dtype.kind, values.dtype))


def canonical(value: Any) -> str:
    """Return JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def make_plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping as JSON gives it back; raises InputError if it cannot be written so."""
    try:
        plain: dict[str, Any] = json.loads(canonical(dict(value)))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The sources cannot be written as JSON: {error}.", "Give text, numbers, lists and dicts."
        ) from error
    return plain

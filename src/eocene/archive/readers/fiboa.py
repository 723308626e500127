"""Field boundaries as fiboa writes them: GeoParquet or GeoJSON with a collection's metadata in the file.

The parcels are a table whose columns have fixed names and units; title, licence and providers of the
collection come from the file, which is read where it lies if it is GeoParquet.

Source: fiboa core specification 0.1 to 0.3 (fiboa.org); since 0.3 on Vecorel 0.1, whose Parquet metadata are
called ``collection`` and hold the values that all parcels share.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import geopandas
import pyarrow as pa
import pyarrow.parquet as pq

from eocene.archive.product import Product, Reader, name_collection, read_times
from eocene.archive.readers.fiboa_collection import COLUMNS, describe_fields
from eocene.archive.readers.table import PARQUET_SUFFIXES, find_table_times, make_table_item
from eocene.archive.tables.parquet import read_table
from eocene.archive.tables.vector_files import frame_of_features, read_json
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from eocene.archive.product import IngestOptions

_JSON_SUFFIXES = (".geojson", ".json")
_MENTION = re.compile(rb'"fiboa"\s*:|fiboa(?:\.github\.io|\.org)/specification/')
_LOOK_BYTES = 64 * 2**10
_LARGEST_FOOTER = 32 * 2**20
_KEYS = (b"fiboa", b"collection")
_TIMES = ("determination_datetime", "determination:datetime")
_STRUCTURE = {"features", "type", "crs", "bbox"}


def recognise(path: Path) -> bool:
    """Tell whether a GeoParquet or GeoJSON file says that it is fiboa, by its footer, beginning or end."""
    if not path.is_file():
        return False
    suffix = path.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        return bool(_read_footer(path))
    return suffix in _JSON_SUFFIXES and bool(_MENTION.search(_read_ends(path)))


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield the collection that the file describes, with one item, whose asset ``data`` is the table.

    Raises
    ------
    InputError
        If fields have no id or are no areas; if their time or CRS is unknown.
    DamageError
        If the file cannot be read.
    """
    if path.suffix.lower() in PARQUET_SUFFIXES:
        frame, told = read_table(path), _parse(_read_footer(path), path)
    else:
        document = read_json(path)
        frame, told = _read_features(document, path), _find_metadata(document)
    _check_fields(frame, path)
    name = options.collection or name_collection(str(told.get("id") or path.stem))
    item = make_table_item(frame, path, name, _find_times(frame, told, path, options), options)
    for column in item["assets"]["data"]["table:columns"]:
        if column["name"] in COLUMNS:
            column["description"] = COLUMNS[column["name"]]
    yield describe_fields(name, told, path.name), [item]


READER = Reader("fiboa", "fiboa field boundaries (GeoParquet, GeoJSON)", recognise, read_product)


def _read_footer(path: Path) -> bytes:
    """Return the metadata of fiboa in a Parquet file's footer, nothing where there are none."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - 8))
        end = stream.read(8)
    if end[4:] != b"PAR1" or int.from_bytes(end[:4], "little") > min(size, _LARGEST_FOOTER):
        return b""
    try:
        found = pq.read_metadata(path).metadata or {}
    except (pa.ArrowException, OSError, ValueError):
        return b""  # the reader of tables says what is wrong with it
    texts = {key: bytes(found[key]) for key in _KEYS if key in found}
    return texts.get(b"fiboa") or next((text for text in texts.values() if _MENTION.search(text)), b"")


def _read_ends(path: Path) -> bytes:
    with path.open("rb") as stream:
        head = stream.read(_LOOK_BYTES)
        stream.seek(max(0, path.stat().st_size - _LOOK_BYTES))
        return head + stream.read(_LOOK_BYTES)


def _parse(text: bytes, path: Path) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamageError(
            f"The metadata of fiboa in {str(path)!r} are not JSON: {error}.", "Fetch or write the file again."
        ) from error
    if not isinstance(told, dict):
        raise InputError(f"The metadata of fiboa in {str(path)!r} are no object.", "Write the file again.")
    return told


def _read_features(document: Any, path: Path) -> geopandas.GeoDataFrame:
    """Return the features, with the identifiers that GeoJSON keeps beside the properties."""
    frame = frame_of_features(document, path)
    names = [feature.get("id") for feature in document["features"]]
    if "id" not in frame.columns and any(name is not None for name in names):
        frame.insert(0, "id", [None if name is None else str(name) for name in names])
    return frame


def _find_metadata(document: dict[str, Any]) -> dict[str, Any]:
    """Return the member ``fiboa``, or since 0.3 all members beside the features."""
    told = document.get("fiboa")
    if isinstance(told, dict):
        return told
    return {key: value for key, value in document.items() if key not in _STRUCTURE}


def _check_fields(frame: pd.DataFrame, path: Path) -> None:
    if not isinstance(frame, geopandas.GeoDataFrame) or not len(frame):
        raise InputError(f"The file {str(path)!r} has no field boundaries.", "Write them as geometries.")
    if "id" not in frame.columns or frame["id"].isna().any():
        raise InputError(
            f"The file {str(path)!r} has fields without an id.", "fiboa wants one for each: add them."
        )
    others = ~frame.geom_type.isin(["Polygon", "MultiPolygon"])
    if others.any():
        raise InputError(
            f"The field {str(frame['id'][others].iloc[0])!r} of {str(path)!r} is no polygon.", "Correct it."
        )


def _find_times(
    frame: pd.DataFrame, told: dict[str, Any], path: Path, options: IngestOptions
) -> dict[str, str]:
    """Return when fields were determined: a column, one value for all, the collection's extent, the name."""
    if options.datetime or any(name in frame.columns and frame[name].notna().any() for name in _TIMES):
        return find_table_times(frame, path, options, _TIMES)
    shared = next((told[name] for name in _TIMES if told.get(name)), None)
    try:
        interval = told["extent"]["temporal"]["interval"][0] if shared is None else [shared]
        return read_times("/".join(str(moment) for moment in interval if moment))
    except (KeyError, IndexError, TypeError, InputError):
        return find_table_times(frame, path, options, ())

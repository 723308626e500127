"""STAC-GeoParquet: items of the catalogue to a file and back, in batches, so that a million need no memory.

The format has one type for each column, no difference between null and missing, and times to the microsecond.
What that would change of an item stands as JSON beside it, in the column ``eocene:exact``: so an item comes
back as it was, while other software reads the columns that it expects.

Source: STAC-GeoParquet specification 1.1.0, https://github.com/stac-utils/stac-geoparquet.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from eocene.archive.catalogue.exchange_items import EXACT, filled_columns, fit_table, prepare, read_back
from eocene.archive.catalogue.interface import in_batches
from eocene.archive.catalogue.search import Search
from eocene.model.errors import DamageError, InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from eocene.archive.catalogue.interface import Catalogue

_BATCH = 5_000


def export_geoparquet(catalogue: Catalogue, path: Path | str, query: Search | None = None) -> int:
    """Write the items that match into a file, and return how many they are; none make no file.

    Parameters
    ----------
    catalogue : Catalogue
        Where they are; it is read twice, first for the types of the columns.
    path : Path or str
        The file; it is replaced as a whole when all is written.
    query : Search, optional
        Which items; by default all. Its ``limit`` and ``fields`` do not count.

    Raises
    ------
    UnavailableError
        If stac-geoparquet is not installed.
    InputError
        If a property is a text in one item and a number in another, which a column cannot be.
    NotFoundError
        If a collection that is asked for does not exist.
    """
    arrow = _import_arrow()
    wanted, target = query or Search(), Path(path)
    for name in wanted.collections:
        catalogue.collection(name)
    schema, names, total = None, dict[str, None](), 0
    for items in in_batches(catalogue.iterate(wanted), _BATCH):
        names.update(dict.fromkeys(item["collection"] for item in items))
        total += len(items)
        schema = _unify(schema, _make_table(arrow, items).schema)
    if schema is None:
        return 0
    batches = _make_batches(arrow, catalogue, wanted, schema)
    collections = {name: catalogue.collection(name) for name in names}
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        arrow.to_parquet(batches, temporary, collections=collections, compression="zstd")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return total


def import_geoparquet(catalogue: Catalogue, path: Path | str) -> int:
    """Put the items of a file into the catalogue, all or none, and return how many they are.

    Collections that the file describes are put, too, unless the catalogue has them; items of a collection
    that neither knows are an error.

    Raises
    ------
    UnavailableError
        If stac-geoparquet is not installed.
    DamageError
        If the file is missing, cut off or no Parquet.
    InputError
        If it is Parquet of something else, or an item in it is not valid.
    NotFoundError
        If the collection of an item does not exist.
    """
    _import_arrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = set(file.schema_arrow.names)
            if not {"id", "collection", "geometry"} <= columns:
                raise InputError(
                    f"The file {str(path)!r} is not STAC-GeoParquet: it lacks id, collection or geometry.",
                    "Give a file of items, as stac-geoparquet or eocene write it.",
                )
            known = {collection["id"] for collection in catalogue.collections()}
            described = _read_collections(file.schema_arrow.metadata or {})
            new = [document for name, document in described.items() if name not in known]
            return catalogue.put_items(_read_items(file), collections=new)
    except (pa.ArrowException, OSError) as error:
        raise DamageError(
            f"The file {str(path)!r} cannot be read: {error}.", "Check that it is there and whole."
        ) from error


def _import_arrow() -> Any:
    try:
        import stac_geoparquet.arrow
    except ImportError as error:
        raise UnavailableError(
            "The package stac-geoparquet is not installed.", "Run: pip install 'eocene[exchange]'."
        ) from error
    return stac_geoparquet.arrow


def _make_table(arrow: Any, items: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    try:
        table = arrow.parse_stac_items_to_arrow([prepare(item) for item in items]).read_all()
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise _no_column(error) from error
    return table.select(filled_columns(table.schema))


def _unify(schema: pa.Schema | None, other: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    try:
        return other if schema is None else pa.unify_schemas([schema, other], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise _no_column(error) from error


def _no_column(error: Exception) -> InputError:
    return InputError(
        f"The items do not fit into columns, each of which has one type: {error}.",
        "Export those with the one type and those with the other by themselves, by a filter.",
    )


def _make_batches(arrow: Any, catalogue: Catalogue, query: Search, schema: pa.Schema) -> pa.RecordBatchReader:
    """Return a stream of batches of one schema, each with the exact JSON of what it cannot say."""
    import pyarrow as pa

    whole = schema.append(pa.field(EXACT, pa.string()))

    def stream() -> Iterator[pa.RecordBatch]:
        for items in in_batches(catalogue.iterate(query), _BATCH):
            table = fit_table(_make_table(arrow, items), schema)
            exact = [
                None if back == item else orjson.dumps(item).decode()
                for item, back in zip(items, read_back(table), strict=True)
            ]
            yield from table.append_column(whole.field(EXACT), pa.array(exact, pa.string())).to_batches()

    return pa.RecordBatchReader.from_batches(whole, stream())


def _read_items(file: Any) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    for batch in file.iter_batches(batch_size=_BATCH):
        yield from read_back(pa.Table.from_batches([batch]))


def _read_collections(metadata: dict[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """Return the collections that the metadata of a file describe."""
    try:
        described = orjson.loads(metadata.get(b"stac-geoparquet", b"{}"))
        found = described.get("collections") or {}
        if not found and described.get("collection"):
            found = {described["collection"]["id"]: described["collection"]}
        return {str(name): document for name, document in found.items() if document.get("id") == name}
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return {}

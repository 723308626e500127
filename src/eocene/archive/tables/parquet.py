"""Tables on disk: Parquet, with geometries where they say so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyproj.exceptions import CRSError

from eocene.archive.fetch import check_decoded, read_crs
from eocene.model.budget import memory_budget
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas
    import pandas as pd

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12, "BYTE_ARRAY": 8}
"""Bytes of a value in memory by its physical type; of a text, where it begins."""
_LONGEST_FIXED = 32
_BATCH_ROWS = 65_536


def read_table(path: Path) -> geopandas.GeoDataFrame | pd.DataFrame:
    """Return a Parquet file as a GeoDataFrame if it is GeoParquet, else as a DataFrame.

    Raises
    ------
    InputError
        If it would not fit into memory.
    DamageError
        If the file cannot be read; it is named.
    """
    import geopandas
    import pandas as pd

    try:
        with pq.ParquetFile(path) as file:
            check_table_size(file, path)
            metadata = file.schema_arrow.metadata or {}
        _check_crs(metadata.get(b"geo", b"{}"))
        return geopandas.read_parquet(path) if b"geo" in metadata else pd.read_parquet(path)
    except (pa.ArrowException, CRSError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _check_crs(geo: bytes) -> None:
    """Raise CRSError or ValueError if the CRS of a column is not plain: it is handed on to PROJ."""
    described = json.loads(geo)
    columns = described.get("columns") if isinstance(described, dict) else None
    for column in columns.values() if isinstance(columns, dict) else ():
        if isinstance(column, dict) and column.get("crs"):
            crs = column["crs"]
            read_crs(crs if isinstance(crs, str) else json.dumps(crs))


def check_table(path: Path) -> None:
    """Raise DamageError unless the file's footer and its last row group can be read.

    Raises
    ------
    InputError
        If the table would not fit into memory.
    """
    try:
        with pq.ParquetFile(path) as file:
            check_table_size(file, path)
            groups = file.num_row_groups
            if groups:
                file.read_row_group(groups - 1)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def check_table_size(file: pq.ParquetFile, path: Path) -> None:
    """Raise InputError if a table would not fit into memory.

    A run of a value takes a few bytes in the file, however long it is, so values count, not bytes. How long
    texts are that stand in a dictionary is not told: where that matters, they are read once, some at a time.
    """
    columns = [
        file.metadata.row_group(group).column(number)
        for group in range(file.num_row_groups)
        for number in range(file.metadata.num_columns)
    ]
    fixed = sum(c.num_values * _WIDTHS.get(c.physical_type, _LONGEST_FIXED) for c in columns)
    check_decoded(path, "the table", (fixed,))
    texts = [c for c in columns if c.physical_type == "BYTE_ARRAY" and c.has_dictionary_page]
    most = max((c.total_uncompressed_size for c in texts), default=0)
    if sum(c.num_values * c.total_uncompressed_size for c in texts) > memory_budget():
        rows = max(1, min(_BATCH_ROWS, memory_budget() // (4 * len(texts) * most)))
        total = 0
        for batch in file.iter_batches(rows):
            total += batch.nbytes
            check_decoded(path, "the table", (total,))


def _damaged(path: Path, error: Exception) -> DamageError:
    return DamageError(
        f"The table {str(path)!r} cannot be read: {str(error).splitlines()[0]}.",
        "Fetch or write the file again.",
    )

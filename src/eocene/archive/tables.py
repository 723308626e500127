"""Tables on disk: Parquet, with geometries where they say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas
    import pandas as pd


def read_table(path: Path) -> geopandas.GeoDataFrame | pd.DataFrame:
    """Return a Parquet file as a GeoDataFrame if it is GeoParquet, else as a DataFrame.

    Raises
    ------
    DamageError
        If the file cannot be read; it is named.
    """
    import geopandas
    import pandas as pd

    try:
        metadata = pq.read_schema(path).metadata or {}
        return geopandas.read_parquet(path) if b"geo" in metadata else pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def check_table(path: Path) -> None:
    """Raise DamageError unless the file's footer and its last row group can be read."""
    try:
        with pq.ParquetFile(path) as file:
            groups = file.num_row_groups
            if groups:
                file.read_row_group(groups - 1)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DamageError:
    return DamageError(
        f"The table {str(path)!r} cannot be read: {str(error).splitlines()[0]}.",
        "Fetch or write the file again.",
    )

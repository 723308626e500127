"""Files of geometries as vector cubes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd

from eocene.archive.fetch import Door
from eocene.archive.tables import read_table
from eocene.cube.feature import features_of, from_geodataframe, make_vector_cube
from eocene.cube.geojson import read_geojson
from eocene.model import DamageError, InputError, UnavailableError
from eocene.process.formats import INPUT_FORMATS, check_format, check_options
from eocene.process.strict_json import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from eocene.cube.block import Block
    from eocene.cube.feature import Feature


def resolve_upload(folder: Path, path: str) -> Path:
    """Return the file that a user means by a path in the folder of uploads.

    Raises
    ------
    InputError
        FileNotFound, if there is none or it lies elsewhere.
    """
    try:
        return Door.of((folder,)).resolve(path.lstrip("/"), folder.resolve())
    except (InputError, DamageError, UnavailableError) as error:
        raise InputError(
            f"There is no file {path[:200]!r} among the uploaded files.",
            "Give a path below the folder files of the workspace, such as parcels/fields.geojson.",
            code="FileNotFound",
        ) from error


def load_vector_files(paths: Sequence[Path], wanted: str, options: Mapping[str, Any] | None) -> Block:
    """Return the geometries of files, one after another, as one vector cube.

    Raises
    ------
    InputError
        FormatUnsuitable, if there is no such format or a file is not of it.
    """
    known = check_format(wanted, INPUT_FORMATS)
    check_options(known, options, INPUT_FORMATS)
    read = _read_geoparquet if known == "GeoParquet" else _read_geojson
    return make_vector_cube([feature for path in paths for feature in read(path)])


def _read_geojson(path: Path) -> Sequence[Feature]:
    try:
        return read_geojson(read_json(path.read_bytes(), f"The file {path.name!r}"))
    except InputError as error:
        raise _unsuitable(path, "GeoJSON", error) from error


def _read_geoparquet(path: Path) -> Sequence[Feature]:
    try:
        table = read_table(path)
        if not isinstance(table, gpd.GeoDataFrame):
            raise InputError("It has no geometries.")
        return features_of(from_geodataframe(table))
    except (InputError, DamageError) as error:
        raise _unsuitable(path, "GeoParquet", error) from error


def _unsuitable(path: Path, wanted: str, error: InputError | DamageError) -> InputError:
    return InputError(
        f"The file {path.name!r} cannot be loaded as {wanted}: {error.message}",
        "Name the format that it has.",
        code="FormatUnsuitable",
    )

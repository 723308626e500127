"""Files that users name, as cubes: of geometries, or of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd

from eocene.archive.fetch import Door
from eocene.archive.product import find_date
from eocene.archive.readers.geotiff import read_header
from eocene.archive.store import StoreUnavailableError
from eocene.archive.tables.parquet import read_table
from eocene.cube.feature import features_of, from_geodataframe, make_vector_cube
from eocene.cube.geojson import read_geojson
from eocene.model import DamageError, InputError, UnavailableError
from eocene.process.loads.catalogue import Request, make_source
from eocene.process.loads.static_stac import bands_of
from eocene.process.output.formats import INPUT_FORMATS, check_format, check_options
from eocene.process.strict_json import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from eocene.archive import Archive
    from eocene.cube.block import Block
    from eocene.cube.feature import Feature
    from eocene.cube.source import CubeSource
    from eocene.model import Lattice


def resolve_upload(archive: Archive, path: str) -> Path:
    """Return the uploaded file that a user means, brought here from the object store if it lies there.

    Raises
    ------
    InputError
        FileNotFound, if there is none or it lies elsewhere.
    """
    folder, plain = archive.layout.files, path.lstrip("/")
    try:
        if archive.bucket is None:
            return Door.of((folder,)).resolve(plain, folder.resolve())
        if {"", ".", ".."}.isdisjoint(plain.split("/")):
            return archive.bring(f"{folder.relative_to(archive.layout.root).as_posix()}/{plain}")
    except StoreUnavailableError:
        raise
    except (InputError, DamageError, UnavailableError) as error:
        raise _miss_upload(path) from error
    raise _miss_upload(path)


def _miss_upload(path: str) -> InputError:
    return InputError(
        f"There is no file {path[:200]!r} among the uploaded files.",
        "Give a path below the folder files of the workspace, such as parcels/fields.geojson.",
        code="FileNotFound",
    )


def load_files(
    archive: Archive,
    paths: Sequence[Path],
    wanted: str,
    options: Mapping[str, Any] | None,
    lattice: Lattice | None,
) -> Block | CubeSource:
    """Return files as one cube: geometries one after another, images by their dates.

    Raises
    ------
    InputError
        FormatUnsuitable, if there is no such format or a file is not of it.
    """
    known = check_format(wanted, INPUT_FORMATS)
    check_options(known, options, INPUT_FORMATS)
    if known == "GTiff":
        items = [_read_geotiff(path) for path in paths]
        everything = Request.all_of("files")
        return make_source(archive, everything, lambda *_: items, bands_of(items), lattice, scaled=False)
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


def _read_geotiff(path: Path) -> dict[str, Any]:
    """Return an item of what the header and the name of an image say."""
    try:
        header = read_header(path)
    except (InputError, DamageError) as error:
        raise _unsuitable(path, "GTiff", error) from error
    moment = find_date(path.stem) or header["datetime"]
    if moment is None:
        raise InputError(
            f"Nothing says when the image {path.name!r} was taken.",
            "Put the date into the file's name, such as ndvi_20240501.tif.",
            code="FormatUnsuitable",
        )
    named = {"id": path.stem, "collection": "files", "properties": {"datetime": moment}}
    return {**named, "bbox": header["bbox"], "assets": header["assets"]}


def _unsuitable(path: Path, wanted: str, error: InputError | DamageError) -> InputError:
    return InputError(
        f"The file {path.name!r} cannot be loaded as {wanted}: {error.message}",
        "Name the format that it has.",
        code="FormatUnsuitable",
    )

"""Small products made on the spot: COGs, NetCDF files, STAC items and catalogues."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio

from eocene.archive import Archive, Catalogue, SqliteCatalogue
from eocene.model import Layout, UnavailableError

WKT_32631 = (
    'PROJCS["WGS 84 / UTM zone 31N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,'
    '298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]],'
    'PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",3],'
    'PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],'
    'UNIT["metre",1],AUTHORITY["EPSG","32631"]]'
)


@pytest.fixture
def archive(tmp_path: Path):
    """An empty archive in a workspace folder."""
    made = Archive(Layout(tmp_path / "workspace"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres():
    """A function that makes an empty catalogue in a PostgreSQL server of the tests, by its address."""
    pytest.importorskip("pypgstac", reason="the extra eocene[postgres] is not installed")
    from eocene.archive.catalogue.pgstac import PgstacCatalogue
    from eocene.testing.postgres import PostgresServer

    with tempfile.TemporaryDirectory(prefix="eocene") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)  # the server may run as another user
        try:
            server = stack.enter_context(PostgresServer(Path(folder) / "server"))
        except UnavailableError as error:
            pytest.skip(str(error))
        empty = server.make_database()
        PgstacCatalogue(server.url(empty)).close()
        yield lambda: server.url(server.make_database(empty))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def open_catalogue(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A function that opens a new catalogue of one kind or the other, closed at the end of the module."""
    with ExitStack() as stack:

        def open_new() -> Catalogue:
            if request.param == "sqlite":
                folder = tmp_path_factory.mktemp("catalogue")
                return stack.enter_context(closing(SqliteCatalogue(folder / "catalogue.sqlite")))
            from eocene.archive.catalogue.pgstac import PgstacCatalogue

            url = request.getfixturevalue("postgres")()
            return stack.enter_context(closing(PgstacCatalogue(url)))

        yield open_new


@pytest.fixture(scope="module")
def used_catalogue(open_catalogue: Callable[[], Catalogue]):
    """The catalogue of a module, empty or not."""
    return open_catalogue()


@pytest.fixture
def catalogue(used_catalogue: Catalogue):
    """A catalogue with the empty collection ``s2`` and nothing else; new ones take long in PostgreSQL."""
    for collection in used_catalogue.collections():
        used_catalogue.delete_collection(collection["id"])
    used_catalogue.put_collection(COLLECTION)
    return used_catalogue


def make_cog(
    path: Path,
    pixels: np.ndarray,
    *,
    epsg: int = 32632,
    origin: tuple[float, float] = (600_000.0, 5_200_000.0),
    resolution: float = 10.0,
    **options: Any,
) -> Path:
    """Write a COG with blocks of 128² and overviews down to one block."""
    pixels = pixels if pixels.ndim == 3 else pixels[None]
    profile = {
        "driver": "COG",
        "count": pixels.shape[0],
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "dtype": pixels.dtype,
        "crs": f"EPSG:{epsg}",
        "transform": rasterio.Affine(resolution, 0.0, origin[0], 0.0, -resolution, origin[1]),
        "blocksize": 128,
        "compress": "deflate",
        "overview_resampling": "average",
        **{"nodata": 0, **options},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(pixels)
    return path


def random_pixels(height: int, width: int, seed: int = 1) -> np.ndarray:
    """Return uint16 noise without the no-data value 0."""
    return np.random.default_rng(seed).integers(1, 10_000, (height, width), dtype=np.uint16)


def make_netcdf(
    path: Path, variables: dict[str, np.ndarray], *, south_up: bool = False, **attributes: Any
) -> Path:
    """Write a NetCDF-4 file as h5netcdf does: 3 steps of a grid of 20 m in UTM 31."""
    height, width = next(iter(variables.values())).shape[-2:]
    y = 5_600_000.0 - 10.0 - 20.0 * np.arange(height)
    with h5py.File(path, "w") as file:
        axes = {
            "timestamp": np.arange(3, dtype=np.int64),
            "y": y[::-1] if south_up else y,
            "x": 500_000.0 + 10.0 + 20.0 * np.arange(width),
        }
        for name, values in axes.items():
            file[name] = values
            file[name].make_scale(name)
        file["timestamp"].attrs["units"] = "days since 2018-08-01 00:00:00"
        file["timestamp"].attrs["calendar"] = "proleptic_gregorian"
        file["spatial_ref"] = 0
        file["spatial_ref"].attrs["crs_wkt"] = WKT_32631
        for name, values in variables.items():
            file[name] = values
            for axis, dim in zip(range(values.ndim), list(axes)[-values.ndim :], strict=True):
                file[name].dims[axis].attach_scale(file[dim])
            file[name].attrs["grid_mapping"] = "spatial_ref"
            for key, value in attributes.items():
                file[name].attrs[key] = value
    return path


def make_item(name: str = "a", **changes: Any) -> dict[str, Any]:
    """Return a valid STAC item of the collection ``s2``, a degree wide at (0, 0)."""
    west, south, east, north = changes.pop("bbox", (0.0, 0.0, 1.0, 1.0))
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": name,
        "collection": "s2",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
        },
        "bbox": [west, south, east, north],
        "properties": {"datetime": "2024-05-01T10:00:00Z"} | changes.pop("properties", {}),
        "assets": {},
        "links": [],
    }
    return item | changes


COLLECTION = {"type": "Collection", "id": "s2", "stac_version": "1.1.0", "description": "d", "links": []}


def make_static_catalogue(folder: Path, *, href: str = "../cogs/B04.tif", **changes: Any) -> Path:
    """Write catalog.json → collection → item → COG, in the STAC 1.0 of most archives."""
    make_cog(folder / "cogs" / "B04.tif", random_pixels(200, 300))
    item = make_item(
        "scene",
        stac_version="1.0.0",
        bbox=(10.3, 46.9, 10.4, 47.0),
        properties={"proj:epsg": 32632, "eo:cloud_cover": 12.5, "platform": "sentinel-2a"},
        assets={
            "B04": {
                "href": href,
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "eo:bands": [{"name": "B04", "common_name": "red", "center_wavelength": 0.665}],
                "raster:bands": [
                    {"data_type": "uint16", "nodata": 0, "scale": 0.0001, "offset": -0.1}
                ],
            },
            "thumbnail": {"href": "https://example.org/t.png", "type": "image/png", "roles": ["thumbnail"]},
        },
        links=[{"rel": "self", "href": "https://example.org/i"}, {"rel": "license", "href": "https://e.org"}],
    )  # fmt: skip
    documents = {
        "catalog.json": {
            "type": "Catalog", "id": "c", "stac_version": "1.0.0", "description": "d",
            "links": [{"rel": "child", "href": "./s2/collection.json"}],
        },
        "s2/collection.json": COLLECTION
        | {"stac_version": "1.0.0", "license": "CC-BY-4.0", "links": [{"rel": "item", "href": "scene.json"}]},
        "s2/scene.json": item | changes,
    }  # fmt: skip
    for name, document in documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document))
    return folder


@pytest.fixture(scope="session")
def products():
    """The makers of small products above."""
    return SimpleNamespace(
        collection=COLLECTION,
        make_cog=make_cog,
        make_item=make_item,
        make_netcdf=make_netcdf,
        make_static_catalogue=make_static_catalogue,
        random_pixels=random_pixels,
    )

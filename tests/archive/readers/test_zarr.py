"""Zarr groups of both versions: the values that xarray reads, and nothing that runs code or bursts memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np
import pytest
import xarray as xr
import zarr
from pyproj import CRS

import eocene
from eocene.archive.rasters.zarr_raster import ZarrRaster
from eocene.archive.rasters.zarr_store import group_at
from eocene.archive.readers import zarr as reader
from eocene.model import DamageError, InputError
from eocene.model.grid import Grid
from eocene.process.output.results import write_results
from eocene.process.output.stac import ResultInfo
from eocene.testing.readers import ReaderContract

if TYPE_CHECKING:
    from pathlib import Path

TIMES = np.array(["2024-05-01T10:00", "2024-05-06T10:00", "2024-05-11T10:00"], "datetime64[ns]")


def make_cube(*, south_up: bool = False, dtype: str = "int16") -> xr.Dataset:
    """Return a cube of 3 dates, 2 bands and 70 × 90 pixels of 10 m, with gaps."""
    random = np.random.default_rng(4)
    values = random.integers(0, 100, (3, 2, 70, 90)).astype(dtype)
    y = 5_400_000 - 10 * np.arange(70) - 5
    cube = xr.Dataset(
        {"reflectance": (("time", "band", "y", "x"), values, {"grid_mapping": "spatial_ref"})},
        coords={
            "time": TIMES,
            "band": np.array(["red", "nir"], object),
            "y": y[::-1] if south_up else y,
            "x": 500_005 + 10 * np.arange(90),
            "spatial_ref": ((), 0, CRS.from_epsg(32632).to_cf()),
        },
    )
    cube["reflectance"].encoding = {"_FillValue": 7, "scale_factor": 0.01, "add_offset": -0.1, "dtype": dtype}
    cube["reflectance"].values = values * 0.01 - 0.1
    return cube


def write(folder: Path, cube: xr.Dataset, name: str = "cube.zarr", **encoding: Any) -> Path:
    path = folder / name
    for variable, how in encoding.items():
        cube[variable].encoding |= how
    version = 2 if "v2" in name else 3
    cube.to_zarr(path, zarr_format=version, consolidated=version == 2)
    return path


class TestZarr(ReaderContract):
    reader = reader.READER

    def make_product(self, folder: Path) -> Path:
        return write(folder, make_cube(), reflectance={"chunks": (3, 2, 35, 90)})


class TestZarr2(ReaderContract):
    reader = reader.READER

    def make_product(self, folder: Path) -> Path:
        return write(folder, make_cube(), "cube-v2.zarr", reflectance={"chunks": (1, 2, 70, 50)})


FORMS = {
    "v2": ("cube-v2.zarr", {"chunks": (2, 1, 33, 40)}),
    "v3": ("cube.zarr", {"chunks": (1, 2, 64, 64)}),
    "sharded": ("cube.zarr", {"chunks": (1, 1, 10, 10), "shards": (1, 2, 40, 50)}),
}


@pytest.mark.parametrize("south_up", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_values_are_those_that_xarray_reads(tmp_path: Path, form: str, south_up: bool) -> None:
    name, encoding = FORMS[form]
    path = write(tmp_path, make_cube(south_up=south_up), name, reflectance=encoding)
    with xr.open_dataset(path, engine="zarr", consolidated=form == "v2") as stored:
        expected = stored["reflectance"].sortby("y", ascending=False).load()
    with eocene.open(tmp_path / "workspace") as workspace:
        assert len(workspace.ingest(path, collection="cube")) == len(TIMES)
        found = workspace.load("cube", bands=["reflectance_red", "reflectance_nir"]).load()
    assert np.isnan(expected.values).any()
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(np.isnan(found.values), np.isnan(expected.values))
    np.testing.assert_array_equal(found.x.values, expected.x.values)
    np.testing.assert_array_equal(found.y.values, expected.y.values)


_FILTERS = {
    "delta": [numcodecs.Delta("<i2", "<i4")],
    "fixedscaleoffset": [numcodecs.FixedScaleOffset(10, 2, "<i2", "<i4")],
    "shuffle": [numcodecs.Shuffle(2)],
    "checksum": [numcodecs.Fletcher32()],
    "two": [numcodecs.Delta("<i2"), numcodecs.Shuffle(2)],
}
CODECS: dict[str, dict[str, Any]] = {
    **{name: {"compressors": numcodecs.get_codec({"id": name})}
       for name in ("zlib", "gzip", "zstd", "blosc", "lz4", "bz2", "lzma")},
    **{name: {"filters": filters, "compressors": numcodecs.Zlib()} for name, filters in _FILTERS.items()},
    "the other order of bytes": {"dtype": ">i2"},
    "the other order of axes": {"order": "F"},
    "nothing": {"compressors": None},
    "version 3, gzip": {"compressors": zarr.codecs.GzipCodec()},
    "version 3, zstd and a checksum": {"compressors": [zarr.codecs.ZstdCodec(), zarr.codecs.Crc32cCodec()]},
    "version 3, twice": {"compressors": [zarr.codecs.BloscCodec(), zarr.codecs.GzipCodec()]},
    "version 3, turned": {"filters": [zarr.codecs.TransposeCodec(order=(1, 0))]},
    "version 3, the other order of bytes": {"serializer": zarr.codecs.BytesCodec(endian="big")},
    "version 3, shards": {"shards": (80, 90), "compressors": zarr.codecs.BloscCodec()},
}  # fmt: skip
"""How an array may be stored."""


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("name", CODECS)
def test_numbers_are_the_same_whatever_they_are_packed_by(tmp_path: Path, name: str, noise: bool) -> None:
    random = np.random.default_rng(3)
    values = random.integers(-3000, 3000, (70, 90)) if noise else np.arange(70 * 90).reshape(70, 90) % 100
    how = {"chunks": (20, 30), "dtype": "i2", "zarr_format": 3 if "3" in name else 2} | CODECS[name]
    path = tmp_path / "a.zarr"
    array = zarr.open_group(path, mode="w", zarr_format=how["zarr_format"]).create_array(
        "v", shape=values.shape, **{key: value for key, value in how.items() if key != "zarr_format"}
    )
    array[...] = values
    asset = {"eocene:variable": "v", "proj:code": "EPSG:32632", "proj:transform": [10, 0, 5e5, 0, -10, 5.4e6]}
    raster = ZarrRaster(group_at(path / ("zarr.json" if "3" in name else ".zgroup")), asset)
    grid = raster.levels[0]
    np.testing.assert_array_equal(raster.read(grid), values)
    part = Grid(grid.lattice, grid.left + 27, grid.top + 13, 50, 40)
    np.testing.assert_array_equal(raster.read(part), values[13:53, 27:77])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64", "bool"])
def test_plain_numbers_stay_as_they_are(tmp_path: Path, dtype: str) -> None:
    values = np.arange(40 * 30).reshape(40, 30).astype(dtype)
    x, y = 10 + 0.25 * np.arange(30), 50 - 0.25 * np.arange(40)
    cube = xr.Dataset({"value": (("lat", "lon"), values)}, coords={"lat": y, "lon": x})
    path = write(tmp_path, cube, "world_20240501.zarr")
    with eocene.open(tmp_path / "workspace") as workspace:
        [item] = workspace.ingest(path)
        found = workspace.load("world_20240501").load()
    assert item.properties["proj:code"] == "EPSG:4326"
    np.testing.assert_array_equal(found.values[0, 0], values)


def test_a_result_of_our_own_is_taken_in_again(tmp_path: Path) -> None:
    path = write(tmp_path, make_cube())
    graph = {"load": {"process_id": "load_collection", "arguments": {"id": "cube"}, "result": True}}
    with eocene.open(tmp_path / "workspace") as workspace:
        workspace.ingest(path, collection="cube")
        expected = eocene.run(graph, workspace=workspace)
        info = ResultInfo("r", "r", "2024-01-01T00:00:00Z", {})
        write_results(workspace.plan(graph), tmp_path / "result", info)
        workspace.ingest(tmp_path / "result" / "cube.zarr", collection="again")
        found = workspace.load("again").load()
    assert list(found.bands.values) == list(expected.bands.values)
    np.testing.assert_array_equal(found.values, expected.values)


def write_eopf(folder: Path) -> Path:
    """Write a product laid out as EOPF lays out Sentinel-2: a group for each resolution."""
    path = folder / "S2B_MSIL2A_20240501T102559_N0510_R108_T32UPU.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["stac_discovery"] = {
        "properties": {"datetime": "2024-05-01T10:25:59Z", "product:type": "S02MSIL2A", "proj:epsg": 32632}
    }
    root.attrs["other_metadata"] = {"horizontal_CRS_code": "EPSG:32632"}
    random = np.random.default_rng(1)
    for size, names in ((10, ("b02", "b03")), (20, ("b02", "b05"))):
        group = root.require_group(f"measurements/reflectance/r{size}m")
        for name in names:
            count = 1200 // size
            array = group.create_array(
                name, data=random.integers(1, 9000, (count, count), dtype=np.uint16), chunks=(50, 50)
            )
            array.attrs["_ARRAY_DIMENSIONS"] = ["y", "x"]
            array.attrs["scale_factor"] = 0.0001
            array.attrs["add_offset"] = -0.1
            array.attrs["proj:transform"] = [size, 0, 600_000, 0, -size, 5_400_000]
    return path


class TestEOPF(ReaderContract):
    reader = reader.READER

    def make_product(self, folder: Path) -> Path:
        return write_eopf(folder)


def test_an_eopf_product_has_a_band_for_each_array(tmp_path: Path) -> None:
    path = write_eopf(tmp_path)
    with eocene.open(tmp_path / "workspace") as workspace:
        [item] = workspace.ingest(path)
        assert item.collection_id == "s02msil2a"
        assert item.datetime.isoformat() == "2024-05-01T10:25:59+00:00"
        assert set(item.assets) == {"b02", "b03", "b02_20m", "b05"}
        found = workspace.load(item.collection_id, bands=["b03"], crs=32632, resolution=10).load()
    stored = zarr.open_array(path / "measurements/reflectance/r10m/b03", mode="r")[:]
    expected = np.where(stored == 0, np.nan, stored * 0.0001 - 0.1)
    np.testing.assert_allclose(found.values[0, 0], expected, rtol=1e-6)


def edit(path: Path, array: str, **fields: Any) -> None:
    file = path / array / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_a_chunk_that_would_burst_memory_is_refused_from_its_metadata(tmp_path: Path) -> None:
    path = write(tmp_path, make_cube())
    grid = {"name": "regular", "configuration": {"chunk_shape": [1, 1, 2_000_000, 2_000_000]}}
    edit(path, "reflectance", shape=[3, 2, 2_000_000, 2_000_000], chunk_grid=grid)
    with eocene.open(tmp_path / "workspace") as workspace, pytest.raises(InputError, match="a chunk becomes"):
        workspace.ingest(path)


def test_a_codec_that_may_run_code_is_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, make_cube())
    edit(path, "reflectance", codecs=[{"name": "numcodecs.pickle", "configuration": {}}])
    with (
        eocene.open(tmp_path / "workspace") as workspace,
        pytest.raises(InputError, match=r"codec 'numcodecs\.pickle'"),
    ):
        workspace.ingest(path)


def test_a_link_out_of_the_group_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, make_cube())
    (tmp_path / "secret").write_bytes(b"x" * 100)
    chunk = next(f for f in (path / "reflectance").rglob("*") if f.is_file() and f.name != "zarr.json")
    chunk.unlink()
    chunk.symlink_to(tmp_path / "secret")
    with eocene.open(tmp_path / "workspace") as workspace, pytest.raises(InputError, match="link"):
        workspace.ingest(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.drop_vars("spatial_ref"), "no CRS"),
        (lambda c: c.assign_coords(x=c.x.values + np.arange(90) % 7), "'x' .* is not evenly spaced"),
        (lambda c: c.rename(y="row", x="column"), "no array with the dimensions"),
        (lambda c: c.drop_vars("time"), "no coordinate 'time'"),
    ],
)  # fmt: skip
def test_a_cube_without_a_place_or_time_is_named(tmp_path: Path, change: Any, words: str) -> None:
    path = write(tmp_path, change(make_cube()))
    with eocene.open(tmp_path / "workspace") as workspace, pytest.raises(InputError, match=words):
        workspace.ingest(path)


def test_a_chunk_that_is_cut_off_is_damage_when_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, make_cube(), reflectance={"chunks": (1, 1, 32, 64)})
    with eocene.open(tmp_path / "workspace") as workspace:
        workspace.ingest(path, collection="cube")
        cube = workspace.load("cube")
        for chunk in (path / "reflectance").rglob("*"):
            if chunk.is_file() and chunk.name != "zarr.json":
                chunk.write_bytes(chunk.read_bytes()[:20])
        with pytest.raises(DamageError, match=r"cube\.zarr"):
            cube.load()

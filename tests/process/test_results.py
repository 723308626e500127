"""Results on disk, read again by libraries that know nothing of ours."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pyarrow.parquet
import pystac
import pytest
import rasterio
import xarray as xr

from eocene.archive import Archive
from eocene.model import EoceneError
from eocene.process import make_plan
from eocene.process.executors import Stopped
from eocene.process.output.results import ResultInfo, save_file, write_results
from eocene.process.output.stac import name_files
from eocene.process.output.tables import cube_json
from eocene.process.run import Plan
from eocene.process.schema import CubeSchema
from tests.process.graphs import call, callback, load

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.cube.block import Block
    from eocene.model import Grid
    from eocene.workspace import Workspace

INFO = ResultInfo(
    "job-1", "A test", "2024-12-01T00:00:00Z", {"when": "spring", "date": np.datetime64("2024-03-01")}
)
SPRING = ["2024-03-01", "2024-04-10"]
POLYGON = {
    "type": "Feature",
    "properties": {"name": "a field"},
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[11.99, 48.297], [12.0, 48.297], [12.0, 48.303], [11.99, 48.303], [11.99, 48.297]]],
    },
}


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


def cube_graph(save: str | None = None, **changes: Any) -> dict[str, Any]:
    graph: dict[str, Any] = {"load": load(temporal_extent=SPRING, bands=["B04", "SCL"], **changes)}
    if save:
        graph["save"] = call("save_result", data=ref("load"), format=save)
    graph["save" if save else "load"]["result"] = True
    return graph


def picture_graph() -> dict[str, Any]:
    return {
        "load": load(temporal_extent=SPRING, bands=["B04"]),
        "mean": call("reduce_dimension", data=ref("load"), dimension="t", reducer=callback("mean")),
        "save": call("save_result", data=ref("mean"), format="png", result=True),
    }


def table_graph(save: str | None = None) -> dict[str, Any]:
    graph = {
        "load": load(temporal_extent=SPRING),
        "zones": call("aggregate_spatial", data=ref("load"), geometries=POLYGON, reducer=callback("mean")),
    }
    if save:
        graph["save"] = call("save_result", data=ref("zones"), format=save)
    graph["save" if save else "zones"]["result"] = True
    return graph


@pytest.fixture(scope="module")
def plan(world: Workspace) -> Plan:
    return make_plan(cube_graph(), world.archive)


@pytest.fixture(scope="module")
def cube(plan: Plan) -> xr.DataArray:
    return plan.run()


def test_geotiff_holds_dates_and_bands_by_name(plan: Plan, cube: xr.DataArray, tmp_path: Path) -> None:
    path, kind = save_file(plan, tmp_path)
    assert kind.startswith("image/tiff")
    with rasterio.open(path) as file:
        assert file.read().tobytes() == cube.values.tobytes()
        days = [str(t)[:10] for t in cube.t.values]
        assert list(file.descriptions) == [f"{d} {b}" for d in days for b in ("B04", "SCL")]
        assert file.crs.to_epsg() == 32632
        assert file.xy(0, 0) == (cube.x.values[0], cube.y.values[0])


def test_netcdf_is_read_by_plain_xarray(world: Workspace, cube: xr.DataArray, tmp_path: Path) -> None:
    path, kind = save_file(make_plan(cube_graph("NetCDF"), world.archive), tmp_path)
    assert kind == "application/x-netcdf"
    with xr.open_dataset(path, engine="h5netcdf", decode_coords="all") as stored:
        assert np.array_equal(stored["data"].values, cube.values, equal_nan=True)
        assert stored.t.values.tolist() == cube.t.values.tolist()
        assert stored.bands.values.tolist() == ["B04", "SCL"]
        assert stored.spatial_ref.attrs["crs_wkt"].startswith("PROJCRS")
        assert stored["data"].encoding["grid_mapping"] == "spatial_ref"


def test_json_holds_numbers_labels_and_null(world: Workspace, cube: xr.DataArray, tmp_path: Path) -> None:
    path, kind = save_file(make_plan(cube_graph("json"), world.archive), tmp_path)
    assert kind == "application/json"
    document = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert np.array_equal(np.array(document["values"], float), cube.values, equal_nan=True)
    assert document["dims"] == ["t", "bands", "y", "x"]
    assert document["coords"]["x"] == cube.x.values.tolist()
    assert document["crs"] == "EPSG:32632"


def test_json_has_no_infinity(cube: xr.DataArray, tmp_path: Path, world: Workspace) -> None:
    small = cube[:1, :1, :2, :2].copy(data=np.array([[[[np.inf, -np.inf], [np.nan, 1.0]]]]))
    assert cube_json(small)["values"] == [[[[None, None], [None, 1.0]]]]
    plan = make_plan({"a": call("divide", x=1, y=0, result=True)}, world.archive)
    path, _ = save_file(plan, tmp_path)
    assert json.loads(path.read_text()) is None


def test_png_is_a_picture_with_no_data_transparent(world: Workspace, tmp_path: Path) -> None:
    plan = make_plan(picture_graph(), world.archive)
    mean = plan.run().isel(bands=0).values
    path, kind = save_file(plan, tmp_path)
    assert kind == "image/png"
    assert [p.name for p in tmp_path.iterdir()] == ["result.png"]
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path) as file:
        red, green, blue, alpha = file.read()
    assert np.array_equal(alpha == 255, np.isfinite(mean))
    assert np.array_equal(red, green)
    assert np.array_equal(red, blue)
    low, high = np.percentile(mean[np.isfinite(mean)], [2, 98])
    shown = np.clip((np.nan_to_num(mean) - low) / (high - low), 0, 1) * 255
    assert np.abs(red.astype(float) - shown)[np.isfinite(mean)].max() <= 1


def test_tables_are_read_by_geopandas_and_pandas(world: Workspace, tmp_path: Path) -> None:
    path, _ = save_file(make_plan(table_graph("GeoParquet"), world.archive), tmp_path)
    table = gpd.read_parquet(path)
    assert table.crs.to_epsg() == 4326
    assert table.name.unique().tolist() == ["a field"]
    assert b"geo" in pyarrow.parquet.read_schema(path).metadata
    path, _ = save_file(make_plan(table_graph(), world.archive), tmp_path)
    records = json.loads(path.read_text())
    assert len(records) == len(table)
    assert [r["B04"] for r in records] == pytest.approx(table.B04.tolist())
    assert records[0]["t"].startswith("2024-03-")


@pytest.fixture(scope="module")
def written(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result") / "job-1"
    write_results(plan, folder, INFO)
    return folder


def test_the_stac_documents_are_those_of_pystac(written: Path, plan: Plan) -> None:
    collection = pystac.Collection.from_file(str(written / "collection.json"))
    items = list(collection.get_items())
    assert len(items) == len(plan.schema.times)
    for item, time in zip(items, plan.schema.times, strict=True):
        assert item.collection_id == collection.id == "job-1"
        assert np.datetime64(item.datetime.replace(tzinfo=None), "s") == time
        assert sorted(item.assets) == ["B04", "SCL"]
        assert item.bbox == pytest.approx(list(plan.schema.grid.bounds_in(4326)))
        for asset in item.assets.values():
            path = written / asset.href
            content = path.read_bytes()
            assert asset.extra_fields["file:size"] == len(content)
            assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
    assert collection.extent.spatial.bboxes[0] == pytest.approx(list(plan.schema.grid.bounds_in(4326)))
    derived = [link.href for link in collection.links if link.rel == "derived_from"]
    assert len(derived) == len(plan.items)
    assert collection.extra_fields["eocene:parameters"]["when"] == "spring"


def test_the_assets_hold_what_the_documents_say(written: Path, cube: xr.DataArray, plan: Plan) -> None:
    for position, path in enumerate(sorted(written.glob("job-1_*.json"))):
        for number, band in enumerate(("B04", "SCL")):
            asset = json.loads(path.read_text())["assets"][band]
            with rasterio.open(written / asset["href"]) as file:
                assert file.read(1).tobytes() == cube.values[position, number].tobytes()
                assert list(file.transform)[:6] == asset["proj:transform"]
                assert list(file.shape) == asset["proj:shape"]
                assert file.dtypes[0] == asset["data_type"]
                assert asset["nodata"] == "nan"
                assert np.isnan(file.nodata)
    with xr.open_zarr(written / "cube.zarr", consolidated=False) as stored:
        assert stored["data"].values.tobytes() == cube.values.tobytes()


def test_no_draft_is_left_beside_a_result(written: Path) -> None:
    assert not [p.name for p in written.rglob(".*")]


@pytest.mark.parametrize("wanted", ["netCDF", "JSON"])
def test_a_batch_job_also_writes_the_format_that_is_asked_for(
    world: Workspace, cube: xr.DataArray, tmp_path: Path, wanted: str
) -> None:
    collection = write_results(make_plan(cube_graph(wanted), world.archive), tmp_path / "r", INFO)
    path = tmp_path / "r" / collection["assets"]["result"]["href"]
    if wanted == "JSON":
        found = np.array(json.loads(path.read_text())["values"], float)
    else:
        with xr.open_dataset(path, engine="h5netcdf") as stored:
            found = stored["data"].values
    assert np.array_equal(found, cube.values, equal_nan=True)


def test_a_table_is_written_twice_and_a_value_once(world: Workspace, tmp_path: Path) -> None:
    collection = write_results(make_plan(table_graph(), world.archive), tmp_path / "t", INFO)
    for asset in collection["assets"].values():
        content = (tmp_path / "t" / asset["href"]).read_bytes()
        assert asset["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
    assert len(gpd.read_parquet(tmp_path / "t" / "table.parquet")) == len(
        json.loads((tmp_path / "t" / "table.json").read_text())
    )
    pystac.Collection.from_dict(collection)
    write_results(make_plan({"a": call("add", x=1, y=2, result=True)}, world.archive), tmp_path / "v", INFO)
    assert json.loads((tmp_path / "v" / "value.json").read_text()) == 3


@pytest.mark.parametrize("period", ["week", "month", "season"])
def test_a_period_has_a_span_and_only_months_are_read_as_months(
    world: Workspace, tmp_path: Path, period: str
) -> None:
    graph = {
        "load": load(temporal_extent=["2024-03-04", "2024-03-20"], bands=["B04"]),
        "p": call(
            "aggregate_temporal_period",
            data=ref("load"),
            period=period,
            reducer=callback("mean"),
            result=True,
        ),
    }
    write_results(make_plan(graph, world.archive), tmp_path / "r", INFO)
    for item in pystac.Collection.from_file(str(tmp_path / "r" / "collection.json")).get_items():
        start, end = item.common_metadata.start_datetime, item.common_metadata.end_datetime
        assert start.year == end.year == 2024
        assert start.month == end.month == 3
        if period == "month":
            assert (start.day, end.day) == (1, 31)


UNSUITABLE = {
    "a cube as GeoParquet": (cube_graph("GeoParquet"), (False, True)),
    "a cube as one Zarr file": (cube_graph("Zarr"), (False,)),
    "many dates as PNG": (cube_graph("PNG"), (False, True)),
    "a table as GTiff": (table_graph("GTiff"), (False, True)),
    "another dimension as GTiff": (
        {
            "load": load(temporal_extent=SPRING),
            "add": call("add_dimension", data=ref("load"), name="model", label="m", result=True),
        },
        (False, True),
    ),
}


@pytest.mark.parametrize("name", UNSUITABLE)
def test_a_format_that_cannot_hold_the_result_is_refused_before_a_pixel_is_read(
    world: Workspace, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Archive, "open_raster", lambda *_: pytest.fail("a raster was opened"))
    graph, ways = UNSUITABLE[name]
    plan = make_plan(graph, world.archive)
    for batch in ways:
        with pytest.raises(EoceneError) as caught:
            write_results(plan, tmp_path / "r", INFO) if batch else save_file(plan, tmp_path)
        assert caught.value.code == "FormatUnsuitable"
        assert caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_job_that_is_stopped_leaves_no_document_and_no_cog(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        write_results(plan, tmp_path / "r", INFO, should_stop=lambda: True)
    assert not list((tmp_path / "r").glob("*.json"))
    assert not list((tmp_path / "r").glob("*.tif"))


def test_progress_counts_blocks_from_none_to_all(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "block_size", 64)
    seen: list[tuple[int, int]] = []
    plan.run(lambda done, total: seen.append((done, total)))
    total = len(list(plan.blocks()))
    assert total > 2
    assert seen == [(i, total) for i in range(total + 1)]


def scl_graph(**options: Any) -> dict[str, Any]:
    return {
        "load": load(temporal_extent=["2024-03-01", "2024-03-20"], bands=["SCL"]),
        "save": call("save_result", data=ref("load"), format="GTiff", options=options, result=True),
    }


def give_values(monkeypatch: pytest.MonkeyPatch, values: list[Any], dtype: str) -> None:
    """Let every block hold the values again and again, the first pixel being no-data."""
    computed = Plan.compute

    def compute(self: Plan, window: Grid, times: Any = None) -> Block:
        block = computed(self, window, times)
        filled = np.resize(np.array(values, dtype), block.values.shape)
        valid = np.ones(filled.shape, bool)
        valid[..., 0, 0] = False
        return block.with_(values=filled, valid=valid)

    monkeypatch.setattr(Plan, "compute", compute)
    monkeypatch.setattr(CubeSchema, "dtype", np.dtype(dtype))


@pytest.mark.parametrize(
    ("dtype", "values", "stored", "nodata"),
    [
        ("uint8", [0, 254], "uint8", 255),
        ("uint8", [0, 255], "int16", -32768),
        ("uint16", [0, 65535], "int32", -(2**31)),
        ("int16", [-32768, 32767], "int32", -(2**31)),
        ("uint32", [0, 2**32 - 1], "float64", None),
    ],
)
def test_a_value_that_equals_the_no_data_number_stays_a_value(
    world: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dtype: str,
    values: list[int],
    stored: str,
    nodata: int | None,
) -> None:
    plan = make_plan(scl_graph(), world.archive)
    give_values(monkeypatch, values, dtype)
    collection = write_results(plan, tmp_path / "r", INFO)
    path = next((tmp_path / "r").glob("*.tif"))
    item = json.loads(next((tmp_path / "r").glob("job-1_*.json")).read_text())
    asset = item["assets"]["SCL"]
    with rasterio.open(path) as file:
        assert file.dtypes[0] == asset["data_type"] == stored
        assert file.nodata == asset["nodata"] == nodata or (
            np.isnan(file.nodata) and asset["nodata"] == "nan"
        )
        masked = file.read(1, masked=True)
    assert np.count_nonzero(masked.mask) == len(list(plan.blocks()))
    assert set(np.unique(masked.compressed()).tolist()) == set(values)
    assert ("eocene:warnings" in collection) == (stored != dtype)


def test_a_storage_dtype_clips_and_the_result_says_so(
    world: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plan = make_plan(scl_graph(datatype="uint8"), world.archive)
    give_values(monkeypatch, [-7.0, 0.4, 199.6, 3000.0], "float32")
    collection = write_results(plan, tmp_path / "r", INFO)
    with rasterio.open(next((tmp_path / "r").glob("*.tif"))) as file:
        assert (file.dtypes[0], file.nodata) == ("uint8", 255)
        assert set(np.unique(file.read(1)).tolist()) == {0, 200, 254, 255}
    [line] = collection["eocene:warnings"]
    assert "clipped" in line
    assert line in caplog.text


def test_a_datatype_that_does_not_exist_is_refused_before_anything_is_written(
    world: Workspace, tmp_path: Path
) -> None:
    plan = make_plan(scl_graph(datatype="uint7"), world.archive)
    with pytest.raises(EoceneError, match="uint7") as caught:
        write_results(plan, tmp_path / "r", INFO)
    assert "uint16" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_labels_that_look_alike_get_files_of_their_own() -> None:
    labels = ["a b", "a-b", "A/B", "a-b-2", None, "", "x" * 300, "x" * 301]
    names = name_files(labels, "data")
    assert len({n.casefold() for n in names}) == len(labels)
    assert names[0] == "a-b"
    assert max(map(len, names)) < 100
    assert name_files(["B04", "B08", "B04"], "data") == ["B04", "B08", "B04"]


def test_bands_whose_names_are_alike_are_all_there(world: Workspace, tmp_path: Path) -> None:
    graph = cube_graph()
    del graph["load"]["result"]
    names = {"source": ["B04", "SCL"], "target": ["a b", "a-b"]}
    graph["names"] = call("rename_labels", data=ref("load"), dimension="bands", **names, result=True)
    plan = make_plan(graph, world.archive)
    write_results(plan, tmp_path / "r", INFO)
    cube = plan.run()
    for position, path in enumerate(sorted((tmp_path / "r").glob("job-1_*.json"))):
        for number, band in enumerate(("a b", "a-b")):
            asset = json.loads(path.read_text())["assets"][band]
            with rasterio.open(tmp_path / "r" / asset["href"]) as file:
                assert file.read(1).tobytes() == cube.values[position, number].tobytes()

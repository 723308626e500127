"""What is loaded, and from where, beside plain Python over the items and geopandas over the files."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

import eocene
from eocene.model import EoceneError, Grid, InputError, Lattice
from eocene.process import make_plan
from eocene.process.callback import resolve
from eocene.process.graph import parse_graph
from eocene.process.loads.conditions import meets, push_conditions, read_conditions
from eocene.process.output.results import ResultInfo, write_results
from tests.process.graphs import call, load

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from eocene.workspace import Workspace

SPRING = ["2024-03-01", "2024-06-01"]
VALUE = {"from_parameter": "value"}


def that(process: str, **arguments: Any) -> dict[str, Any]:
    return {"process_graph": {"c": call(process, result=True, **arguments)}}


def conditions(properties: dict[str, Any], **scope: Any) -> Any:
    graph = parse_graph({"n": call("load_collection", properties=properties, result=True)})
    return read_conditions(resolve(dict(graph.nodes[0].arguments), scope, {}, "n")["properties"])


CLOUDS = "eo:cloud_cover"
BOTH = {
    "process_graph": {
        "low": call("gt", x=VALUE, y=5),
        "high": call("lt", x=VALUE, y=60),
        "both": call("and", x={"from_node": "low"}, y={"from_node": "high"}, result=True),
    }
}
CONDITIONS: dict[str, tuple[dict[str, Any], Any]] = {
    "at most": ({CLOUDS: that("lte", x=VALUE, y=30)}, lambda p: p[CLOUDS] <= 30),
    "the other way round": ({CLOUDS: that("lt", x=30, y=VALUE)}, lambda p: p[CLOUDS] > 30),
    "between": (
        {CLOUDS: that("between", x=VALUE, min=5, max=50)},
        lambda p: 5 <= p[CLOUDS] <= 50,
    ),
    "between without its end": (
        {CLOUDS: that("between", x=VALUE, min=5, max=50, exclude_max=True)},
        lambda p: 5 <= p[CLOUDS] < 50,
    ),
    "a graph of three": ({CLOUDS: BOTH}, lambda p: 5 < p[CLOUDS] < 60),
    "a text": (
        {"platform": that("eq", x=VALUE, y="sentinel-2a")},
        lambda p: p["platform"] == "sentinel-2a",
    ),
    "a text in capitals": (
        {"platform": that("eq", x=VALUE, y="Sentinel-2A", case_sensitive=False)},
        lambda p: p["platform"] == "sentinel-2a",
    ),
    "unequal": (
        {"platform": that("neq", x=VALUE, y="sentinel-2b")},
        lambda p: p["platform"] != "sentinel-2b",
    ),
    "two": (
        {CLOUDS: that("lte", x=VALUE, y=60), "platform": that("eq", x=VALUE, y="sentinel-2a")},
        lambda p: p[CLOUDS] <= 60 and p["platform"] == "sentinel-2a",
    ),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_items_are_those_whose_properties_meet_the_conditions(world: Workspace, name: str) -> None:
    properties, expected = CONDITIONS[name]
    every = {i.id: i.properties for i in world.search("sentinel-2-l2a", datetime="2024-03-01/2024-05-31")}
    wanted = {key for key, found in every.items() if expected(found)}
    plan = make_plan(
        {"l": {**load(temporal_extent=SPRING, properties=properties), "result": True}}, world.archive
    )
    assert {item["id"] for item in plan.items} == wanted
    assert 0 < len(wanted) < len(every)


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_catalogue_finds_what_the_process_graph_says(world: Workspace, name: str) -> None:
    asked = conditions(CONDITIONS[name][0])
    cql2, left = push_conditions(asked)
    items = [i.to_dict() for i in world.search("sentinel-2-l2a")]
    pushed = {i.id for i in world.search("sentinel-2-l2a", filter=cql2)} if cql2 else {i["id"] for i in items}
    assert {i["id"] for i in items if i["id"] in pushed and meets(i, left)} == {
        i["id"] for i in items if meets(i, asked)
    }


@pytest.mark.parametrize(
    ("name", "is_pushed"),
    [("at most", True), ("between", True), ("a text", True), ("two", True), ("the other way round", True),
     ("between without its end", False), ("a graph of three", False), ("a text in capitals", False),
     ("unequal", False)],
)  # fmt: skip
def test_simple_comparisons_are_left_to_the_catalogue(name: str, is_pushed: bool) -> None:
    cql2, left = push_conditions(conditions(CONDITIONS[name][0]))
    assert (cql2 is not None, bool(left)) == (is_pushed, not is_pushed)


def test_a_parameter_of_the_graph_may_be_the_limit() -> None:
    asked = conditions({"eo:cloud_cover": that("lte", x=VALUE, y={"from_parameter": "most"})}, most=20)
    assert push_conditions(asked)[0] == {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 20]}


def test_an_item_without_the_property_is_not_loaded() -> None:
    asked = conditions({"view:azimuth": that("gte", x=VALUE, y=0)})
    assert not meets({"properties": {}}, asked)
    assert meets({"properties": {}}, conditions({"a": that("is_nodata", x=VALUE)}))


def test_conditions_that_leave_nothing_are_named(world: Workspace) -> None:
    properties = {"eo:cloud_cover": that("lt", x=VALUE, y=-1)}
    with pytest.raises(InputError, match=r"conditions on eo:cloud_cover") as caught:
        make_plan({"l": {**load(properties=properties), "result": True}}, world.archive)
    assert caught.value.code == "NoDataAvailable"
    with pytest.raises(EoceneError, match="not a process graph"):
        make_plan({"l": {**load(properties={"a": 5}), "result": True}}, world.archive)


@pytest.fixture(scope="module")
def cube(world: Workspace) -> xr.DataArray:
    graph = {"l": {**load(temporal_extent=["2024-03-01", "2024-03-20"], bands=["B04"]), "result": True}}
    return eocene.run(graph, workspace=world)


@pytest.mark.parametrize("form", ["geojson", "vector cube"])
def test_only_the_pixels_inside_geometries_are_loaded(
    world: Workspace, cube: xr.DataArray, form: str
) -> None:
    x, y = float(cube.x[40]), float(cube.y[60])
    shape = shapely.Polygon([(x, y), (x + 400, y + 90), (x + 120, y - 333)])
    degrees = gpd.GeoSeries([shape], crs=32632).to_crs(4326)
    document = {"type": "Feature", "properties": {}, "geometry": degrees[0].__geo_interface__}
    extent = document if form == "geojson" else {"from_node": "shapes"}
    graph = {
        "shapes": call("load_geojson", data=document),
        "l": {
            **load(temporal_extent=["2024-03-01", "2024-03-20"], bands=["B04"], spatial_extent=extent),
            "result": True,
        },
    }
    found = eocene.run(graph, workspace=world)
    xs, ys = np.meshgrid(found.x.values, found.y.values)
    inside = shapely.intersects_xy(degrees.to_crs(32632)[0], xs, ys)
    same = cube.sel(x=found.x, y=found.y)
    assert 0 < inside.sum() < inside.size < cube.sizes["x"] * cube.sizes["y"]
    assert np.array_equal(found.values, np.where(inside, same.values, np.nan), equal_nan=True)


FIELDS = gpd.GeoDataFrame(
    {"crop": ["wheat", "maize"], "ha": [1.5, 2.0]},
    geometry=[shapely.box(11.9, 48.2, 11.91, 48.21), shapely.Point(12, 48.3)],
    crs=4326,
)


@pytest.fixture(scope="module")
def uploads(world: Workspace) -> Path:
    folder = world.layout.files / "parcels"
    folder.mkdir(parents=True)
    (folder / "fields.geojson").write_text(FIELDS.to_json(), encoding="utf-8")
    FIELDS.to_crs(32632).to_parquet(folder / "fields.parquet")
    (folder / "table.parquet").write_bytes(b"PAR1")
    (folder / "text.geojson").write_text("{}", encoding="utf-8")
    (folder / "out.geojson").symlink_to("/etc/hostname")
    return folder


def load_files(world: Workspace, paths: list[str], wanted: str, **options: Any) -> Any:
    graph = {"f": call("load_uploaded_files", paths=paths, format=wanted, result=True, **options)}
    return eocene.run(graph, workspace=world)


@pytest.mark.parametrize("spelling", ["parcels/", "/parcels/", "./parcels/"])
def test_uploaded_geojson_is_a_vector_cube(world: Workspace, uploads: Path, spelling: str) -> None:
    table = load_files(world, [f"{spelling}fields.geojson"], "geojson")
    assert table.geometry.tolist() == FIELDS.geometry.tolist()
    assert table[["crop", "ha"]].equals(FIELDS[["crop", "ha"]])


def test_uploaded_geoparquet_keeps_its_crs(world: Workspace, uploads: Path) -> None:
    table = load_files(world, ["parcels/fields.parquet", "parcels/fields.parquet"], "GeoParquet")
    assert table.crs.to_epsg() == 32632
    assert table.crop.tolist() == FIELDS.crop.tolist() * 2


@pytest.mark.parametrize(
    ("path", "wanted", "code"),
    [
        ("parcels/nowhere.geojson", "GeoJSON", "FileNotFound"),
        ("../catalogue.sqlite", "GeoJSON", "FileNotFound"),
        ("parcels/../../eocene.json", "GeoJSON", "FileNotFound"),
        ("parcels/out.geojson", "GeoJSON", "FileNotFound"),
        ("parcels", "GeoJSON", "FileNotFound"),
        ("https://example.org/fields.geojson", "GeoJSON", "FileNotFound"),
        ("/vsicurl/x", "GeoJSON", "FileNotFound"),
        ("parcels/fields.parquet", "GeoJSON", "FormatUnsuitable"),
        ("parcels/text.geojson", "GeoJSON", "FormatUnsuitable"),
        ("parcels/table.parquet", "GeoParquet", "FormatUnsuitable"),
        ("parcels/fields.geojson", "Shapefile", "FormatUnsuitable"),
    ],
)
def test_files_that_are_not_there_or_not_right_are_refused(
    world: Workspace, uploads: Path, path: str, wanted: str, code: str
) -> None:
    with pytest.raises(EoceneError) as caught:
        load_files(world, [path], wanted)
    assert caught.value.code == code
    assert caught.value.remedy


def test_an_option_that_there_is_not_is_refused(world: Workspace, uploads: Path) -> None:
    with pytest.raises(InputError, match="no option 'layer'"):
        load_files(world, ["parcels/fields.geojson"], "GeoJSON", options={"layer": 1})


def test_uploaded_images_are_a_cube_of_their_dates(world: Workspace, uploads: Path) -> None:
    grid = Grid(Lattice(32632, (20.0, 20.0)), 30_000, -265_000, 40, 30)
    numbers = np.arange(2 * 2 * 1200, dtype=np.int16).reshape(2, 2, *grid.shape)
    numbers[0, 1, 3, 4] = -1
    for day, image in zip(("20240501", "2024-05-11"), numbers, strict=True):
        profile = {"driver": "GTiff", "width": 40, "height": 30, "count": 2, "dtype": "int16", "nodata": -1}
        place = {"crs": "EPSG:32632", "transform": Affine(*grid.transform)}
        with rasterio.open(uploads / f"ndvi_{day}.tif", "w", **profile, **place) as file:
            file.write(image)
            file.descriptions = ("index", "quality")
    paths = ["parcels/ndvi_2024-05-11.tif", "parcels/ndvi_20240501.tif"]
    cube = load_files(world, paths, "GTiff")
    assert cube.bands.values.tolist() == ["index", "quality"]
    assert [str(t)[:10] for t in cube.t.values] == ["2024-05-01", "2024-05-11"]
    assert np.array_equal(cube.values, np.where(numbers == -1, np.nan, numbers), equal_nan=True)
    assert (cube.x.values.tolist(), cube.y.values.tolist()) == (grid.x.tolist(), grid.y.tolist())
    shutil.copy(uploads / "ndvi_20240501.tif", uploads / "undated.tif")
    for path, word in (
        ("parcels/undated.tif", "date"),
        ("parcels/fields.geojson", "cannot be loaded as GTiff"),
    ):
        with pytest.raises(EoceneError, match=word) as caught:
            load_files(world, [path], "GTiff")
        assert caught.value.code == "FormatUnsuitable"


def test_a_url_is_a_file_of_the_workspace_and_nothing_else(world: Workspace, uploads: Path) -> None:
    for url in ("files/parcels/fields.geojson", f"file://{uploads}/fields.geojson"):
        graph = {"f": call("load_url", url=url, format="GeoJSON", result=True)}
        assert len(eocene.run(graph, workspace=world)) == 2
    for url, code in (
        ("https://example.org/a.geojson", "ProcessParameterInvalid"),
        ("/etc/hostname", "FilePathInvalid"),
    ):
        with pytest.raises(EoceneError) as caught:
            eocene.run({"f": call("load_url", url=url, format="GeoJSON", result=True)}, workspace=world)
        assert caught.value.code == code


def test_geojson_flows_into_aggregation(world: Workspace, cube: xr.DataArray) -> None:
    x, y = float(cube.x[30]), float(cube.y[30])
    box = gpd.GeoSeries([shapely.box(x - 55, y - 55, x + 55, y + 55)], crs=32632).to_crs(4326)[0]
    graph = {
        "shape": call("load_geojson", data=box.__geo_interface__),
        "metric": call("vector_reproject", data={"from_node": "shape"}, projection=32632),
        "small": call("vector_buffer", geometries={"from_node": "metric"}, distance=-20),
        "load": load(temporal_extent=["2024-03-01", "2024-03-20"], bands=["B04"]),
        "zones": call(
            "aggregate_spatial",
            data={"from_node": "load"},
            geometries={"from_node": "small"},
            reducer={"process_graph": {"m": call("max", data={"from_parameter": "data"}, result=True)}},
            result=True,
        ),
    }
    table = eocene.run(graph, workspace=world)
    expected = cube.isel(bands=0).values[:, 27:34, 27:34].reshape(cube.sizes["t"], -1)
    has_data = np.isfinite(expected).any(axis=1)
    assert np.array_equal(np.isfinite(table.B04), has_data)
    assert np.array_equal(table.B04[has_data], np.nanmax(expected[has_data], axis=1))


@pytest.fixture(scope="module")
def result(world: Workspace) -> Any:
    """A result of two bands in the workspace, as a batch job leaves it."""
    graph = {
        "l": {**load(temporal_extent=["2024-03-01", "2024-03-20"], bands=["B04", "SCL"]), "result": True}
    }
    folder = world.layout.results / "job-of-loading"
    folder.parent.mkdir(exist_ok=True)
    write_results(
        make_plan(graph, world.archive), folder, ResultInfo("job-of-loading", "", "2024-12-01T00:00:00Z", {})
    )
    yield folder
    shutil.rmtree(folder)


def test_stac_is_loaded_by_path_or_by_the_address_of_its_job(world: Workspace, result: Path) -> None:
    def labels(url: str) -> list[str]:
        cube = eocene.run({"l": call("load_stac", url=url, bands=["SCL"], result=True)}, workspace=world)
        return [str(t)[:10] for t in cube.t.values]

    whole = labels("results/job-of-loading/collection.json")
    assert labels("https://eo.example/openeo/1.2/jobs/job-of-loading/results") == whole
    first = sorted(p.name for p in result.glob("*.json") if p.name != "collection.json")[0]
    assert labels(f"results/job-of-loading/{first}") == whole[:1]
    catalog = {"type": "Catalog", "links": [{"rel": "child", "href": "./collection.json"}] * 2}
    (result / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    assert labels("results/job-of-loading/catalog.json") == whole
    (result / "catalog.json").write_text('{"type": "Catalog"}', encoding="utf-8")
    with pytest.raises(InputError, match="not a static STAC document"):
        labels("results/job-of-loading/catalog.json")


ELSEWHERE = "https://eo.example/openeo/1.2/jobs/another/results"


@pytest.mark.parametrize("url", [ELSEWHERE, "s3://scenes/collection.json", "gs://scenes/collection.json"])
@pytest.mark.parametrize("process", ["load_stac", "load_url", "load_stac by a link"])
def test_an_address_that_may_not_be_read_is_a_fault_of_the_argument(
    world: Workspace, process: str, url: str
) -> None:
    arguments = {"url": url} if process != "load_url" else {"url": url, "format": "GTiff"}
    if process == "load_stac by a link":
        catalog = {"type": "Catalog", "links": [{"rel": "item", "href": url}]}
        (world.layout.root / "linking.json").write_text(json.dumps(catalog), encoding="utf-8")
        arguments = {"url": "linking.json"}
    with pytest.raises(InputError) as caught:
        make_plan({"l": call(process.split(maxsplit=1)[0], result=True, **arguments)}, world.archive)
    assert (caught.value.status, caught.value.code) == (400, "ProcessParameterInvalid")
    assert url in caught.value.message
    assert caught.value.remedy


def test_stac_is_filtered_by_properties(world: Workspace, result: Path) -> None:
    items = [p for p in sorted(result.glob("*.json")) if p.stem not in ("collection", "catalog")]
    days = [json.loads(p.read_text())["properties"]["datetime"] for p in items]
    graph = {
        "l": call(
            "load_stac",
            url="results/job-of-loading/collection.json",
            properties={"datetime": that("eq", x=VALUE, y=days[0])},
            result=True,
        )
    }
    assert eocene.run(graph, workspace=world).sizes["t"] == 1 < len(days)

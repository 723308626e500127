"""Tables and values as files, read again by pandas, geopandas and xarray."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

from eocene.model import InputError
from eocene.process import make_plan
from eocene.process.output.formats import (
    INPUT_FORMATS,
    OUTPUT_FORMATS,
    check_format,
    check_options,
    formats_for,
)
from eocene.process.output.results import ResultInfo, save_file, write_results
from eocene.process.output.tables import as_json, save_records, save_table, save_value
from tests.process.graphs import call

if TYPE_CHECKING:
    from pathlib import Path

DAYS = pd.to_datetime(["2024-01-01T00:00:00", "2024-01-02T12:30:00", "2024-01-03T00:00:00"])
TABLE = gpd.GeoDataFrame(
    {"name": ["a, b", 'say "c"', None], "t": DAYS, "B04": [1.25, np.nan, -3.5], "n": [1, 2, 3]},
    geometry=[shapely.box(600_000, 5_300_000, 600_100, 5_300_050), shapely.Point(600_000, 5_300_000),
              shapely.Point()],
    crs=32632,
)  # fmt: skip


def test_csv_is_read_by_pandas(tmp_path: Path) -> None:
    path, kind = save_table(TABLE, tmp_path, "CSV")
    assert (path.name, kind) == ("result.csv", "text/csv")
    found = pd.read_csv(path, parse_dates=["t"])
    assert list(found.columns) == ["name", "t", "B04", "n", "geometry"]
    assert found.t.dt.tz_localize(None).tolist() == DAYS.tolist()
    assert found.name[:2].tolist() == TABLE.name[:2].tolist()
    assert np.array_equal(found.B04, TABLE.B04, equal_nan=True)
    assert shapely.from_wkt(found.geometry[0]).equals(TABLE.geometry[0])


def test_geojson_is_strict_and_in_degrees(tmp_path: Path) -> None:
    path, kind = save_table(TABLE, tmp_path, "GeoJSON", "table")
    assert (path.name, kind) == ("table.geojson", "application/geo+json")
    document = json.loads(path.read_text(), parse_constant=pytest.fail)
    found = gpd.GeoDataFrame.from_features(document["features"], crs=4326)
    expected = TABLE.to_crs(4326)
    assert found.geometry[:2].geom_equals_exact(expected.geometry[:2], 1e-9).all()
    assert [f["properties"]["B04"] for f in document["features"]] == [1.25, None, -3.5]
    assert document["features"][1]["properties"]["t"].startswith("2024-01-02T12:30:00")


def test_geoparquet_is_the_table(tmp_path: Path) -> None:
    path, _ = save_table(TABLE, tmp_path, "GeoParquet")
    pd.testing.assert_frame_equal(gpd.read_parquet(path), TABLE, check_dtype=False)


def test_netcdf_is_read_by_xarray(tmp_path: Path) -> None:
    path, kind = save_table(TABLE, tmp_path, "netCDF")
    assert kind == "application/x-netcdf"
    with xr.open_dataset(path, engine="h5netcdf") as found:
        assert found.sizes == {"row": 3}
        assert (
            found.t.values.astype("datetime64[s]").tolist()
            == DAYS.to_numpy().astype("datetime64[s]").tolist()
        )
        assert np.array_equal(found.B04.values, TABLE.B04, equal_nan=True)
        assert found.name.values.tolist() == ["a, b", 'say "c"', ""]
        assert found.geometry.values[1] == "POINT (600000 5300000)"
        assert found.geometry.attrs["crs_wkt"].startswith("PROJCRS")


def test_records_have_no_geometry_and_null_for_nan(tmp_path: Path) -> None:
    path, _ = save_table(TABLE, tmp_path, "JSON")
    records = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert [sorted(r) for r in records] == [["B04", "n", "name", "t"]] * 3
    assert records[1]["B04"] is None


SERIES = xr.DataArray(
    [[1.5, np.nan], [2.5, 4.0]],
    {"t": DAYS[:2], "bands": np.array(["B04", "B08"], object)},
    ("t", "bands"),
)


def test_a_series_without_geometries_is_csv_json_or_netcdf(tmp_path: Path) -> None:
    path, _ = save_records(SERIES, tmp_path, "CSV")
    found = pd.read_csv(path, parse_dates=["t"])
    assert list(found.columns) == ["t", "B04", "B08"]
    assert np.array_equal(found[["B04", "B08"]], SERIES.values, equal_nan=True)
    path, _ = save_records(SERIES, tmp_path, "JSON")
    document = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert document["values"] == [[1.5, None], [2.5, 4.0]]
    assert document["coords"]["bands"] == ["B04", "B08"]
    path, _ = save_records(SERIES, tmp_path, "netCDF")
    with xr.open_dataset(path, engine="h5netcdf") as stored:
        assert np.array_equal(stored["data"].values, SERIES.values, equal_nan=True)
    path, _ = save_records(SERIES[0].drop_vars("t"), tmp_path, "CSV", "one")
    assert path.read_text().splitlines() == ["bands,value", "B04,1.5", "B08,"]


def test_lists_are_json_whatever_is_wanted(tmp_path: Path) -> None:
    path, kind = save_records([1, None, float("nan")], tmp_path, "CSV")
    assert (json.loads(path.read_text()), kind) == ([1, None, None], "application/json")


@pytest.mark.parametrize(("dims", "wanted"), [("t", "CSV"), ("bands", "netCDF"), ("t bands", "JSON")])
def test_a_result_without_pixels_is_saved_by_its_plan(tmp_path: Path, dims: str, wanted: str) -> None:
    given = SERIES.isel({d: 0 for d in SERIES.dims if d not in dims.split()}, drop=True)
    graph = {"s": call("save_result", data={"from_parameter": "series"}, format=wanted, result=True)}
    plan = make_plan(graph, parameters={"series": given})
    path, _ = save_file(plan, tmp_path)
    assert path.stat().st_size > 0
    collection = write_results(plan, tmp_path / "job", ResultInfo("job", "", "2024-12-01T00:00:00Z", {}))
    assert all((tmp_path / "job" / asset["href"]).is_file() for asset in collection["assets"].values())
    with pytest.raises(InputError) as caught:
        save_file(plan, tmp_path, "GeoParquet")
    assert caught.value.code == "FormatUnsuitable"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), None),
        ([1, [float("inf"), "a"]], [1, [None, "a"]]),
        ({"a": float("-inf"), 2: True}, {"a": None, "2": True}),
        (None, None),
    ],
)
def test_values_are_strict_json(tmp_path: Path, value: Any, written: Any) -> None:
    save_value(value, tmp_path / "v.json")
    assert json.loads((tmp_path / "v.json").read_text(), parse_constant=pytest.fail) == written
    assert as_json(value) == written


def test_each_listed_format_can_hold_what_it_says(tmp_path: Path) -> None:
    for wanted in formats_for("vector"):
        path, kind = save_table(TABLE, tmp_path, wanted)
        assert path.stat().st_size > 0
        assert "/" in kind
    assert formats_for("raster") == {"GTiff", "Zarr", "netCDF", "PNG", "JSON"}
    assert set(INPUT_FORMATS) <= set(OUTPUT_FORMATS)


@pytest.mark.parametrize("name", ["geojson", "GEOJSON", "GeoJSON"])
def test_formats_are_known_in_any_case(name: str) -> None:
    assert check_format(name) == check_format(name, INPUT_FORMATS) == "GeoJSON"


def test_formats_and_options_that_there_are_not_are_refused() -> None:
    for formats, word in ((OUTPUT_FORMATS, "output"), (INPUT_FORMATS, "input")):
        with pytest.raises(InputError, match=word) as caught:
            check_format("Shapefile", formats)
        assert caught.value.code == "FormatUnsuitable"
    check_options("GTiff", {"datatype": "uint8"}, OUTPUT_FORMATS)
    with pytest.raises(InputError, match="'tiled'"):
        check_options("GTiff", {"tiled": True}, OUTPUT_FORMATS)
    check_options("PNG", None, OUTPUT_FORMATS)

"""Code of users behind walls gives what plain numpy gives, wherever in a graph it stands."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eocene
from eocene.model import InputError
from eocene.process import make_plan
from eocene.process.udf import SandboxRunner, UdfError, offering
from tests.process.graphs import DATA, call
from tests.process.udf.places import cube, needs_walls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import xarray as xr

pytestmark = needs_walls
CUBE = {"from_parameter": "cube"}


@pytest.fixture(scope="module", autouse=True)
def walls() -> Iterator[SandboxRunner]:
    runner = SandboxRunner()
    with offering(runner):
        yield runner
    runner.close()


def udf(code: str, data: Any = DATA, **more: Any) -> dict[str, Any]:
    return call("run_udf", result=True, data=data, udf=code, runtime="Python", **more)


def inside(process: str, code: str, name: str, data: Any = DATA, **more: Any) -> dict[str, Any]:
    callback = {"process_graph": {"u": udf(code, data)}}
    return {"p": call(process, data=CUBE, result=True, **{name: callback}, **more)}


def run(graph: dict[str, Any]) -> xr.DataArray:
    return eocene.run(graph, parameters={"cube": cube()})


def test_apply_gives_each_value() -> None:
    code = "def apply_datacube(cube, context):\n    return cube * 2 + 1\n"
    found = run(inside("apply", code, "process", data={"from_parameter": "x"}))
    np.testing.assert_array_equal(found.values, cube().values * 2 + 1)


def test_reduce_dimension_drops_the_dimension() -> None:
    code = (
        "import xarray\n"
        "def apply_datacube(cube: xarray.DataArray, context: dict) -> xarray.DataArray:\n"
        "    return cube.max('t')\n"
    )
    found = run(inside("reduce_dimension", code, "reducer", dimension="t"))
    np.testing.assert_array_equal(found.values, np.fmax.reduce(cube().values, axis=0))


def test_apply_dimension_keeps_the_dimension() -> None:
    code = (
        "from openeo.udf import XarrayDataCube\n"
        "def apply_datacube(cube: XarrayDataCube, context: dict) -> XarrayDataCube:\n"
        "    array = cube.get_array()\n"
        "    return XarrayDataCube(array - array.isel(t=0))\n"
    )
    found = run(inside("apply_dimension", code, "process", dimension="t"))
    np.testing.assert_array_equal(found.values, cube().values - cube().values[:1])
    np.testing.assert_array_equal(found.t.values, cube().t.values)


def test_a_series_of_pandas_is_mapped_along_time() -> None:
    code = (
        "from pandas import Series\n"
        "def apply_timeseries(series: Series, context: dict) -> Series:\n"
        "    return series * context['factor']\n"
    )
    graph = inside("apply_dimension", code, "process", dimension="t")
    graph["p"]["arguments"]["process"]["process_graph"]["u"]["arguments"]["context"] = {"factor": 3}
    small = cube().isel(x=slice(0, 4), y=slice(0, 3))
    found = eocene.run(graph, parameters={"cube": small})
    np.testing.assert_allclose(found.values, small.values * 3)


def test_a_whole_cube_is_handed_in_at_once() -> None:
    code = "def apply_datacube(cube, context):\n    return cube - cube.mean(('y', 'x'))\n"
    graph = {"u": udf(code, CUBE)}
    plan = make_plan(graph, None, {"cube": cube(300, 700)})
    expected = cube(300, 700)
    np.testing.assert_allclose(plan.run().values, expected - expected.mean(("y", "x")), rtol=1e-5, atol=1e-4)


def test_code_may_name_bands_by_coordinates_or_by_apply_metadata() -> None:
    body = "def apply_datacube(cube, context):\n    return cube{}\n"
    named = body.format(".assign_coords(bands=['one', 'two'])")
    described = body.format("") + (
        "def apply_metadata(metadata, context):\n    return metadata.rename_labels('bands', ['one', 'two'])\n"
    )
    for code in (named, described):
        found = run({"u": udf(code, CUBE)})
        assert list(found.bands.values) == ["one", "two"]
        np.testing.assert_array_equal(found.values, cube().values)


def test_a_neighbourhood_overlaps() -> None:
    code = (
        "def apply_datacube(cube, context):\n"
        "    return cube.fillna(0).rolling(x=3, y=3, center=True, min_periods=1).sum()\n"
    )
    unit = {"unit": "px"}
    graph = inside(
        "apply_neighborhood", code, "process",
        size=[{"dimension": "x", "value": 8, **unit}, {"dimension": "y", "value": 8, **unit}],
        overlap=[{"dimension": "x", "value": 1, **unit}, {"dimension": "y", "value": 1, **unit}],
    )  # fmt: skip
    found = run(graph)
    padded = np.pad(np.nan_to_num(cube().values), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    np.testing.assert_allclose(found.values, windows.sum((-1, -2)), rtol=1e-5)


@pytest.mark.parametrize("size", [7, 16, 64])
def test_pixel_by_pixel_results_do_not_depend_on_the_size_of_blocks(size: int) -> None:
    code = "import numpy as np\ndef apply_datacube(cube, context):\n    return np.sqrt(cube.max('bands'))\n"
    plan = make_plan(inside("reduce_dimension", code, "reducer", dimension="bands"), None, {"cube": cube()})
    whole = plan.read().values
    for window in plan.blocks(size):
        rows, columns = window.slices_in(plan.grid)
        np.testing.assert_array_equal(plan.read(window).values, whole[..., rows, columns])


def test_plain_values_are_structured_data() -> None:
    code = (
        "from openeo.udf import StructuredData, UdfData\n"
        "def double(data: UdfData):\n"
        "    values = data.get_structured_data_list()[0].data\n"
        "    data.set_structured_data_list([StructuredData([2 * v for v in values])])\n"
    )
    assert eocene.run({"u": udf(code, [1, 2, 3])}) == [2, 4, 6]


def test_features_are_a_feature_collection() -> None:
    geopandas, shapely = pytest.importorskip("geopandas"), pytest.importorskip("shapely")
    fields = geopandas.GeoDataFrame(
        {"name": ["a", "b"], "size": [1.0, 2.0]}, geometry=[shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 4)],
        crs=32632,
    )  # fmt: skip
    code = (
        "from openeo.udf import FeatureCollection, UdfData\n"
        "def measure(data: UdfData) -> UdfData:\n"
        "    frame = data.get_feature_collection_list()[0].data\n"
        "    frame = frame.assign(size=frame.area * data.user_context['factor'])\n"
        "    data.set_feature_collection_list([FeatureCollection('f', frame)])\n"
        "    return data\n"
    )
    found = eocene.run(
        {"u": udf(code, {"from_parameter": "fields"}, context={"factor": 10})}, parameters={"fields": fields}
    )
    assert found["size"].tolist() == [10.0, 20.0]
    assert found.geometry.geom_equals(fields.geometry).all()


def test_the_users_own_line_and_message_come_back() -> None:
    code = "def apply_datacube(cube, context):\n    limit = 3\n    raise ValueError(f'above {limit}')\n"
    with pytest.raises(UdfError, match=r"line 3.*ValueError: above 3") as caught:
        run(inside("apply_dimension", code, "process", dimension="t"))
    assert (caught.value.line, caught.value.code) == (3, "UdfFailed")


def test_a_fault_of_syntax_has_its_line() -> None:
    with pytest.raises(UdfError, match=r"line 2.*SyntaxError") as caught:
        run({"u": udf("x = 1\ndef apply_datacube(cube context):\n", CUBE)})
    assert caught.value.line == 2


def test_prints_and_inspect_are_logged_once_for_each_block(caplog: pytest.LogCaptureFixture) -> None:
    code = (
        "from openeo.udf import inspect\n"
        "def apply_datacube(cube, context):\n"
        "    print('shape', cube.shape)\n"
        "    inspect(data=[1, 2], message='look', code='mine', level='warning')\n"
        "    return cube\n"
    )
    with caplog.at_level(logging.INFO, "eocene.inspect"):
        run({"u": udf(code, CUBE)})
    lines = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "eocene.inspect"]
    assert lines == [("INFO", "[User] shape (3, 2, 40, 60)"), ("WARNING", "[mine] look [1, 2]")]


def test_code_comes_from_a_file_that_was_uploaded(tmp_path: Path) -> None:
    ws = eocene.open(tmp_path / "ws")
    folder = ws.archive.layout.files / "code"
    folder.mkdir(parents=True)
    (folder / "double.py").write_text("def apply_datacube(cube, context):\n    return cube * 2\n")
    graph = {"u": udf("code/double.py", CUBE)}
    found = eocene.run(graph, workspace=ws, parameters={"cube": cube()})
    np.testing.assert_array_equal(found.values, cube().values * 2)
    for outside in ("code/none.py", "../eocene.json", "/etc/passwd"):
        with pytest.raises(InputError) as caught:
            eocene.run({"u": udf(outside, CUBE)}, workspace=ws, parameters={"cube": cube()})
        assert caught.value.code == "FileNotFound"


def test_addresses_go_through_the_one_door() -> None:
    with pytest.raises(InputError, match=r"127\.0\.0\.1"):
        run({"u": udf("http://127.0.0.1:9/udf.py", CUBE)})


def test_code_may_be_a_parameter_of_the_graph() -> None:
    code = "def apply_datacube(cube, context):\n    return cube * 2\n"
    found = eocene.run(
        {"u": udf({"from_parameter": "code"}, CUBE)}, parameters={"cube": cube(), "code": code}
    )
    np.testing.assert_array_equal(found.values, cube().values * 2)

"""Every error that a user can make is told before a pixel is read, with its code, node and remedy."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from eocene.archive import Archive
from eocene.model import EoceneError
from eocene.process import make_plan
from tests.process.graphs import DATA, call, callback, load, masked_ndvi

if TYPE_CHECKING:
    from eocene.workspace import Workspace

X = {"from_parameter": "x"}
NOWHERE = {"west": 100.0, "south": 10.0, "east": 100.1, "north": 10.1}


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


def after_load(process: str, /, **arguments: Any) -> dict[str, Any]:
    return {"load": load(), "bad": call(process, data=ref("load"), result=True, **arguments)}


def inside(process: str, outer: str = "apply", /, **arguments: Any) -> dict[str, Any]:
    child = {"process_graph": {"inner": call(process, result=True, **arguments)}}
    return (
        after_load("apply", process=child)
        if outer == "apply"
        else after_load("reduce_dimension", reducer=child, dimension=outer)
    )


def loading(**changes: Any) -> dict[str, Any]:
    return {"bad": {**load(**changes), "result": True}}


def merging(second: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    return {
        "load": load(),
        "other": second,
        "bad": call("merge_cubes", cube1=ref("load"), cube2=ref("other"), result=True, **arguments),
    }


POLYGON = {"type": "Polygon", "coordinates": [[[9, 48], [9.01, 48], [9.01, 48.01], [9, 48]]]}
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown process": (after_load("ndvj"), "ProcessUnsupported", "Did you mean ndvi"),
    "unknown process in a callback": (inside("plus", x=X, y=1), "ProcessUnsupported", ""),
    "unknown parameter": (
        after_load("ndvi", nirr="B08"),
        "ProcessParameterUnsupported",
        "Its parameters are",
    ),
    "missing parameter": (after_load("apply"), "ProcessParameterRequired", "Takes one value"),
    "unknown reference to a parameter": (
        after_load("filter_temporal", extent={"from_parameter": "when"}),
        "ProcessParameterRequired",
        "Parameters",
    ),
    "unknown collection": (loading(id="sentinel-2-l2b"), "CollectionNotFound", "sentinel-2-l2a"),
    "a table as a cube": (loading(id="parcels", bands=None), "ProcessParameterInvalid", "table"),
    "unknown band": (loading(bands=["B4"]), "BandNotAvailable", "B04"),
    "no band in a filter": (
        after_load("filter_bands", bands=[]),
        "BandFilterParameterMissing",
        "at least one",
    ),
    "unknown band of ndvi": (after_load("ndvi", red="rot"), "RedBandAmbiguous", "bands are"),
    "unknown dimension": (
        after_load("reduce_dimension", dimension="time", reducer=callback("mean")),
        "DimensionNotAvailable",
        "t, bands",
    ),
    "unknown label": (
        after_load("rename_labels", dimension="bands", target=["x"], source=["y"]),
        "LabelNotAvailable",
        "B04",
    ),
    "too few labels": (
        after_load("rename_labels", dimension="bands", target=["x"], source=["B04", "B08"]),
        "LabelMismatch",
        "as many",
    ),
    "labels that are not counted": (
        after_load("rename_labels", dimension="bands", target=["x"]),
        "LabelsNotEnumerated",
        "source",
    ),
    "equal labels": (
        after_load("rename_labels", dimension="bands", target=["B08"], source=["B04"]),
        "LabelExists",
        "other names",
    ),
    "unknown element": (
        inside("array_element", "bands", data=DATA, label="B99"),
        "ArrayElementNotAvailable",
        "B04",
    ),
    "an element without index or label": (
        inside("array_element", "bands", data=DATA),
        "ArrayElementParameterMissing",
        "one of the two",
    ),
    "unknown format": (after_load("save_result", format="BMP"), "FormatUnsuitable", "GTiff"),
    "empty box": (
        loading(spatial_extent={"west": 9, "south": 48, "east": 9, "north": 49}),
        "ProcessParameterInvalid",
        "west < east",
    ),
    "box upside down": (
        after_load("filter_bbox", extent={"west": 9, "south": 49, "east": 10, "north": 48}),
        "ProcessParameterInvalid",
        "south < north",
    ),
    "box with a text": (
        loading(spatial_extent={"west": "a", "south": 48, "east": 9, "north": 49}),
        "ProcessParameterInvalid",
        "west < east",
    ),
    "box without an edge": (loading(spatial_extent={"west": 9}), "ProcessParameterInvalid", "west < east"),
    "box in no CRS": (
        loading(spatial_extent={"west": 1, "south": 1, "east": 2, "north": 2, "crs": "EPSG:1"}),
        "ProcessParameterInvalid",
        "EPSG",
    ),
    "box outside": (loading(spatial_extent=NOWHERE), "NoDataAvailable", "covers"),
    "empty time span": (
        loading(temporal_extent=["2024-05-01", "2024-05-01"]),
        "TemporalExtentEmpty",
        "end after the start",
    ),
    "time span of texts": (loading(temporal_extent=["May", "June"]), "ProcessParameterInvalid", "2024-04-30"),
    "time span outside": (loading(temporal_extent=["1990-01-01", "1991-01-01"]), "NoDataAvailable", "2024"),
    "a text for a number": (inside("add", x=X, y="one"), "ProcessParameterInvalid", "number"),
    "a number for a text": (
        after_load("reduce_dimension", dimension=3, reducer=callback("mean")),
        "ProcessParameterInvalid",
        "string",
    ),
    "a text for bands": (loading(bands="B04"), "ProcessParameterInvalid", "array"),
    "a list for a cube": (
        {"bad": call("filter_bands", data=[1, 2], bands=["a"], result=True)},
        "ProcessParameterInvalid",
        "object",
    ),
    "a text for a callback": (after_load("apply", process="mean"), "ProcessParameterInvalid", "object"),
    "a reducer that returns an array": (
        inside("array_create", "t", data=DATA),
        "ProcessParameterInvalid",
        "one value",
    ),
    "a mapper that returns an array": (inside("array_create", data=[X, X]), "ProcessParameterInvalid", ""),
    "a mapper that returns a text": (
        inside("array_element", data=["a"], index=0),
        "ProcessParameterInvalid",
        "",
    ),
    "a process along an array that returns one value": (
        after_load("apply_dimension", dimension="t", process=callback("mean")),
        "ProcessParameterInvalid",
        "reduce_dimension",
    ),
    "a cube process in a callback": (
        inside("load_collection", id="sentinel-2-l2a"),
        "ProcessUnsupported",
        "outer",
    ),
    "missing overlap resolver": (merging(load()), "OverlapResolverMissing", "max"),
    "an overlap resolver that returns an array": (
        merging(
            load(), overlap_resolver={"process_graph": {"c": call("array_create", data=[1, 2], result=True)}}
        ),
        "ProcessParameterInvalid",
        "one value",
    ),
    "a mask with other dates": (
        {
            "load": load(),
            "other": load(temporal_extent=["2024-03-01", "2024-06-01"]),
            "bad": call("mask", data=ref("load"), mask=ref("other"), result=True),
        },
        "IncompatibleDataCubes",
        "agree",
    ),
    "unknown period": (
        after_load("aggregate_temporal_period", period="fortnight", reducer=callback("mean")),
        "ProcessParameterInvalid",
        "month",
    ),
    "equal labels of intervals": (
        after_load(
            "aggregate_temporal",
            intervals=[["2024-03-01", "2024-04-01"]] * 2,
            labels=["a", "a"],
            reducer=callback("mean"),
        ),
        "DistinctDimensionLabelsRequired",
        "each",
    ),
    "no interval": (
        after_load("aggregate_temporal", intervals=[], reducer=callback("mean")),
        "ProcessParameterInvalid",
        "interval",
    ),
    "no resolution": (
        after_load("resample_spatial"),
        "ProcessParameterInvalid",
        "resolution",
    ),
    "a resolution below nothing": (
        after_load("resample_spatial", resolution=-1),
        "ProcessParameterInvalid",
        "0 or more",
    ),
    "a projection that is none": (
        after_load("resample_spatial", resolution=10, projection="Lambert"),
        "ProcessParameterInvalid",
        "EPSG",
    ),
    "an unknown resampling": (
        after_load("resample_spatial", resolution=20, method="best"),
        "ProcessParameterInvalid",
        "near",
    ),
    "no geometry": (
        after_load(
            "aggregate_spatial",
            geometries={"type": "FeatureCollection", "features": []},
            reducer=callback("mean"),
        ),
        "ProcessParameterInvalid",
        "polygon",
    ),
    "a geometry that is none": (
        after_load("aggregate_spatial", geometries={"a": 1}, reducer=callback("mean")),
        "ProcessParameterInvalid",
        "GeoJSON|FeatureCollection",
    ),
    "a cube without pixels where pixels are needed": (
        {
            "load": load(),
            "zones": call(
                "aggregate_spatial", data=ref("load"), geometries=POLYGON, reducer=callback("mean")
            ),
            "bad": call("resample_spatial", data=ref("zones"), resolution=20, result=True),
        },
        "ProcessParameterInvalid",
        "pixels",
    ),
    "a dimension that is there": (
        after_load("add_dimension", name="t", label="x"),
        "DimensionExists",
        "a name other than",
    ),
    "a dimension with several labels": (
        after_load("drop_dimension", name="t"),
        "DimensionLabelCountMismatch",
        "one label",
    ),
    "a minimum above the maximum": (inside("clip", x=X, min=2, max=1), "MinMaxSwapped", "Swap"),
}


@pytest.fixture
def unreadable(world: Workspace, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """The archive of the simulated world, in which no pixel may be read."""

    def fail(*_: Any) -> None:
        pytest.fail("a raster was opened before the error was told")

    monkeypatch.setattr(Archive, "open_raster", fail)
    return world.archive


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_graph_is_refused_before_a_pixel_is_read(unreadable: Archive, name: str) -> None:
    graph, code, remedy = WRONG[name]
    with pytest.raises(EoceneError) as caught:
        make_plan(graph, unreadable)
    error = caught.value
    assert error.code == code, error
    assert "bad" in error.message
    assert error.remedy
    assert re.search(remedy, error.remedy), error.remedy
    assert error.status < 500 or error.status == 501


def test_a_right_graph_is_planned_without_a_pixel(unreadable: Archive) -> None:
    graph = masked_ndvi()
    graph["clear"]["result"] = True
    plan = make_plan(graph, unreadable)
    assert plan.schema.dims == ("t", "y", "x")
    assert len(plan.schema.times) == 24
    assert plan.items


def test_parameters_of_the_caller_stand_in_the_graph(unreadable: Archive) -> None:
    graph = loading(temporal_extent={"from_parameter": "when"})
    plan = make_plan(graph, unreadable, {"when": ["2024-03-01", "2024-04-01"]})
    assert 0 < len(plan.schema.times) < 24


def test_a_window_of_another_lattice_and_a_date_that_is_not_there_are_refused(unreadable: Archive) -> None:
    plan = make_plan(loading(), unreadable)
    grid = plan.schema.grid
    other = replace(grid, lattice=replace(grid.lattice, resolution=(20.0, 20.0)))
    with pytest.raises(EoceneError, match="another pixel grid"):
        plan.read(other)
    with pytest.raises(EoceneError, match="no label"):
        plan.read(times=["1999-01-01"])
    with pytest.raises(EoceneError, match="outside the data"):
        plan.read_point(100.0, 10.0)

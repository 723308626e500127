"""Labels that are filtered, renamed and trimmed; masks; what inspect tells."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import eocene
from eocene.cube.block import Block
from eocene.process.callback import Callback
from eocene.process.graph import parse_graph
from tests.cube.scenes import TINY
from tests.process.graphs import call
from tests.process.test_dimensions import CUBE, DAYS, code_of, make_scene, raster
from tests.process.test_periods import run


@pytest.fixture(scope="module")
def scene() -> xr.DataArray:
    return make_scene()


def condition(process: str, **arguments: Any) -> Callback:
    value = {"from_parameter": "value"}
    return Callback(parse_graph({"only": call(process, x=value, result=True, **arguments)}), {}, "test")


def test_an_empty_selection_is_an_empty_cube(scene: xr.DataArray) -> None:
    none = {"f": call("filter_temporal", data=CUBE, extent=["1990-01-01", "1991-01-01"], result=True)}
    assert eocene.run(none, parameters={"cube": scene}).shape == (0, 2, 70, 260)
    bands = {"f": call("filter_bands", data=CUBE, bands=["swir"], result=True)}
    assert eocene.run(bands, parameters={"cube": scene}).shape == (3, 0, 70, 260)


def test_labels_are_filtered_by_a_condition_on_their_texts_and_numbers() -> None:
    cube = raster()
    later = run(
        "filter_labels",
        data=cube,
        dimension="t",
        condition=condition("neq", y="2024-05-04T00:00:00Z"),
    )
    assert later.labels["t"] == (DAYS[0], DAYS[2])
    east = run("filter_labels", data=cube, dimension="x", condition=condition("gt", y=float(TINY.x[1])))
    assert east.labels["x"] == tuple(TINY.x[2:])
    assert np.array_equal(east.values, cube.values[..., 2:])
    assert (
        code_of("filter_labels", data=cube, dimension="z", condition=condition("eq", y=1))
        == "DimensionNotAvailable"
    )


def test_bands_are_found_by_name_common_name_and_wavelength() -> None:
    values = np.arange(4.0)
    cube = Block(
        values,
        ("b",),
        {"b": ("B1", "B2", "B3", "B4")},
        common_names={"B1": "red", "B2": "nir", "B4": "nir"},
        wavelengths={"B1": 0.66, "B2": 0.84, "B3": 1.61, "B4": 0.86},
        kinds={"b": "bands"},
    )
    for given_, wanted in (
        ({"bands": ["nir", "B1"]}, ["B2", "B4", "B1"]),
        ({"wavelengths": [[1, 2], [0.6, 0.84]]}, ["B3", "B1", "B2"]),
        ({"bands": ["B4"], "wavelengths": [[0.8, 0.9]]}, ["B4", "B2"]),
        ({"bands": ["unknown"]}, []),
    ):
        assert list(run("filter_bands", data=cube, **given_).labels["b"]) == wanted
    unknown = cube.with_(wavelengths={})
    assert code_of("filter_bands", data=unknown, wavelengths=[[1, 2]]) == "ProcessParameterInvalid"
    renamed = run("rename_labels", data=cube, dimension="b", source=["B2"], target=["near"])
    assert list(run("filter_bands", data=renamed, wavelengths=[[0.8, 0.85]]).labels["b"]) == ["near"]


def test_labels_of_times_are_named_as_texts() -> None:
    cube = run(
        "rename_labels",
        data=raster(),
        dimension="t",
        source=["2024-05-04", "2024-05-01T00:00:00Z"],
        target=["2025-01-01", "first"],
    )
    assert cube.labels["t"] == ("first", np.datetime64("2025-01-01T00:00:00"), DAYS[2])


def test_trimming_takes_edges_of_space_and_time_and_all_empty_bands() -> None:
    valid = np.zeros((4, 3, *TINY.shape), bool)
    valid[1, 0, 1, 2] = valid[3, 2, 2, 4] = True
    labels = {"t": (*DAYS, np.datetime64("2024-06-01", "s")), "bands": ("a", "b", "c")}
    values = np.random.default_rng(1).random(valid.shape)
    cube = Block(values, ("t", "bands", "y", "x"), labels, valid, TINY).off_grid()
    found = run("trim_cube", data=cube)
    assert found.labels["t"] == labels["t"][1:]
    assert found.labels["bands"] == ("a", "c")
    assert found.labels["x"] == tuple(TINY.x[2:5])
    assert np.array_equal(found.values, values[1:, ::2, 1:3, 2:5])
    nothing = cube.with_(valid=np.zeros_like(valid))
    assert run("trim_cube", data=nothing) is nothing


def test_inspect_logs_what_is_known_and_hands_on_the_data(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "eocene")
    assert run("inspect", data=[1, 2], message="here", code="C", level="warning") == [1, 2]
    assert (caplog.records[-1].levelname, caplog.records[-1].getMessage()) == ("WARNING", "[C] here [1, 2]")
    graph = {"i": call("inspect", data=CUBE, message="cube", result=True)}
    scene = xr.DataArray(
        np.zeros((2, 70, 300)),
        dims=("t", "y", "x"),
        coords={
            "t": pd.date_range("2024-01-01", periods=2),
            "y": -10.0 * np.arange(70),
            "x": 10.0 * np.arange(300),
        },
        attrs={"crs": "EPSG:32632"},
    )
    before = len(caplog.records)
    eocene.run(graph, parameters={"cube": scene})
    assert [r.getMessage() for r in caplog.records[before:]] == [
        "[User] cube cube of t (2: 2024-01-01T00:00:00Z, 2024-01-02T00:00:00Z), y, x, float64"
    ]
    assert code_of("inspect", data=1, level="loud") == "ProcessParameterInvalid"


def test_a_mask_on_another_grid_is_put_on_that_of_the_data(scene: xr.DataArray) -> None:
    coarse = (scene.isel(t=0, bands=0, drop=True).coarsen(y=2, x=2).max() > 25).astype("float32")
    coarse.attrs["crs"] = "EPSG:32632"
    graph = {"m": call("mask", data=CUBE, mask={"from_parameter": "mask"}, result=True)}
    found = eocene.run(graph, parameters={"cube": scene, "mask": coarse})
    hit = np.repeat(np.repeat(coarse.values, 2, 0), 2, 1).astype(bool)
    assert np.array_equal(found.values, np.where(hit, np.nan, scene.values), equal_nan=True)


def test_a_mask_must_not_have_more_than_the_data() -> None:
    cube = raster()
    one = cube.pick("bands", 0)
    assert code_of("mask", data=one, mask=cube) == "IncompatibleDataCubes"
    other = one.with_(labels={"t": (*DAYS[:2], np.datetime64("2024-07-01", "s"))})
    assert code_of("mask", data=one, mask=other) == "IncompatibleDataCubes"

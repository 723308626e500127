"""Curves: fitted like numpy's least squares, pixel by pixel, and predicted for new dates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import eocene
from eocene.model import InputError
from tests.process.graphs import DATA, call

YEAR = 31_557_600.0
DATES = np.arange("2022-01-05", "2023-12-28", 12, dtype="datetime64[D]")
SECONDS = DATES.astype("datetime64[s]").astype(float)
TURN = 2 * np.pi / YEAR


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


def nth(index: int) -> dict[str, Any]:
    return call("array_element", data={"from_parameter": "parameters"}, index=index)


HARMONIC = {
    "process_graph": {
        "p0": nth(0), "p1": nth(1), "p2": nth(2),
        "turn": call("multiply", x={"from_parameter": "x"}, y=TURN),
        "cos": call("cos", x=ref("turn")), "sin": call("sin", x=ref("turn")),
        "a": call("multiply", x=ref("cos"), y=ref("p1")), "b": call("multiply", x=ref("sin"), y=ref("p2")),
        "sum": call("add", x=ref("p0"), y=ref("a")),
        "all": call("add", x=ref("sum"), y=ref("b"), result=True),
    }
}  # fmt: skip
EXPONENTIAL = {
    "process_graph": {
        "p0": nth(0), "p1": nth(1),
        "e": call("multiply", x={"from_parameter": "x"}, y=ref("p1")),
        "exp": call("exp", p=ref("e")),
        "y": call("multiply", x=ref("p0"), y=ref("exp"), result=True),
    }
}  # fmt: skip


def make_cube(values: np.ndarray) -> xr.DataArray:
    rows, columns = values.shape[1:]
    coords = {
        "t": DATES.astype("datetime64[ns]"),
        "y": 5_200_000 - 10 * np.arange(float(rows)),
        "x": 600_000 + 10 * np.arange(float(columns)),
    }
    return xr.DataArray(values, dims=("t", "y", "x"), coords=coords, attrs={"crs": "EPSG:32632"})


def fit_graph(**more: Any) -> dict[str, Any]:
    step = call("fit_curve", data=DATA, parameters=[1, 1, 1], function=HARMONIC, result=True, **more)
    return call(
        "apply_dimension",
        data={"from_parameter": "cube"},
        dimension="t",
        process={"process_graph": {"fit": step}},
    )


@pytest.fixture(scope="module")
def cube() -> xr.DataArray:
    rng = np.random.default_rng(7)
    clean = 0.5 + 0.3 * np.cos(TURN * SECONDS) - 0.1 * np.sin(TURN * SECONDS)
    values = clean[:, None, None] + rng.normal(0, 0.05, (len(DATES), 9, 11))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[2:, 0, 0] = np.nan  # fewer values than parameters
    return make_cube(values)


def test_each_pixel_gets_the_least_squares_of_its_own_values(cube: xr.DataArray) -> None:
    fitted = eocene.run({"f": {**fit_graph(), "result": True}}, parameters={"cube": cube})
    assert fitted.shape == (3, 9, 11)
    assert np.isnan(fitted.values[:, 0, 0]).all()
    design = np.stack([np.ones_like(SECONDS), np.cos(TURN * SECONDS), np.sin(TURN * SECONDS)], axis=1)
    for row, column in np.ndindex(9, 11):
        if (row, column) == (0, 0):
            continue
        series = cube.values[:, row, column]
        here = ~np.isnan(series)
        expected = np.linalg.lstsq(design[here], series[here], rcond=None)[0]
        np.testing.assert_allclose(fitted.values[:, row, column], expected, rtol=1e-7, atol=1e-9)


def test_the_parameters_of_a_pixel_do_not_depend_on_its_neighbours(cube: xr.DataArray) -> None:
    graph = {"f": {**fit_graph(), "result": True}}
    whole = eocene.run(graph, parameters={"cube": cube}).values
    part = eocene.run(graph, parameters={"cube": cube[:, 4:5, 7:8]}).values
    assert part.tobytes() == np.ascontiguousarray(whole[:, 4:5, 7:8]).tobytes()


def test_predictions_follow_the_fitted_curve(cube: xr.DataArray) -> None:
    labels = ["2024-03-01T00:00:00Z", "2024-09-01T00:00:00Z"]
    graph = {
        "fit": fit_graph(),
        "new": call(
            "predict_curve",
            parameters=ref("fit"),
            function=HARMONIC,
            dimension="t",
            labels=labels,
            result=True,
        ),
    }
    predicted = eocene.run(graph, parameters={"cube": cube})
    fitted = eocene.run({"f": {**fit_graph(), "result": True}}, parameters={"cube": cube}).values
    at = np.array(["2024-03-01", "2024-09-01"], "datetime64[s]")
    turn = TURN * at.astype(float)[:, None, None]
    expected = fitted[0] + fitted[1] * np.cos(turn) + fitted[2] * np.sin(turn)
    np.testing.assert_allclose(predicted.values, expected, rtol=1e-9)
    assert (predicted.t.values == at).all()


def test_a_curve_that_is_not_linear_in_its_parameters_is_found() -> None:
    x = np.linspace(0, 3, 12)
    array = xr.DataArray(2.5 * np.exp(-0.7 * x), dims="array", coords={"array": x})
    graph = {
        "fit": call(
            "fit_curve", data={"from_parameter": "a"}, parameters=[1, 0], function=EXPONENTIAL, result=True
        )
    }
    np.testing.assert_allclose(eocene.run(graph, parameters={"a": array}), [2.5, -0.7], rtol=1e-8)


def test_no_data_spoils_the_fit_where_it_is_not_to_be_ignored(cube: xr.DataArray) -> None:
    graph = {"f": {**fit_graph(ignore_nodata=False), "result": True}}
    fitted = eocene.run(graph, parameters={"cube": cube}).values
    complete = ~np.isnan(cube.values).any(axis=0)
    assert (np.isnan(fitted).all(axis=0) == ~complete).all()


def test_labels_are_needed_to_predict() -> None:
    with pytest.raises(InputError, match="no label"):
        eocene.run(
            {
                "fit": fit_graph(),
                "new": call(
                    "predict_curve", parameters=ref("fit"), function=HARMONIC, dimension="t", result=True
                ),
            },
            parameters={"cube": make_cube(np.ones((len(DATES), 2, 2)))},
        )

"""Code of users goes through the runner that is offered, and is not listed without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import eocene
from eocene.model import EoceneError, InputError
from eocene.process import registry
from eocene.process.udf import offering
from tests.process.graphs import DATA, call
from tests.process.runners import TrustingRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

CUBE = xr.DataArray(
    np.arange(2.0 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(np.float32),
    dims=("t", "bands", "y", "x"),
    coords={
        "t": np.array(["2024-01-01", "2024-02-01"], "datetime64[ns]"),
        "bands": ["a", "b", "c"],
        "y": 5_200_000 - 10 * np.arange(4.0),
        "x": 600_000 + 10 * np.arange(5.0),
    },
    attrs={"crs": "EPSG:32632"},
)


@pytest.fixture
def runner() -> Iterator[None]:
    with offering(TrustingRunner()):
        yield


def reduce_bands(code: str, **more: Any) -> dict[str, Any]:
    step = call("run_udf", result=True, **{"data": DATA, "udf": code, "runtime": "python", **more})
    return {
        "r": call(
            "reduce_dimension",
            data={"from_parameter": "cube"},
            dimension="bands",
            reducer={"process_graph": {"u": step}},
            result=True,
        )
    }


def test_without_a_runner_there_is_no_such_process_and_the_reason_is_told() -> None:
    registry.specs()
    with offering(None, "bubblewrap is not installed"):
        assert "run_udf" not in {s["id"] for s in registry.specs()}
        with pytest.raises(InputError, match="bubblewrap is not installed") as caught:
            eocene.run(reduce_bands("x"), parameters={"cube": CUBE})
    assert caught.value.code == "ProcessUnsupported"


@pytest.mark.usefixtures("runner")
def test_code_in_a_reducer_gets_the_block_and_what_the_user_passes_on() -> None:
    code = "def apply(data, context):\n    return data.max('bands') * context['factor']\n"
    result = eocene.run(reduce_bands(code, context={"factor": 2}), parameters={"cube": CUBE})
    np.testing.assert_array_equal(result.values, 2 * CUBE.max("bands").values)


@pytest.mark.usefixtures("runner")
def test_code_on_a_cube_may_change_bands() -> None:
    code = (
        "import xarray\n"
        "def apply(data, context):\n"
        "    top = data.max('bands').expand_dims(bands=['top'])\n"
        "    return xarray.concat([data, top], 'bands').transpose(*data.dims)\n"
    )
    graph = {"u": call("run_udf", data={"from_parameter": "cube"}, udf=code, runtime="Python", result=True)}
    result = eocene.run(graph, parameters={"cube": CUBE})
    assert list(result.bands.values) == ["a", "b", "c", "top"]
    np.testing.assert_array_equal(result.sel(bands="top").values, CUBE.max("bands").values)


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        ("def apply(data, context):\n    return data.nonsense()\n", {}, "UdfFailed"),
        ("def apply(data, context):\n    return data.isel(x=[0, 0]).max('bands')\n", {}, "UdfFailed"),
        ("\n", {"runtime": "cobol"}, "InvalidRuntime"),
        ("\n", {"version": "2"}, "InvalidVersion"),
    ],
)
def test_what_goes_wrong_in_code_is_said_before_anything_is_computed(
    code: str, changes: dict[str, str], expected: str
) -> None:
    graph = reduce_bands(code, **changes)
    with pytest.raises(EoceneError) as caught:
        eocene.run(graph, parameters={"cube": CUBE})
    assert caught.value.code == expected

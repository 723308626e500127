"""The same through whole plans: from stored images with a no-data number to the values of a result."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.process import make_plan
from tests.cube.scenes import TINY, make_archive, make_scene
from tests.process.dtypes import oracles
from tests.process.dtypes.cases import DTYPES, Case, agree, as_float, wide
from tests.process.dtypes.series import reduce_series
from tests.process.dtypes.values import compare
from tests.process.graphs import call

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive import Archive

STORED = [dtype for dtype in DTYPES if dtype != "bool"]
DAYS = ("2024-05-01", "2024-05-11", "2024-05-21")
NODATA = 7
BINARY = {**oracles.ARITHMETIC, **oracles.INDICES, **oracles.COMPARISONS}
NAMES = {"power": ("base", "p"), "log": ("x", "base"), "arctan2": ("y", "x")}


def make_numbers(dtype: str) -> np.ndarray:
    """Return (days, bands, rows, columns): mostly what the dtype can hold, some no-data, some NaN."""
    random = np.random.default_rng(7)
    if dtype.startswith("float"):
        pool = np.array([0, 1, -1, 2.5, 100, -3000.25, 1e6, NODATA, NODATA, np.nan, np.inf], dtype)
    else:
        info = np.iinfo(dtype)
        large = [info.max, info.min] if info.bits < 64 else [2**53, 2**40]
        pool = np.array([0, 1, 2, 3, 100, NODATA, NODATA, *large], dtype)
    return random.choice(pool, (len(DAYS), 2, *TINY.shape))


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    return {dtype: make_numbers(dtype) for dtype in STORED}


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory, images: dict[str, np.ndarray]) -> dict[str, Archive]:
    return {dtype: store(tmp_path_factory.mktemp(dtype), numbers) for dtype, numbers in images.items()}


def store(folder: Path, numbers: np.ndarray) -> Archive:
    return make_archive(
        folder,
        [
            make_scene(
                folder, day, f"{day}T10:00:00Z", TINY, dict(zip("xy", bands, strict=True)), nodata=NODATA
            )
            for day, bands in zip(DAYS, numbers, strict=True)
        ],
    )


def is_data(stored: np.ndarray) -> np.ndarray:
    """Tell what is data: a stored NaN is no-data, whatever else the image declares."""
    return (stored != NODATA) & ~np.isnan(stored)


def element(index: int) -> dict[str, Any]:
    return call("array_element", data={"from_parameter": "data"}, index=index)


def reduce(dimension: str, nodes: dict[str, Any]) -> dict[str, Any]:
    load = call("load_collection", id="tiny", spatial_extent=None, temporal_extent=None, bands=["x", "y"])
    data = {"from_node": "load"}
    reducer = {"process_graph": nodes}
    return {
        "load": load,
        "reduce": call("reduce_dimension", data=data, dimension=dimension, reducer=reducer, result=True),
    }


def gives(archive: Archive, graph: dict[str, Any], expected: Any, known: Any, dtype: str) -> bool:
    """Tell whether a graph has the promised dtype, in its plan and its result, and the expected values."""
    plan = make_plan(graph, archive)
    block = plan.compute(plan.schema.grid)
    case = Case("", "", "", {}, {}, expected, known, dtype)
    return str(block.values.dtype) == str(plan.schema.dtype) == dtype and agree(
        case, block.values, True if block.valid is None else block.valid
    )


@pytest.mark.parametrize("dtype", STORED)
def test_two_bands_are_combined_as_in_float64(
    dtype: str, archives: dict[str, Archive], images: dict[str, np.ndarray]
) -> None:
    x, y = images[dtype][:, 0], images[dtype][:, 1]
    for process, oracle in BINARY.items():
        names = NAMES.get(process, ("x", "y"))
        nodes = {"a": element(0), "b": element(1)}
        operands = {names[0]: {"from_node": "a"}, names[1]: {"from_node": "b"}}
        graph = reduce("bands", {**nodes, "c": call(process, **operands, result=True)})
        with np.errstate(all="ignore"):
            is_comparison = process in oracles.COMPARISONS
            expected = compare(oracle, x, y) if is_comparison else oracle(as_float(x), as_float(y))
        result = "bool" if is_comparison else wide(dtype)
        assert gives(archives[dtype], graph, expected, is_data(x) & is_data(y), result), process


@pytest.mark.parametrize("dtype", STORED)
def test_dates_are_reduced_as_in_float64(
    dtype: str, archives: dict[str, Archive], images: dict[str, np.ndarray]
) -> None:
    numbers = images[dtype]
    for (process, oracle), ignore in itertools.product(oracles.REDUCERS.items(), (True, False)):
        flat = numbers.reshape(len(DAYS), -1)
        answers = [reduce_series(oracle, as_float(s), is_data(s), ignore=ignore) for s in flat.T]
        known = np.array([a is not None for a in answers]).reshape(numbers.shape[1:])
        expected = np.array([0 if a is None else a for a in answers]).reshape(known.shape)
        only = call(process, data={"from_parameter": "data"}, ignore_nodata=ignore, result=True)
        graph = reduce("t", {"only": only})
        assert gives(archives[dtype], graph, expected, known, wide(dtype)), (process, ignore)


@pytest.mark.parametrize("dtype", STORED)
def test_ndvi_is_that_of_float64(
    dtype: str, archives: dict[str, Archive], images: dict[str, np.ndarray]
) -> None:
    red, nir = as_float(images[dtype][:, 0]), as_float(images[dtype][:, 1])
    graph = reduce("bands", {}) | {
        "reduce": call("ndvi", data={"from_node": "load"}, nir="y", red="x", result=True)
    }
    with np.errstate(all="ignore"):
        expected = (nir - red) / (nir + red)
    assert gives(archives[dtype], graph, expected, is_data(red) & is_data(nir), wide(dtype))


def test_the_ndvi_of_two_uint16_is_not_what_uint16_makes_of_it() -> None:
    from eocene.cube.block import Block
    from eocene.process import registry

    x, y = (Block(np.array([[v]], np.uint16), ("a", "b"), {"a": (0,), "b": (0,)}) for v in (100, 300))
    assert registry.get("normalized_difference").call({"x": x, "y": y}).values.item() == -0.5
    assert registry.get("subtract").call({"x": x, "y": y}).values.item() == -200
    assert not registry.get("gte").call({"x": x, "y": y}).values.item()

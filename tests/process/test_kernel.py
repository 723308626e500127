"""Convolution beside scipy, with each border, in every window alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from eocene.model import Grid, InputError
from tests.process.rasters import UTM32, assert_same_in_a_window, plan_of, random_cube

SCIPY = {"replicate": "nearest", "reflect": "reflect", "reflect_pixel": "mirror", "wrap": "grid-wrap"}

kernels = st.tuples(st.sampled_from([1, 3, 5, 7]), st.sampled_from([1, 3, 5, 7]), st.integers(0, 99)).map(
    lambda k: np.random.default_rng(k[2]).uniform(-2, 3, k[:2]).round(2).tolist()
)
borders = st.sampled_from([0, -3.5, *SCIPY])


def by_scipy(values: np.ndarray, kernel: Any, border: Any) -> np.ndarray:
    rule = {"mode": SCIPY[border]} if border in SCIPY else {"mode": "constant", "cval": border}
    weights = np.array(kernel, float)
    planes = values.astype(float).reshape(-1, *values.shape[-2:])
    return np.reshape([ndimage.correlate(p, weights, **rule) for p in planes], values.shape)


@given(kernels, borders, st.sampled_from([1, 0.25]), st.sampled_from([0, 7]), st.data())
@settings(max_examples=30, deadline=None)
def test_the_sum_is_that_of_scipy_in_every_window(
    kernel: Any, border: Any, factor: float, invalid: float, data: st.DataObject
) -> None:
    cube = random_cube()
    plan = plan_of(cube, "apply_kernel", kernel=kernel, border=border, factor=factor, replace_invalid=invalid)
    expected = by_scipy(cube.fillna(invalid).values, kernel, border) * factor
    assert np.allclose(plan.run().values, expected, rtol=1e-5, atol=1e-3)
    assert_same_in_a_window(plan, data)


@pytest.mark.parametrize("border", [5, *SCIPY])
def test_a_kernel_may_be_larger_than_the_cube(border: Any) -> None:
    cube = random_cube(grid=Grid(UTM32, 60_000, -520_000, 3, 2), share_missing=0)
    kernel = np.random.default_rng(0).uniform(0, 1, (9, 11)).tolist()
    found = plan_of(cube, "apply_kernel", kernel=kernel, border=border).run().values
    assert np.allclose(found, by_scipy(cube.values, kernel, border), rtol=1e-5)


def test_a_cube_of_one_pixel_is_its_own_mirror() -> None:
    cube = random_cube(grid=Grid(UTM32, 60_000, -520_000, 1, 1), share_missing=0)
    for border in SCIPY:
        found = plan_of(cube, "apply_kernel", kernel=[[1, 1, 1], [1, 1, 1], [1, 1, 1]], border=border).run()
        assert np.allclose(found.values, 9 * cube.values)


def test_the_kernel_is_laid_on_as_it_is_written() -> None:
    cube = random_cube(share_missing=0)
    found = plan_of(cube, "apply_kernel", kernel=[[0, 1, 0], [0, 0, 0], [0, 0, 0]]).run()
    assert np.array_equal(found.values[..., 1:, :], cube.values[..., :-1, :]), "the value north of each pixel"


@pytest.mark.parametrize(
    ("dtype", "expected"), [("uint16", "float32"), ("int32", "float64"), ("float64", "float64")]
)
def test_integers_are_summed_as_floats(dtype: str, expected: str) -> None:
    cube = random_cube(dtype=dtype)
    found = plan_of(cube, "apply_kernel", kernel=[[-1, 300, -1]]).run()
    assert found.dtype == expected
    assert np.allclose(found.values, by_scipy(cube.fillna(0).values, [[-1, 300, -1]], 0), rtol=1e-6)


def test_sums_are_exact_where_single_precision_would_not_be() -> None:
    cube = random_cube(dtype="uint16") * 0 + 40_001
    kernel = (np.ones((21, 21)) + 1e-3).tolist()
    found = plan_of(cube.astype("float32"), "apply_kernel", kernel=kernel, border="replicate").run()
    assert (found.values == np.float32(40_001 * 441 * 1.001)).all()


@pytest.mark.parametrize(
    ("kernel", "code"),
    [
        ([[1, 2], [3, 4]], "KernelDimensionsUneven"),
        ([[1, 2, 3], [1, 2]], "ProcessParameterInvalid"),
        ([], "ProcessParameterInvalid"),
        ([[]], "ProcessParameterInvalid"),
        ([["a"]], "ProcessParameterInvalid"),
        ([[None]], "ProcessParameterInvalid"),
    ],
)
def test_a_kernel_that_is_none_is_refused_before_reading(kernel: Any, code: str) -> None:
    with pytest.raises(InputError) as error:
        plan_of(random_cube(), "apply_kernel", kernel=kernel)
    assert error.value.code == code


def test_an_unknown_border_is_refused() -> None:
    with pytest.raises(InputError, match="reflect_pixel"):
        plan_of(random_cube(), "apply_kernel", kernel=[[1]], border="mirror")

"""Traced polygons beside counted pixels."""

from __future__ import annotations

import numpy as np
import rasterio.features
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eocene.cube.block import Block
from eocene.cube.edge import to_xarray
from eocene.cube.polygons import trace_polygons
from tests.cube.scenes import TINY

maps = arrays(np.uint8, TINY.shape, elements=st.integers(0, 3))


def as_map(numbers: np.ndarray) -> xr.DataArray:
    """Return a map of classes in which 0 is no-data."""
    return to_xarray(Block(numbers, ("y", "x"), {}, numbers != 0, TINY), TINY)


@given(maps)
def test_the_area_of_each_class_is_that_of_its_pixels(numbers: np.ndarray) -> None:
    polygons = trace_polygons(as_map(numbers))
    for value in (1, 2, 3):
        assert polygons[polygons.value == value].area.sum() == (numbers == value).sum() * 100.0
    assert not (polygons.value == 0).any()


@given(maps)
def test_burning_the_polygons_gives_the_map_again(numbers: np.ndarray) -> None:
    polygons = trace_polygons(as_map(numbers))
    burnt = np.zeros(TINY.shape, np.uint8)
    if len(polygons):
        shapes = zip(polygons.geometry, polygons.value, strict=True)
        burnt = rasterio.features.rasterize(
            shapes, TINY.shape, transform=Affine(*TINY.transform), dtype="uint8"
        )
    assert np.array_equal(burnt, numbers)
    assert polygons.is_valid.all()


def test_a_hole_stays_a_hole() -> None:
    numbers = np.ones(TINY.shape, np.uint8)
    numbers[3:5, 4:8] = 0
    (polygon,) = trace_polygons(as_map(numbers)).geometry
    assert len(polygon.interiors) == 1
    assert polygon.area == (9 * 12 - 8) * 100.0


def test_only_the_wanted_classes_and_large_patches_are_traced() -> None:
    numbers = np.zeros(TINY.shape, np.uint8)
    numbers[0, 0], numbers[2:4, 2:4], numbers[6, 6:11] = 1, 1, 2
    assert trace_polygons(as_map(numbers), [2]).area.tolist() == [500.0]
    large = trace_polygons(as_map(numbers), min_pixels=4)
    assert large.value.tolist() == [1, 2]
    assert large.id.tolist() == [1, 2]
    assert large.crs.to_epsg() == 32632


def test_an_empty_map_gives_an_empty_table() -> None:
    polygons = trace_polygons(as_map(np.zeros(TINY.shape, np.uint8)))
    assert len(polygons) == 0
    assert polygons.crs.to_epsg() == 32632

"""Cells of the global grid, beside its definition written out here and the package that names them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from majortom_eg import MajorTomGrid

from eocene.archive import Archive, Search
from eocene.archive.majortom import (
    CELLS,
    DISTANCE,
    MOST_CELLS,
    cells_at,
    find_cells,
    name_cells,
    widen_cells,
)
from eocene.model import InputError, Layout

FINE = MajorTomGrid(d=10_000, overlap=False)
LETTERS = "0123456789bcdefghjkmnpqrstuvwxyz"


def geohash(lon: float, lat: float) -> str:
    """Interleave halvings of longitude and latitude, five to a letter (Niemeyer 2008)."""
    low, high, bits = [-180.0, -90.0], [180.0, 90.0], []
    for number in range(55):
        axis = number % 2
        middle = (low[axis] + high[axis]) / 2
        above = (lon, lat)[axis] >= middle
        bits.append(above)
        (low if above else high)[axis] = middle
    return "".join(
        LETTERS[sum(bit << (4 - i) for i, bit in enumerate(bits[n : n + 5]))] for n in range(0, 55, 5)
    )


def cell_under(lon: float, lat: float, distance_m: float = 10_000) -> tuple[set[str], Any]:
    """Return names and place of the cell by the definition: rows of one height, columns by their length."""
    circumference = 2 * math.pi * 6_378_137
    rows = math.ceil(circumference / 2 / distance_m)
    height = 180 / rows
    south = math.floor(lat / height) * height
    columns = math.ceil(circumference * math.cos(math.radians(south)) / distance_m)
    width = 360 / columns
    west = math.floor(lon / width) * width
    # A centre may lie on the edge of a geohash, where the last bit of a double decides.
    nudges = [(dx, dy) for dx in (-1e-9, 1e-9) for dy in (-1e-9, 1e-9)]
    names = {geohash(west + width / 2 + dx, south + height / 2 + dy) for dx, dy in nudges}
    return names, shapely.box(west, south, west + width, south + height)


@settings(max_examples=200)
@given(lon=st.floats(-179.9, 179.9), lat=st.floats(-80, 80))
@example(lon=179.875, lat=63.0)  # the last column of its row, whose edge is at 180 degrees but for rounding
def test_a_point_lies_in_the_cell_of_the_definition(lon: float, lat: float) -> None:
    names, place = cell_under(lon, lat)
    if shapely.Point(lon, lat).distance(place.boundary) < 1e-6:
        return
    (name,), distance_m = find_cells(shapely.Point(lon, lat))
    assert name in names
    assert distance_m == 10_000
    assert list(cells_at(np.array([lon]), np.array([lat]))) == [name]
    assert FINE.cell_from_id(name).geom.symmetric_difference(place).area < 1e-9


@settings(max_examples=30)
@given(data=st.data())
def test_the_cells_of_an_area_are_those_that_it_touches(data: st.DataObject) -> None:
    lon, lat = data.draw(st.floats(-170, 170)), data.draw(st.floats(-85, 85))
    near = st.tuples(st.floats(lon - 0.6, lon + 0.6), st.floats(lat - 0.6, lat + 0.6))
    shape = shapely.MultiPoint(data.draw(st.lists(near, min_size=4, max_size=8))).convex_hull
    if shape.area < 1e-4:
        return
    around = FINE.generate_grid_cells(
        shapely.box(*shape.buffer(0.5).bounds).intersection(shapely.box(-180, -90, 180, 90))
    )
    expected = {cell.id() for cell in around if cell.geom.intersection(shape).area > 1e-9}
    touched = set(find_cells(shape)[0])
    assert expected <= touched
    assert all(FINE.cell_from_id(name).geom.distance(shape) < 1e-6 for name in touched)


def test_an_area_with_a_hole_or_of_two_parts_has_no_cells_between() -> None:
    ring = shapely.box(10, 45, 12, 46.5).difference(shapely.box(10.4, 45.4, 11.6, 46.1))
    assert not cell_under(11.0, 45.75)[0] & set(find_cells(ring)[0])
    two = shapely.union_all([shapely.box(179.5, 10, 180, 10.5), shapely.box(-180, 10, -179.5, 10.5)])
    names, _ = find_cells(two)
    assert cell_under(179.9, 10.2)[0] & set(names)
    assert cell_under(-179.9, 10.2)[0] & set(names)
    assert len(names) < 100


@pytest.mark.parametrize(
    ("box", "distance_m"),
    [((10, 45, 11, 46), 10_000), ((0, 40, 12, 52), 100_000), ((-180, -90, 180, 90), 1_000_000)],
)
def test_large_items_name_few_cells_of_a_coarser_grid(box: Any, distance_m: int) -> None:
    names, found = find_cells(shapely.box(*box))
    assert found == distance_m
    assert 0 < len(names) <= MOST_CELLS
    assert len(names) == len(set(names))


def test_a_cell_on_the_antimeridian_has_both_its_names_on_either_side() -> None:
    east, west = (find_cells(shapely.Point(lon, 1.02))[0] for lon in (179.99, -179.99))
    assert east == west
    assert len(east) == 2
    assert set(cells_at(np.array([179.99, -179.99]), np.array([1.02, 1.02]))) == set(east)


def test_no_cell_lies_beyond_a_pole() -> None:
    names, _ = find_cells(shapely.box(10, 89.99, 10.1, 90))
    assert len(names) == 1
    assert find_cells(shapely.Point(10.05, 90))[0] == names


def item(name: str, geometry: Any) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": name, "collection": "c", "links": [], "assets": {},
        "geometry": geometry, "properties": {"datetime": "2024-05-01T00:00:00Z"},
    }  # fmt: skip


def test_items_are_found_by_a_cell_whatever_their_size(tmp_path: Any) -> None:
    boxes = {"field": (11.0, 45.7, 11.01, 45.71), "tile": (10.5, 45, 11.8, 46), "country": (6, 40, 18, 49)}
    boxes |= {"world": (-180, -90, 180, 90), "elsewhere": (20, 45, 21, 46)}
    archive = Archive(Layout(tmp_path))
    archive.catalogue.put_collection({"id": "c", "type": "Collection"})
    made = [name_cells(item(k, shapely.geometry.mapping(shapely.box(*b)))) for k, b in boxes.items()]
    archive.catalogue.put_items(made)
    (cell,) = cell_under(11.005, 45.705)[0]
    found = archive.catalogue.search(Search(cells=widen_cells([cell])))
    assert {i["id"] for i in found} == {"field", "tile", "country", "world"}
    assert {i["id"]: i["properties"][DISTANCE] for i in found}["country"] == 100_000
    archive.close()


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        7,
        {},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": 3},
        {"type": "Polygon", "coordinates": []},
        {"type": "Point", "coordinates": [200.0, 10.0]},
        {"type": "Point", "coordinates": [float("nan"), 10.0]},
        {"type": "Point", "coordinates": [0, 1e300]},
    ],
)
def test_an_item_without_a_geometry_that_can_be_read_stays_as_it_is(geometry: Any) -> None:
    assert name_cells(item("i", geometry)) == item("i", geometry)


@pytest.mark.parametrize("name", ["", "x", "u0p06bjjx5a", "zzzzzzzzzzy", "00000000001", "é" * 11, "s" * 12])
def test_what_is_no_cell_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="Major TOM"):
        widen_cells([name])


def test_cells_that_were_named_before_are_named_anew() -> None:
    given = item("i", shapely.geometry.mapping(shapely.Point(11.005, 45.705)))
    given["properties"][CELLS] = ["old"]
    assert name_cells(given)["properties"][CELLS] == list(cell_under(11.005, 45.705)[0])

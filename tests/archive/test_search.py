"""Searches find exactly what a plain loop over the items finds."""

from __future__ import annotations

import datetime as dt
import json
from itertools import chain

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box, shape

from eocene.archive import Search
from eocene.model import InputError, TimeSpan

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def _instant(minutes: int) -> str:
    return (START + dt.timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def items(products):
    """Six hundred items: boxes, triangles, antimeridian boxes, intervals, holes in the properties."""
    rng = np.random.default_rng(7)
    made = []
    for i in range(600):
        west, south = rng.uniform(-180, 176), rng.uniform(-88, 86)
        width, height = rng.uniform(0, 4, 2)
        item = products.make_item(
            f"i{i:03d}",
            collection="s2" if i % 3 else "s1",
            bbox=(west, south, west + width, south + height),
            properties={
                "datetime": _instant(int(rng.integers(0, 1000))),
                "platform": ["sentinel-2a", "sentinel-2b", "x*[y]"][i % 3],
                "gsd": int(rng.integers(1, 5)) * 10,
                "flag": bool(i % 2),
            },
        )
        if i % 4:
            item["properties"]["eo:cloud_cover"] = round(float(rng.uniform(0, 100)), 1)
        if i % 5 == 0:
            corner = [west + width, south + height]
            item["geometry"]["coordinates"] = [[[west, south], [west + width, south], corner, [west, south]]]
        if i % 7 == 0:
            item["properties"] |= {"start_datetime": _instant(i), "end_datetime": _instant(i + 60)}
        if i % 50 == 0:
            item["bbox"] = [179.0, south, -179.0, south + height]
            halves = [box(179, south, 180, south + height), box(-180, south, -179, south + height)]
            item["geometry"] = json.loads(shapely.to_geojson(shapely.MultiPolygon(halves)))
        made.append(item)
    return made


class World:
    """A catalogue and the items in it; hypothesis shall not print them."""

    def __init__(self, catalogue, items):
        self.search, self.count, self.items = catalogue.search, catalogue.count, items

    def __repr__(self):
        return f"World of {len(self.items)} items"


@pytest.fixture(scope="module")
def world(items, products, open_catalogue):
    made = open_catalogue()
    for name in ("s1", "s2"):
        made.put_collection(products.collection | {"id": name})
    made.put_items(items)
    return World(made, items)


def _times(item):
    properties = item["properties"]
    first = properties.get("start_datetime", properties["datetime"])
    last = properties.get("end_datetime", properties["datetime"])
    return np.datetime64(first.rstrip("Z"), "s"), np.datetime64(last.rstrip("Z"), "s")


def _brute_force(items, keep):
    found = [item for item in items if keep(item)]
    return sorted(found, key=lambda i: (-_times(i)[0].astype(int), i["id"], i["collection"]))


def _ids(found):
    return [item["id"] for item in found]


boxes = st.tuples(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 60)).map(
    lambda b: (b[0], b[1], b[2], min(90.0, b[1] + b[3]))
)


@given(bbox=boxes)
def test_a_bbox_finds_what_shapely_finds(world, bbox):
    west, south, east, north = bbox
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    # The hull of four corners is a point or line where the box has no area.
    hulls = [shapely.MultiPoint([(w, south), (w, north), (e, south), (e, north)]) for w, e in spans]
    regions = [hull.convex_hull for hull in hulls]
    expected = _brute_force(
        world.items, lambda item: any(region.intersects(shape(item["geometry"])) for region in regions)
    )
    assert _ids(world.search(Search(bbox=bbox))) == _ids(expected)
    assert world.count(Search(bbox=bbox, limit=1)) == len(expected)


@given(which=st.integers(0, 599), nudge=st.sampled_from([-1e-9, 0.0, 1e-9]))
def test_a_box_that_only_touches_is_found_to_the_last_bit_though_the_tree_rounds(world, which, nudge):
    bounds = shape(world.items[which]["geometry"]).bounds
    east = bounds[0] + nudge
    west = east - 1e-4
    if west < -180:
        return
    region = box(west, bounds[1], east, bounds[3])
    expected = _brute_force(world.items, lambda item: region.intersects(shape(item["geometry"])))
    assert _ids(world.search(Search(bbox=(west, bounds[1], east, bounds[3])))) == _ids(expected)


@given(
    centre=st.tuples(st.floats(-170, 170), st.floats(-80, 80)),
    sides=st.integers(3, 9),
    radius=st.floats(0.1, 9),
    start=st.integers(0, 1000),
    minutes=st.integers(1, 500),
)
def test_a_polygon_and_a_time_span_find_what_a_loop_finds(world, centre, sides, radius, start, minutes):
    turns = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    polygon = shapely.Polygon(np.c_[centre[0] + radius * np.cos(turns), centre[1] + radius * np.sin(turns)])
    first = np.datetime64("2024-01-01", "s") + np.timedelta64(start, "m")
    span = TimeSpan(first, first + np.timedelta64(minutes, "m"))

    def keep(item):
        begin, end = _times(item)
        return begin < span.end and end >= span.start and polygon.intersects(shape(item["geometry"]))

    found = world.search(Search(intersects=json.loads(shapely.to_geojson(polygon)), span=span))
    assert _ids(found) == _ids(_brute_force(world.items, keep))


def test_collections_and_ids_narrow_the_search(world):
    query = Search(collections=("s1",), ids=("i000", "i003", "i001", "unknown"))
    assert sorted(_ids(world.search(query))) == ["i000", "i003"]


def test_pages_are_disjoint_and_make_the_whole(world):
    whole = _ids(world.search(Search()))
    pages = [_ids(world.search(Search(limit=70, offset=o))) for o in range(0, 700, 70)]
    assert list(chain(*pages)) == whole
    assert len(set(whole)) == 600
    filtered = Search(filter="S_INTERSECTS(geometry, BBOX(-180,-90,0,90))")
    some = _ids(world.search(filtered))
    paged = [
        _ids(world.search(Search(filter=filtered.filter, limit=50, offset=o))) for o in range(0, 600, 50)
    ]
    assert list(chain(*paged)) == some
    assert 100 < len(some) < 600


def test_sorting_by_a_property_puts_items_without_it_last(world):
    found = world.search(Search(sortby=("-eo:cloud_cover", "+id")))
    covers = [item["properties"].get("eo:cloud_cover") for item in found]
    known = [cover for cover in covers if cover is not None]
    assert covers == sorted(known, reverse=True) + [None] * 150
    by_gsd = world.search(Search(sortby=("properties.gsd", "-id"), limit=100))
    assert by_gsd == sorted(by_gsd, key=lambda i: i["properties"]["gsd"])


def _p(item, name):
    return item["properties"].get(name)


LAND = shapely.Polygon([(0, 0), (90, 0), (90, 80)])


def _cloud(item):
    """The cloud cover, or NaN, which no comparison holds for."""
    return item["properties"].get("eo:cloud_cover", float("nan"))


FILTERS = [
    ("eo:cloud_cover < 40", lambda i: _cloud(i) < 40),
    ("NOT (eo:cloud_cover < 40)", lambda i: _cloud(i) >= 40),
    ("eo:cloud_cover IS NULL", lambda i: _cloud(i) != _cloud(i)),
    ("eo:cloud_cover IS NOT NULL AND gsd = 20", lambda i: _cloud(i) >= 0 and _p(i, "gsd") == 20),
    (
        "platform = 'sentinel-2a' OR gsd >= 40",
        lambda i: _p(i, "platform") == "sentinel-2a" or _p(i, "gsd") >= 40,
    ),
    ("platform LIKE 'sentinel-2_'", lambda i: _p(i, "platform").startswith("sentinel-2")),
    ("platform LIKE 'SENTINEL%'", lambda i: False),
    ("platform LIKE 'x*[%'", lambda i: _p(i, "platform") == "x*[y]"),
    ("CASEI(platform) = CASEI('SENTINEL-2B')", lambda i: _p(i, "platform") == "sentinel-2b"),
    ("platform IN ('sentinel-2a', 'x*[y]')", lambda i: _p(i, "platform") != "sentinel-2b"),
    ("gsd BETWEEN 20 AND 30", lambda i: 20 <= _p(i, "gsd") <= 30),
    ("gsd + 10 > 40", lambda i: _p(i, "gsd") + 10 > 40),
    ("platform > 5", lambda i: False),
    ("gsd = 'x'", lambda i: False),
    ("flag = true", lambda i: _p(i, "flag")),
    ("nothing = 1", lambda i: False),
    ("id = 'i007'", lambda i: i["id"] == "i007"),
    ("collection = 's1' AND gsd <> 10", lambda i: i["collection"] == "s1" and _p(i, "gsd") != 10),
    ("datetime >= TIMESTAMP('2024-01-01T08:20:00Z')", lambda i: _p(i, "datetime") >= "2024-01-01T08:20:00Z"),
    (
        "S_INTERSECTS(geometry, POLYGON((0 0, 90 0, 90 80, 0 0))) AND gsd > 10",
        lambda i: LAND.intersects(shape(i["geometry"])) and _p(i, "gsd") > 10,
    ),
]


@pytest.mark.parametrize(("text", "keep"), FILTERS, ids=[text for text, _ in FILTERS])
def test_a_filter_keeps_what_python_keeps_as_text_and_as_json(world, text, keep):
    import cql2

    expected = _ids(_brute_force(world.items, keep))
    assert _ids(world.search(Search(filter=text))) == expected
    assert _ids(world.search(Search(filter=cql2.parse_text(text).to_json()))) == expected
    assert world.count(Search(filter=text)) == len(expected)


@pytest.mark.parametrize(
    "text",
    [
        "eo:cloud_cover <",
        "1; DROP TABLE items",
        "x",
        "(" * 5000 + "gsd = 1" + ")" * 5000,
        "')" + "(" * 5000,
        "NOT " * 3000 + "gsd = 1",
        "gsd = 1 OR " * 4000 + "gsd = 1",
        {"foo": 1},
        {"op": "=", "args": [{"property": "gsd"}, {1, 2}]},
        "soundex(platform) = 's1'",
        {"op": "not", "args": [{"op": "near", "args": [{"property": "geometry"}, 1]}]},
    ],
    ids=[
        "cut",
        "injection",
        "no condition",
        "deep",
        "deep after a quote",
        "nots",
        "long",
        "no op",
        "no JSON",
        "unknown function",
        "unknown operator",
    ],
)
def test_what_is_not_cql2_is_an_input_error(world, text):
    with pytest.raises(InputError, match="not CQL2") as caught:
        world.search(Search(filter=text))
    assert caught.value.code == "FilterInvalid"


@pytest.mark.parametrize("name", ["x' OR 1=1 --", 'x") OR 1=1 --', "a; DROP TABLE items", "é", "a.b"])
def test_hostile_names_and_values_are_only_ever_data(world, name):
    for arguments in ([{"property": name}, "v"], [{"property": "platform"}, name]):
        assert world.search(Search(filter={"op": "=", "args": arguments})) == []
    assert world.search(Search(ids=(name,), collections=(name,))) == []
    assert world.count(Search()) == 600


@pytest.mark.parametrize(
    "wrong",
    [
        {"bbox": (0, 10, 1, 5)},
        {"bbox": (0, 0, 1)},
        {"bbox": (float("nan"), 0, 1, 1)},
        {"bbox": (0, 0, 1, 91)},
        {"bbox": (0, 0, 1, 1), "intersects": {"type": "Point", "coordinates": [0, 0]}},
        {"intersects": {"type": "Point"}},
        {"intersects": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]}},
        {"sortby": ("datetime; DROP TABLE items",)},
        {"sortby": ("geometry",)},
        {"limit": -1},
        {"offset": -1},
    ],
)
def test_a_wrong_search_is_an_input_error(world, wrong):
    with pytest.raises(InputError):
        world.search(Search(**wrong))

from __future__ import annotations

import json

import numpy as np
import pytest

from eocene.curate.features import Check, FeatureStore, FeatureView
from eocene.model import DamageError, InputError, NotFoundError
from eocene.process import make_plan

pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")


def graph(bands=("B04", "B08"), **extent):
    arguments = {"id": "sentinel-2-l2a", "bands": list(bands), **extent}
    return {"load": {"process_id": "load_collection", "arguments": arguments, "result": True}}


@pytest.fixture
def store(archive, tmp_path) -> FeatureStore:
    return FeatureStore(tmp_path / "features", archive)


@pytest.fixture
def view() -> FeatureView:
    checks = (Check("B04", minimum=-0.2, maximum=1.6, most_missing=0.9),)
    return FeatureView("red-nir", "field team", graph(), ("B04", "B08"), "Surface reflectance.", checks)


@pytest.fixture
def points(archive):
    grid = make_plan(graph(), archive).grid
    return grid.x[[40, 60, 61]] + 2.0, grid.y[[50, 70, 71]] - 2.0, grid.epsg


def test_a_view_is_found_by_name_and_by_id_and_versions_stay(store, view):
    first = store.define(view)
    assert store.define(view) == first
    second = store.define(FeatureView("red-nir", "field team", graph(["B08"]), ("B08",)))
    assert store.list() == sorted([first, second])
    assert store.view("red-nir").bands == ("B08",)
    assert store.view(first) == view
    with pytest.raises(NotFoundError, match="red-nir"):
        store.view("blue")


def test_a_schema_that_the_graph_does_not_give_and_a_changed_view_are_refused(store, view):
    with pytest.raises(InputError, match="not \\('B08', 'B04'\\)"):
        store.define(FeatureView("turned", "me", graph(), ("B08", "B04")))
    name = store.define(view)
    path = store.folder / "views" / f"{name}.json"
    told = json.loads(path.read_text())
    told["view"]["owner"] = "somebody"
    path.write_text(json.dumps(told))
    with pytest.raises(DamageError, match="was changed"):
        store.view(name)


def test_values_are_those_of_the_graph_and_are_made_once(store, view, points, archive):
    store.define(view)
    made = store.materialise("red-nir", *points)
    before = {p: p.stat().st_mtime_ns for p in store.folder.rglob("*")}
    assert store.materialise("red-nir", *points).id == made.id
    assert {p: p.stat().st_mtime_ns for p in store.folder.rglob("*")} == before
    plan = make_plan(graph(), archive)
    for x, y, values in zip(made.x, made.y, made.read().features, strict=True):
        expected = plan.read_point(x, y, points[2]).transpose("t", "bands").to_numpy()
        np.testing.assert_array_equal(values, expected)


def test_values_are_made_anew_where_the_items_are_others(store, points, archive):
    times = [str(t)[:10] for t in make_plan(graph(), archive).schema.times]
    names = [
        store.define(FeatureView("part", "me", graph(temporal_extent=[times[0], end]), ("B04", "B08")))
        for end in (times[2], "2025-01-01")
    ]
    assert store.materialise(names[0], *points).id != store.materialise(names[1], *points).id


def test_values_that_break_a_check_are_not_given_out(store, points):
    store.define(FeatureView("dark", "me", graph(), ("B04", "B08"), checks=(Check("B08", maximum=0.0),)))
    with pytest.raises(InputError, match="B08 lie outside"):
        store.materialise("dark", *points)


def test_a_join_gives_what_was_known_then(store, view, points, archive):
    store.define(view)
    plan = make_plan(graph(), archive)
    cube = plan.read().transpose("y", "x", "t", "bands")
    dates = cube["t"].to_numpy().astype("datetime64[s]")
    x, y, epsg = points
    asked = np.array([dates[1] + 86_400, dates[0] - 86_400, dates[3] + 86_400])
    found = store.join("red-nir", x, y, epsg, asked)
    for k in range(3):
        series = cube.sel(x=x[k], y=y[k], method="nearest").to_numpy()
        usable = [t for t in range(4) if dates[t] <= asked[k] and not np.isnan(series[t]).all()]
        if usable:
            np.testing.assert_array_equal(found.values[k], series[usable[-1]])
            assert found.times[k] == dates[usable[-1]]
        else:
            assert np.isnan(found.values[k]).all()
            assert np.isnat(found.times[k])


def test_drift_is_none_from_values_to_themselves(store, view, points):
    store.define(view)
    made = store.materialise("red-nir", *points)
    assert set(store.drift(made, made)) == {"B04", "B08"}
    assert all(v >= 0 for v in store.drift(made, made).values())

"""Samples out of plans: every one has the pixels, the label and the items of its place."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from eocene.curate import Dataset, Draw, FeatureLabels, RasterLabels, Recipe, build_dataset
from eocene.model import Grid, InputError
from eocene.process import make_plan

pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")
BANDS = ["B04", "B08"]


def load(archive, collection, bands, lattice=None, **extent):
    arguments = {"id": collection, "bands": bands, **extent}
    graph = {"load": {"process_id": "load_collection", "arguments": arguments, "result": True}}
    return make_plan(graph, archive, lattice=lattice)


@pytest.fixture(scope="module")
def plan(archive):
    return load(archive, "sentinel-2-l2a", BANDS)


@pytest.fixture(scope="module")
def truth(plan, archive):
    """The whole cube and the whole label raster, read by xarray's door."""
    labels = load(archive, "reference", ["classes"], plan.grid.lattice)
    return plan.read(), labels.read(plan.grid).isel(t=0, bands=0).to_numpy(), labels


@pytest.fixture(scope="module")
def raster(truth):
    return RasterLabels(truth[2], "reference:classes", {1: "wheat"})


def pixel_of(dataset: Dataset, plan):
    return dataset.columns["row"] - plan.grid.top, dataset.columns["column"] - plan.grid.left


@pytest.fixture(scope="module")
def series(plan, raster, tmp_path_factory):
    draw = Draw("series", per_stratum=40, seed=5)
    return build_dataset(tmp_path_factory.mktemp("sets"), Recipe({"features": plan}, raster, draw))


def test_a_series_has_the_numbers_the_label_and_the_place_of_its_pixel(series, plan, truth):
    row, column = pixel_of(series, plan)
    cube, labels, _ = truth
    expected = cube.transpose("y", "x", "t", "bands").to_numpy()[row, column]
    np.testing.assert_array_equal(series.read().features, expected)
    np.testing.assert_array_equal(series.labels, labels[row, column])
    np.testing.assert_allclose(series.x, cube["x"].to_numpy()[column])
    np.testing.assert_allclose(series.y, cube["y"].to_numpy()[row])
    counts = {int(v): int((labels == v).sum()) for v in np.unique(labels[np.isfinite(labels)])}
    assert max(series.counts.values()) == 40
    assert set(series.counts) <= set(counts)
    assert series.class_names[1] == "wheat"


def test_what_is_missing_and_when_it_was_seen_are_columns(series, plan, truth):
    row, column = pixel_of(series, plan)
    cube = truth[0]
    gone = cube.isnull().all("bands").transpose("y", "x", "t").to_numpy()[row, column]
    np.testing.assert_allclose(series.columns["cloud"], gone.mean(axis=1), rtol=1e-6)
    times = cube["t"].to_numpy().astype("datetime64[s]")
    first = [times[~g][0] for g in gone]
    assert series.columns["time_start"].tolist() == [t.item() for t in first]
    middle = [times[~g][(len(times[~g]) - 1) // 2] for g in gone]
    assert series.columns["time"].tolist() == [t.item() for t in middle]
    assert set(series.columns["season"]) <= {"DJF", "MAM", "JJA", "SON"}


def test_each_sample_names_the_items_that_cover_it(series, plan):
    shapes = {f"{i['collection']}/{i['id']}": shapely.geometry.shape(i["geometry"]) for i in plan.items}
    points = gpd.GeoSeries(gpd.points_from_xy(series.x, series.y), crs=series.epsg).to_crs(4326)
    sets = series.sources["item_sets"]
    for name, point in zip(series.columns["item"], points, strict=True):
        told = set(sets.get(name, [name]))
        near = {item for item, shape in shapes.items() if shape.distance(point) < 1e-9}
        assert told == near
    assert set(series.columns["sensor"]) == {"sentinel-2"}
    assert set(series.columns["label_source"]) == {"reference:classes"}


def test_purity_is_the_share_of_neighbours_with_the_same_label(series, plan, truth):
    labels = np.pad(truth[1], 1, constant_values=np.nan)
    row, column = pixel_of(series, plan)
    windows = [labels[r : r + 3, c : c + 3] for r, c in zip(row, column, strict=True)]
    expected = [(w == label).sum() / 9 for w, label in zip(windows, series.labels, strict=True)]
    np.testing.assert_allclose(series.columns["purity"], expected, rtol=1e-6)


def test_chips_hold_all_dates_and_the_share_of_each_class(plan, raster, truth, tmp_path):
    chips = build_dataset(tmp_path, Recipe({"features": plan}, raster, Draw("chips", edge=16)))
    cube, labels, _ = truth
    row, column = pixel_of(chips, plan)
    assert ((chips.columns["row"] % 16 == 0) & (chips.columns["column"] % 16 == 0)).all()
    assert chips.layers["features"].shape == (4, 2, 16, 16)
    read = chips.read()
    for k in range(0, len(chips), 7):
        here = (slice(row[k], row[k] + 16), slice(column[k], column[k] + 16))
        np.testing.assert_array_equal(read.features[k], cube.to_numpy()[(..., *here)])
        known = labels[here][np.isfinite(labels[here])]
        assert chips.columns["labelled"][k] == pytest.approx(known.size / 256)
        shares = {v: chips.columns[f"fraction_{v}"][k] for v in chips.class_names}
        assert shares == {v: pytest.approx((known == v).mean()) for v in shares}
        assert shares[chips.labels[k]] == max(shares.values()) == chips.columns["purity"][k]


def test_a_class_that_leads_no_chip_has_its_share_all_the_same(plan, tmp_path):
    grid = plan.grid
    field = shapely.box(grid.x[0], grid.y[47], grid.x[47], grid.y[0])
    pond = shapely.box(grid.x[20], grid.y[22], grid.x[22], grid.y[20])
    table = gpd.GeoDataFrame(
        {"class": ["field", "pond"]}, geometry=[field.difference(pond), pond], crs=grid.epsg
    )
    labels = FeatureLabels.of(table, "class", grid.epsg, "test")
    chips = build_dataset(tmp_path, Recipe({"features": plan}, labels, Draw("chips", edge=16)))
    shares = {name: chips.columns[name] for name in chips.columns if name.startswith("fraction_")}
    assert len(shares) == 2
    np.testing.assert_allclose(sum(shares.values()), 1, rtol=1e-6)
    assert 0 < min(share.max() for share in shares.values()) <= 9 / 256
    assert set(chips.labels.tolist()) == {1}


def test_the_same_draw_is_the_same_data_set_whatever_the_threads(plan, raster, series, tmp_path):
    recipe = Recipe({"features": plan}, raster, Draw("series", per_stratum=40, seed=5))
    assert build_dataset(tmp_path, recipe, workers=1).id == series.id
    again = build_dataset(tmp_path, Recipe({"features": plan}, raster, Draw("series", per_stratum=40)))
    assert again.id != series.id


def test_points_and_polygons_label_the_pixels_that_they_cover(plan, truth, tmp_path):
    grid = plan.grid
    field = shapely.box(grid.x[20], grid.y[40], grid.x[30], grid.y[30])  # from centre to centre
    place = shapely.Point(grid.x[60] + 3, grid.y[70] - 3)
    table = gpd.GeoDataFrame(
        {"crop": ["rye", "oats"], "seen": np.array(["2024-05-01", "2024-06-01"], "datetime64[s]")},
        geometry=[field, place], crs=grid.epsg,
    ).to_crs(4326)  # fmt: skip
    labels = FeatureLabels.of(table, "crop", grid.epsg, "walk.gpkg", time="seen")
    made = build_dataset(tmp_path, Recipe({"features": plan}, labels, Draw("series")))
    row, column = pixel_of(made, plan)
    names = [made.class_names[v] for v in made.labels.tolist()]
    found = set(zip(names, row.tolist(), column.tolist(), strict=True))
    inner = {("rye", r, c) for r in range(31, 40) for c in range(21, 30)}
    edge = {("rye", r, c) for r in range(30, 41) for c in range(20, 31)} | {("oats", 70, 60)}
    assert inner | {("oats", 70, 60)} <= found <= edge  # the edge turns on the rounding of degrees
    oats = names.index("oats")
    assert made.columns["label_source"][oats] == "walk.gpkg#1"
    assert made.columns["label_time"][oats] == np.datetime64("2024-06-01")


def test_two_sensors_are_two_layers_of_the_same_places(archive, plan, raster, tmp_path):
    radar = load(archive, "sentinel-1-grd", ["VV"], plan.grid.lattice)
    stored = {"optical": {"dtype": "uint16", "scale": 1e-4, "offset": -0.1, "nodata": 0}}
    recipe = Recipe({"optical": plan, "radar": radar}, raster, Draw("series", per_stratum=20), stored=stored)
    made = build_dataset(tmp_path, recipe)
    row, column = pixel_of(made, plan)
    whole = radar.read(Grid(plan.grid.lattice, plan.grid.left, plan.grid.top, *plan.grid.shape[::-1]))
    expected = whole.transpose("y", "x", "t", "bands").to_numpy()[row, column]
    np.testing.assert_array_equal(made.read(layer="radar").features, expected)
    optical = plan.read().transpose("y", "x", "t", "bands").to_numpy()[row, column]
    np.testing.assert_allclose(made.read(layer="optical").features, optical, atol=1e-6)
    assert set(made.columns["sensor"]) == {"sentinel-1+sentinel-2"}


def test_what_cannot_be_drawn_is_refused(plan, truth, tmp_path):
    far = shapely.box(0, 0, 1, 1)
    labels = FeatureLabels(np.array([far]), np.array([1]), "far")
    with pytest.raises(InputError, match="Nothing in the area"):
        build_dataset(tmp_path, Recipe({"features": plan}, labels))
    with pytest.raises(InputError, match="cannot be 'cubes'"):
        Draw("cubes")
    with pytest.raises(InputError, match="No chip"):
        build_dataset(tmp_path, Recipe({"features": plan}, labels, Draw("chips", edge=5000)))
    assert not list(tmp_path.iterdir())

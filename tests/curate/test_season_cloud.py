"""Samples of single dates, drawn by class, region, season and cloud from the user's own doors."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Dataset, Draw
from eocene.learn.features import node, unclear_nodes
from eocene.model import InputError
from eocene.testing.simulate import simulate_archive

pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")
BY = ("label", "region", "season", "cloud")
EDGE = 16
SEASONS = {12: "DJF", 1: "DJF", 2: "DJF", 3: "MAM", 4: "MAM", 5: "MAM", 6: "JJA", 7: "JJA", 8: "JJA"}

GRAPH = {
    "load": node("load_collection", id="sentinel-2-l2a", bands=["B04", "B08", "SCL"]),
    **unclear_nodes("load"),
    "bands": node("filter_bands", data={"from_node": "load"}, bands=["B04", "B08"]),
    "clear": node("mask", data={"from_node": "bands"}, mask={"from_node": "unclear"}, result=True),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("season")
    simulate_archive(folder / "products", size=128, dates=11, seed=3)
    with eocene.open(folder / "desk") as workspace:
        workspace.ingest(folder / "products")
        (folder / "graph.json").write_text(json.dumps(GRAPH))
        yield workspace, folder


@pytest.fixture(scope="module")
def truth(desk):
    """The cube and the classes on its pixels, as xarray reads them: nothing of the sampling is used."""
    plan = desk[0].plan(GRAPH)
    load = {"load": node("load_collection", id="reference", result=True)}
    from eocene.process import make_plan

    classes = make_plan(load, desk[0].archive, lattice=plan.grid.lattice).read(plan.grid)
    return plan, plan.read(), classes.squeeze().transpose("y", "x").to_numpy()


def tell(truth, top: int, left: int, date: int):
    """Return class, region, season and quarter of cloud of a chip on a date, None without any value."""
    plan, cube, classes = truth
    here = cube.isel(t=date, y=slice(top, top + EDGE), x=slice(left, left + EDGE))
    there = classes[top : top + EDGE, left : left + EDGE]
    if bool(here.isnull().all()) or not np.isfinite(there).any():
        return None
    counts = Counter(there[np.isfinite(there)].astype(int).tolist())
    label = min(value for value, count in counts.items() if count == max(counts.values()))
    x, y = float(here["x"].mean()), float(here["y"].mean())
    cloud = float(here.isnull().all("bands").mean())
    month = int(here["t"].dt.month)
    region = f"{plan.grid.epsg}:{int(x // 1e5)}:{int(y // 1e5)}"
    return label, region, SEASONS.get(month, "SON"), min(int(cloud * 4), 3)


def list_all(truth):
    """Yield what every chip on the absolute grid of chips is on every date."""
    plan, cube, _ = truth
    grid = plan.grid
    first = (-grid.top % EDGE, -grid.left % EDGE)
    for top in range(first[0], grid.height - EDGE + 1, EDGE):
        for left in range(first[1], grid.width - EDGE + 1, EDGE):
            for date in range(cube.sizes["t"]):
                told = tell(truth, top, left, date)
                if told is not None:
                    yield (top, left, date), told


def test_each_stratum_of_class_region_season_and_cloud_gives_as_many_as_it_has_up_to_the_number(desk, truth):
    draw = Draw("chips", EDGE, per_stratum=3, by=BY, dates="each", pool=1000)
    made = desk[0].sample(GRAPH, "reference:classes", draw)
    expected = Counter(told for _, told in list_all(truth))
    assert len({told[2] for told in expected}) > 1
    assert len({told[3] for told in expected}) > 1
    found = [made.columns[name].tolist() for name in ("region", "season", "cloud")]
    quarters = [min(int(cloud * 4), 3) for cloud in found[2]]
    drawn = Counter(zip(made.labels.tolist(), found[0], found[1], quarters, strict=True))
    assert drawn == {told: min(3, count) for told, count in expected.items()}


def test_every_sample_is_what_its_place_is_on_its_date(desk, truth):
    draw = Draw("chips", EDGE, per_stratum=2, by=BY, dates="each", seed=4)
    made = desk[0].sample(GRAPH, "reference:classes", draw, pixel_labels=True)
    plan, cube, classes = truth
    pixels, labels = made.read().features, made.read(layer="labels").features
    items = defaultdict(set)
    for item in plan.items:
        items[item["properties"]["datetime"][:10]].add(f"{item['collection']}/{item['id']}")
    for row in range(len(made)):
        top = int(made.columns["row"][row]) - plan.grid.top
        left = int(made.columns["column"][row]) - plan.grid.left
        day = made.columns["time"][row].astype("datetime64[D]")
        date = int(np.flatnonzero(cube["t"].to_numpy().astype("datetime64[D]") == day)[0])
        window = {"y": slice(top, top + EDGE), "x": slice(left, left + EDGE)}
        np.testing.assert_array_equal(pixels[row], cube.isel(t=date, **window).to_numpy())
        np.testing.assert_array_equal(labels[row], classes[window["y"], window["x"]])
        assert tell(truth, top, left, date)[0] == made.labels[row]
        read = made.columns["item"][row]
        assert set(made.sources["item_sets"].get(read, [read])) <= items[str(day)]


def test_the_same_seed_draws_the_same_samples_whatever_the_blocks_are(desk):
    draw = Draw("pixels", per_stratum=4, by=("label", "season", "cloud"), dates="each", seed=2)
    first, again = (desk[0].sample(GRAPH, "reference:classes", draw) for _ in range(2))
    assert first.id == again.id
    assert max(Counter(zip(first.labels.tolist(), first.columns["season"], strict=True)).values()) <= 4


def test_posts_with_place_and_time_label_the_date_next_to_them_and_fractions_are_exported(
    desk, truth, tmp_path
):
    workspace, folder = desk
    _, cube, _ = truth
    posts = write_posts(folder / "posts.jsonl", cube)
    workspace.ingest(folder / "posts.jsonl", collection="posts")
    told = run("dataset", "build", folder / "graph.json", "--labels", "table:posts:crop", "--time", "time",
               "--dates", "label", "--name", "posts", "-w", folder / "desk")  # fmt: skip
    made = Dataset.open(workspace.layout.datasets / told["id"])
    assert set(made.class_names.values()) == {"maize", "wheat"}
    times = cube["t"].to_numpy().astype("datetime64[s]")
    assert 0 < len(made) <= len(posts)
    for row in range(len(made)):
        number = int(made.columns["label_source"][row].split("#")[1])
        kind, seen = posts[number]
        assert made.class_names[int(made.labels[row])] == kind
        assert made.columns["label_time"][row] == seen
        pixel = cube.sel(x=made.x[row], y=made.y[row], method="nearest").transpose("t", "bands").to_numpy()
        valued = np.flatnonzero(~np.isnan(pixel).all(axis=1))
        nearest = min(valued, key=lambda k: abs(times[k] - seen))
        assert made.columns["time"][row] == times[nearest]

    told = run("dataset", "build", folder / "graph.json", "--labels", "reference:classes", "--kind", "chips",
               "--edge", EDGE, "--per-class", 3, "--by", "label", "--by", "season", "--by", "cloud",
               "--dates", "each", "--pixel-labels", "-w", folder / "desk")  # fmt: skip
    run("dataset", "export", told["id"], "-o", tmp_path / "chips.parquet", "-w", folder / "desk")
    table = pq.read_table(tmp_path / "chips.parquet").to_pandas()
    shares = table[[name for name in table if name.startswith("fraction_")]]
    assert shares.shape[1] > 1
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert run("dataset", "show", told["id"], "-w", folder / "desk")["layers"].keys() == {
        "features",
        "labels",
    }


def test_what_cannot_be_drawn_says_what_to_do(desk):
    with pytest.raises(InputError, match="a series has all"):
        Draw("series", dates="each")
    with pytest.raises(InputError, match="tell no time"):
        desk[0].sample(GRAPH, "reference:classes", Draw(dates="label", per_stratum=5))
    with pytest.raises(InputError, match="no column 'time'"):
        desk[0].sample(GRAPH, "reference:classes", time="time")
    with pytest.raises(InputError, match="beside chips only"):
        desk[0].sample(GRAPH, "reference:classes", pixel_labels=True)


def write_posts(path, cube):
    """Write 30 posts at pixels of the cube on days of its year; return class and time of each."""
    from pyproj import Transformer

    rng = np.random.default_rng(1)
    to_degrees = Transformer.from_crs(cube.attrs.get("crs", 32631), 4326, always_xy=True)
    first = cube["t"].to_numpy()[0].astype("datetime64[s]")
    lines, told = [], []
    chosen = rng.choice(cube.sizes["y"] * cube.sizes["x"], 30, replace=False)
    for number, (row, column) in enumerate(zip(*divmod(chosen, cube.sizes["x"]), strict=True)):
        lon, lat = to_degrees.transform(float(cube["x"][column]), float(cube["y"][row]))
        seen = first + np.timedelta64(int(rng.integers(0, 90 * 86_400)), "s")
        kind = "maize" if number % 3 else "wheat"
        place = {"type": "Point", "coordinates": [lon, lat]}
        lines.append(json.dumps({"crop": kind, "time": f"{seen}Z", "geometry": place}))
        told.append((kind, seen))
    path.write_text("\n".join(lines) + "\n")
    return told


def run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)

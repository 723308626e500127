"""The commands keep views, make their values, and join what was known: as the store does in Python."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.model import EoceneError
from eocene.testing.simulate import simulate_archive

pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")
GRAPH = {
    "load": {
        "process_id": "load_collection",
        "arguments": {"id": "sentinel-2-l2a", "bands": ["B04", "B08"]},
        "result": True,
    }
}
VIEW = {"name": "red-nir", "owner": "field team", "graph": GRAPH, "bands": ["B04", "B08"]}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A workspace with scenes and twenty posts in their middle."""
    folder = tmp_path_factory.mktemp("features")
    simulate_archive(folder / "products", size=128, dates=3, seed=3)
    with eocene.open(folder / "desk") as workspace:
        workspace.ingest(folder / "products")
        box = workspace.search("sentinel-2-l2a")[0].bbox
        rng = np.random.default_rng(0)
        lon, lat = (rng.uniform(0.7 * low + 0.3 * high, 0.3 * low + 0.7 * high, 20)
                    for low, high in ((box[0], box[2]), (box[1], box[3])))  # fmt: skip
        lines = [
            json.dumps({"time": f"2024-04-{number + 1:02d}T12:00:00Z",
                        "geometry": {"type": "Point", "coordinates": [float(x), float(y)]}})
            for number, (x, y) in enumerate(zip(lon, lat, strict=True))
        ]  # fmt: skip
        (folder / "posts.jsonl").write_text("\n".join(lines))
        workspace.ingest(folder / "posts.jsonl", collection="posts")
    (folder / "view.json").write_text(json.dumps(VIEW))
    return folder


def run(desk, *words):
    result = CliRunner().invoke(app, ["features", *map(str, words), "-w", str(desk / "desk")])
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


def test_a_view_is_defined_listed_shown_made_and_joined(desk, tmp_path):
    made = run(desk, "define", desk / "view.json")["id"]
    assert run(desk, "list") == [{"id": made, "owner": "field team", "bands": ["B04", "B08"]}]
    assert run(desk, "show", "red-nir")["graph"] == GRAPH
    told = run(desk, "materialise", "red-nir", "--at", "table:posts")
    assert 0 < told["with_values"] <= told["places"] == 20
    assert set(told["statistics"]) == {"B04", "B08"}
    assert run(desk, "materialise", made, "--at", "table:posts") == told

    answer = run(desk, "join", "red-nir", "--at", "table:posts", "-o", tmp_path / "known.parquet")
    table = pq.read_table(tmp_path / "known.parquet").to_pandas()
    assert len(table) == answer["rows"] == 20
    with eocene.open(desk / "desk") as ws:
        posts = ws.table("posts")
        times = posts["time"].dt.tz_localize(None).to_numpy().astype("datetime64[s]")
        known = ws.features.join("red-nir", posts.geometry.x, posts.geometry.y, 4326, times)
    np.testing.assert_array_equal(table[["B04", "B08"]].to_numpy(), known.values)
    assert answer["with_values"] == int((~np.isnat(known.times)).sum()) > 0
    assert (table["known"].dropna() <= table["asked"][table["known"].notna()]).all()


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("show", "smell"), "no view 'smell'"),
        (("define", "missing.json"), "is no view"),
        (("materialise", "red-nir", "--at", "table:parcels"), "has no points"),
        (("materialise", "red-nir", "--at", "nowhere"), "no data set 'nowhere'"),
        (("join", "red-nir", "--at", "table:posts", "--time", "hour", "-o", "a.csv"), "no column 'hour'"),
    ],
)
def test_what_is_wrong_is_named(desk, words, fault):
    run(desk, "define", desk / "view.json")
    with pytest.raises(EoceneError, match=fault):
        run(desk, *words)

"""A plan as a tree: each line of it is a promise that the plan keeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.process import make_plan
from eocene.process.cost.explain import footprint_of
from tests.process.graphs import call, callback
from tests.process.invariance.strategies import finish, mapper
from tests.process.invariance.world import make_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive import Archive
    from eocene.workspace import Workspace


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    archive = make_world(tmp_path_factory.mktemp("seam"))
    yield archive
    archive.close()


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


LOAD = call("load_collection", id="tiny", bands=["red", "nir", "scl"])
CLOUDS = {
    "scl": call("filter_bands", data=ref("load"), bands=["scl"]),
    "clouds": call("reduce_dimension", data=ref("scl"), dimension="bands", reducer=callback("max")),
}
BRANCHED: dict[str, Any] = {
    "load": LOAD,
    **CLOUDS,
    "index": call("ndvi", data=ref("load")),
    "clear": call("mask", data=ref("index"), mask=ref("clouds")),
    "mean": call("reduce_dimension", data=ref("clear"), dimension="t", reducer=callback("mean")),
}


def test_a_tree_runs_from_the_result_to_what_is_read_and_shows_each_node_once(archive: Archive) -> None:
    grid = "EPSG:32632 at 10 m"
    size = make_plan(finish(BRANCHED, "mean"), archive).schema.shape
    y, x = f"y {size[-2]}", f"x {size[-1]}"
    lines = str(make_plan(finish(BRANCHED, "mean"), archive).explain()).splitlines()
    assert lines[:10] == [
        f"mean: reduce_dimension  [{y} × {x}; float32; {grid}; along t]",
        f"clear: mask  [t 6 × {y} × {x}; float32; {grid}; pixel]",
        f"├─ data = index: ndvi  [t 6 × {y} × {x}; float32; {grid}; pixel]",
        f"│  load: load_collection  [t 6 × bands 3 × {y} × {x}; uint16; {grid}; read]",
        "│      12 items on 6 dates, 2024-04-03 to 2024-07-22",
        "│      bands red, nir, scl of 4",
        lines[6],
        f"└─ mask = clouds: reduce_dimension  [t 6 × {y} × {x}; float32; {grid}; pixel]",
        f"   scl: filter_bands  [t 6 × bands 1 × {y} × {x}; uint16; {grid}; pixel]",
        "   load, as above",
    ]
    assert lines[6].startswith("│      at full resolution; ")
    assert lines[6].endswith(" stored")


def test_the_tree_ends_with_how_it_is_cut_and_what_it_costs(archive: Archive) -> None:
    text = str(make_plan(finish({"load": LOAD}, "load"), archive).explain())
    assert "\ncut: 1 × 1 blocks of 512 × 512 pixels, " in text
    for name in ("bytes read", "peak memory", "processor time", "memory budget"):
        assert f"\n{name}: " in text


KERNEL = [[1, 1, 1]] * 3
FOOTPRINTS: dict[str, tuple[dict[str, Any], str]] = {
    "apply": (call("apply", data=ref("load"), process=mapper("absolute")), "pixel"),
    "dates": (
        call("apply_dimension", data=ref("load"), dimension="t", process=callback("cumsum")),
        "along t",
    ),
    "kernel": (call("apply_kernel", data=ref("load"), kernel=KERNEL), "neighbourhood of 3 pixels"),
    "all": (call("reduce_spatial", data=ref("load"), reducer=callback("mean")), "whole"),
}


@pytest.mark.parametrize("name", FOOTPRINTS)
def test_a_node_says_which_part_of_its_input_it_needs(archive: Archive, name: str) -> None:
    node, expected = FOOTPRINTS[name]
    plan = make_plan(finish({"load": LOAD, "end": node}, "end"), archive)
    assert footprint_of(plan.nodes.by_id["end"]) == expected


def test_resampling_says_from_how_many_pixels(archive: Archive) -> None:
    node = call("resample_spatial", data=ref("load"), resolution=40, method="average")
    plan = make_plan(finish({"load": LOAD, "coarse": node}, "coarse"), archive)
    assert footprint_of(plan.nodes.by_id["coarse"]) == "resampled from 4 × 4 pixels"


def test_a_stage_says_that_it_is_one_and_where_it_is_kept(archive: Archive) -> None:
    graph = {"load": LOAD, "all": call("reduce_spatial", data=ref("load"), reducer=callback("mean"))}
    text = str(make_plan(finish(graph, "all"), archive).explain())
    assert "a stage: computed once from the whole of its input" in text
    assert "kept in memory" in text
    assert "cut: not at all: the result has no pixels" in text


def test_a_plan_is_shown_in_notebooks_and_as_plain_values(archive: Archive) -> None:
    explanation = make_plan(finish(BRANCHED, "mean"), archive).explain()
    html = explanation._repr_html_()
    assert html.count("<details") == 7  # a node each, and the load that is referred to
    assert "<script" not in html
    nodes = json.loads(json.dumps(explanation.to_dict()))["nodes"]
    assert [n["id"] for n in nodes][-1] == "mean"
    assert nodes[-1]["inputs"] == [["data", "clear"]]


def test_names_of_nodes_are_escaped(archive: Archive) -> None:
    html = make_plan(finish({"<b>": LOAD}, "<b>"), archive).explain()._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_a_plain_value_is_explained_too() -> None:
    text = str(eocene.explain({"sum": call("add", x=1, y=2, result=True)}))
    assert text.strip().startswith("cut: not at all")


def test_a_deep_chain_stays_in_its_column(archive: Archive) -> None:
    graph: dict[str, Any] = {"n0": LOAD}
    for number in range(1, 40):
        inner = mapper("multiply", y=1)
        graph[f"n{number}"] = call("apply", data=ref(f"n{number - 1}"), process=inner)
    lines = str(make_plan(finish(graph, "n39"), archive).explain()).splitlines()
    assert all(line.startswith("n") for line in lines[:40])


def test_the_command_line_prints_the_tree_or_json(world: Workspace, tmp_path: Path) -> None:
    graph = tmp_path / "graph.json"
    load = call("load_collection", id="sentinel-2-l2a", bands=["B04"], result=True)
    graph.write_text(json.dumps({"load": load}))
    command = ["explain", str(graph), "--workspace", str(world.layout.root)]
    tree = CliRunner().invoke(app, command)
    assert tree.stdout.startswith("load: load_collection  [t ")
    plain = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert plain["estimate"]["bytes_read"] > 0
    assert [n["process"] for n in plain["nodes"]] == ["load_collection"]

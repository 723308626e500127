"""A package gives what the command line and the API give, by checksum."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eocene.jobs import run_worker
from eocene.jobs.packaging import fill_parameters, make_package
from eocene.model import InputError
from tests.command import SCRIPT, call

AREA = {"west": 11.98, "south": 48.29, "east": 11.99, "north": 48.30}
PROCESS = {
    "id": "ndvi",
    "summary": "NDVI of an area",
    "process_graph": {
        "load": {
            "process_id": "load_collection",
            "arguments": {
                "id": "sentinel-2-l2a",
                "spatial_extent": {"from_parameter": "area"},
                "temporal_extent": {"from_parameter": "span"},
                "bands": ["B04", "B08"],
            },
        },
        "ndvi": {"process_id": "own_ndvi", "arguments": {"data": {"from_node": "load"}}, "result": True},
    },
    "parameters": [
        {"name": "area", "description": "Costs $(much) and ${more}.", "schema": {"type": "object"}},
        {"name": "span", "schema": {"type": "array"}, "default": ["2024-03-01", "2024-04-01"]},
        {"name": "label", "schema": {"type": "string"}, "default": "5"},
        {"name": "strict", "schema": {"type": "boolean"}, "default": False},
    ],
    "processes": {
        "own_ndvi": {
            "process_graph": {
                "n": {
                    "process_id": "ndvi",
                    "arguments": {"data": {"from_parameter": "data"}, "nir": "B08", "red": "B04"},
                    "result": True,
                }
            },
            "parameters": [{"name": "data", "schema": {}}],
        },
        "never_called": {"process_graph": {"n": {"process_id": "pi", "arguments": {}, "result": True}}},
    },
}


def find_runner():
    """The script of cwltool: that of this environment, or that of CWLTOOL."""
    beside = Path(sys.executable).with_name("cwltool")
    found = os.environ.get("CWLTOOL") or (str(beside) if beside.exists() else shutil.which("cwltool"))
    if not found:
        pytest.skip("cwltool is not installed (pip install cwltool)")
    return found


def digests(folder):
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.tif"))


@pytest.fixture
def graph_file(tmp_path):
    path = tmp_path / "ndvi.json"
    path.write_text(json.dumps(PROCESS))
    return path


def test_package_command_line_and_api_give_the_same_files(world, simulated_world, graph_file, tmp_path):
    area = json.dumps(AREA)
    said = call("run", graph_file, "-w", world.layout.root, "-p", f"area={area}", "-o", tmp_path / "cli")
    assert said.json["items"] == 3

    package = tmp_path / "ndvi.cwl"
    assert call("package", graph_file, "-o", package).json["id"] == "ndvi"
    inputs = tmp_path / "inputs.json"
    products = [{"class": "Directory", "location": str(simulated_world.folder)}]
    inputs.write_text(json.dumps({"area": area, "products": products, "label": 'a "b" 7', "strict": True}))
    environment = os.environ | {"PATH": f"{Path(SCRIPT).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [find_runner(), "--no-container", "--outdir", tmp_path / "out", f"{package}#ndvi", inputs],
        capture_output=True, text=True, check=False, timeout=200, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    catalogue = json.loads((tmp_path / "out" / "results" / "catalog.json").read_text())
    assert catalogue["links"][0]["href"] == "./collection.json"

    flat = {**PROCESS["process_graph"], "ndvi": PROCESS["processes"]["own_ndvi"]["process_graph"]["n"]}
    flat["ndvi"] = flat["ndvi"] | {"arguments": {"data": {"from_node": "load"}, "nir": "B08", "red": "B04"}}
    filled = [p | ({"default": AREA} if p["name"] == "area" else {}) for p in PROCESS["parameters"]]
    job = world.jobs.create({"process_graph": flat, "parameters": filled})
    world.jobs.queue(job.id)
    run_worker(world.archive, world.jobs, once=True)

    api = digests(world.jobs.results_folder(job.id))
    assert len(api) == 3
    assert digests(tmp_path / "cli") == api
    assert digests(tmp_path / "out" / "results") == api


def test_a_package_carries_only_what_its_graph_calls_and_no_expression():
    package = make_package(PROCESS, "ndvi", PROCESS["processes"])
    workflow, tool = package["$graph"]
    assert (workflow["class"], tool["class"], tool["baseCommand"]) == (
        "Workflow",
        "CommandLineTool",
        ["eocene", "run"],
    )
    (entry,) = tool["requirements"]["InitialWorkDirRequirement"]["listing"]
    assert "$" not in entry["entry"]
    carried = json.loads(entry["entry"])
    assert carried["process_graph"] == PROCESS["process_graph"]
    assert carried["parameters"] == PROCESS["parameters"]
    assert list(carried["processes"]) == ["own_ndvi"]
    assert workflow["inputs"]["area"]["type"] == "string"
    assert workflow["inputs"]["strict"] == {"type": ["null", "boolean"], "doc": "strict", "default": False}


def test_texts_become_the_values_that_the_process_wants():
    given = [("label", "7"), ("strict", "true"), ("area", '{"west": 1}')]
    values = fill_parameters(PROCESS, given)
    assert values == {"label": "7", "strict": True, "area": {"west": 1}, "span": ["2024-03-01", "2024-04-01"]}


@pytest.mark.parametrize(
    ("process", "name", "why"),
    [
        ({}, "a", "no process graph"),
        (PROCESS, "a b", "the name"),
        (PROCESS | {"parameters": [{"name": "a b"}]}, "a", "the parameter"),
    ],
)
def test_what_cannot_be_packaged_is_refused_with_its_reason(process, name, why):
    with pytest.raises(InputError, match=why):
        make_package(process, name)


def test_results_are_not_written_over_something(world, graph_file, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    said = call(
        "run", graph_file, "-w", world.layout.root, "-p", f"area={json.dumps(AREA)}", "-o", tmp_path / "full"
    )
    assert said.code == 2
    assert "new or empty folder" in said.err
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"

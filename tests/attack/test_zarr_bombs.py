"""No Zarr group takes more than twice the memory that may be taken, whatever its chunks and metadata say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from eocene.testing.faults import FaultServer
from tests.attack.zarr_bombs import CHUNKS, DOCUMENTS, write_good, write_honest

if TYPE_CHECKING:
    from pathlib import Path

BUDGET = 80_000_000

_CHILD = """
import json, re, sys
from pathlib import Path
import numpy as np
from eocene.archive.fetch import Door
from eocene.archive.fetch.policy import Policy
from eocene.archive.fetch.urls import parse_url
from eocene.archive.opening import open_raster
from eocene.archive.product import IngestOptions
from eocene.archive.raster import ZARR
from eocene.archive.readers.zarr import READER
from eocene.model import EoceneError

folder, url, cases = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
place = parse_url(url + "/")
doors = {str(folder): Door.of([folder]), url: Door((), Policy((place,), frozenset({place.host})))}

def kilobytes(field):
    return int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def read(base, case):
    asset = {
        "href": f"{base}/{case['name']}/{case['file']}", "type": ZARR, "eocene:variable": "v",
        "proj:code": "EPSG:32632", "proj:transform": [10, 0, 500_000, 0, -10, 5_400_000],
        "eocene:place": case["place"],
    }
    raster = open_raster(asset, doors[base])
    return raster.read(raster.levels[0])

def look(case):
    told = {}
    ways = {"ingest": lambda: list(READER.read_product(folder / case["name"], IngestOptions("2024-05-01")))}
    ways |= {"read": lambda: read(str(folder), case), "read there": lambda: read(url, case)}
    for way, look in ways.items():
        try:
            found = look()
            told[way] = int(found.sum(dtype="i8")) if isinstance(found, np.ndarray) else "taken"
        except EoceneError as error:
            told[way] = str(error)
    return told

answers = {}
for case in (cases[0], *cases):  # first, libraries are loaded and their first memory is taken
    Path("/proc/self/clear_refs").write_text("5")
    before = kilobytes("VmRSS")
    told = look(case)
    answers[case["name"]] = told | {"grown": (kilobytes("VmHWM") - before) * 1024}
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> dict[str, Any]:
    """What became of each group in a process of its own: its values summed, or the error of each way."""
    folder = tmp_path_factory.mktemp("groups")
    cases = []
    for name, make in {"good": write_good, "honest": write_honest, **CHUNKS, **DOCUMENTS}.items():
        path = folder / f"g{len(cases)}_20240501.zarr"
        make(path)
        file = next(name for name in ("zarr.json", ".zgroup") if (path / name).is_file())
        place = [0] if name == "honest" or "bands" in name else []
        cases.append({"title": name, "name": path.name, "file": file, "place": place})
    with FaultServer(folder) as server:
        answer = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _CHILD, str(folder), server.url, json.dumps(cases)],
            env={"EOCENE_MEMORY": str(BUDGET), "PYTHONPATH": str(repository / "src")},
            capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    told = json.loads(answer.stdout.splitlines()[-1])
    return {case["title"]: told[case["name"]] | {"file": case["name"]} for case in cases}


@pytest.mark.parametrize("way", ["read", "read there"])
@pytest.mark.parametrize("name", CHUNKS)
def test_a_chunk_that_unpacks_to_more_than_its_metadata_say_is_refused_by_name(
    name: str, way: str, answers: dict[str, Any]
) -> None:
    if name.startswith("bands"):
        way = "ingest"  # nobody reads their names later
    error = answers[name][way]
    assert isinstance(error, str)
    assert error != "taken"
    assert answers[name]["file"] in error
    assert re.search(r"v/c/[01]/[01]|v/[01]\.[01]|band/0", error)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_metadata_that_would_burst_memory_are_refused(name: str, answers: dict[str, Any]) -> None:
    told = answers[name]
    refused = [told[way] for way in ("ingest", "read", "read there") if isinstance(told[way], str)]
    assert "taken" not in refused
    assert refused
    assert all(told["file"] in error for error in refused)


def test_none_takes_more_than_twice_what_may_be_taken(answers: dict[str, Any]) -> None:
    assert {n: told["grown"] for n, told in answers.items() if told["grown"] > 2 * BUDGET} == {}


def test_honest_chunks_are_read_one_after_the_other_where_all_at_once_would_be_too_much(
    answers: dict[str, Any],
) -> None:
    whole = sum(n % 256 for n in range(1800)) * 10 * 2000
    assert (answers["honest"]["read"], answers["honest"]["read there"]) == (whole, whole)
    once = sum(n % 1000 for n in range(600 * 600))
    assert (answers["good"]["read"], answers["good"]["read there"]) == (once, once)

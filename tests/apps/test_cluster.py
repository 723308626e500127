"""The demonstration on a cluster: the same bytes as on one machine, though two of its hosts are lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from tests.command import SCRIPT

from eocene.apps.cluster.compare import compare, digest_run
from eocene.model import UnavailableError
from eocene.testing.hosts import check_namespaces
from eocene.testing.postgres import find_programs

FIGURES = {
    "outputs": {"ndvi": "results/j-1", "map": "results/j-2", "dataset": "datasets/d", "model": "models/m",
                "parcels": "results/parcels.parquet"},
    "pixels": 5, "seconds": 1.5, "steps": [],
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A workspace with files where a run would leave its outputs."""
    files = {
        "results/j-1/2024-05_data.tif": "may", "results/j-1/cube.zarr/zarr.json": "{}",
        "results/j-1/cube.zarr/data/c/0/0": "chunk", "results/j-2/j-2_class.tif": "classes",
        "results/j-2/cube.zarr/zarr.json": "{}", "results/parcels.parquet": "parcels",
        "datasets/d/dataset.json": "samples", "models/m/model.onnx": "model",
    }  # fmt: skip
    for name, text in files.items():
        path = tmp_path / "workspace" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "workspace"


def test_what_a_server_gives_out_is_compared_with_what_lies_in_a_workspace(run, tmp_path):
    expected = digest_run(run, FIGURES)
    assert "ndvi: 2024-05_data.tif" in expected
    assert "map: map_class.tif" in expected
    other = {**FIGURES, "seconds": 9.0, "outputs": {**FIGURES["outputs"], "map": "results/j-7"}}
    downloads = tmp_path / "downloads"
    for old, new in (("j-1", "j-1"), ("j-2", "j-7")):
        shutil.copytree(run / "results" / old, downloads / new, ignore=shutil.ignore_patterns("cube.zarr"))
        with zipfile.ZipFile(downloads / new / "cube.zarr.zip", "w") as packed:
            for path in sorted((run / "results" / old / "cube.zarr").rglob("*"), reverse=True):
                packed.write(path, path.relative_to(run / "results" / old / "cube.zarr"))
    (downloads / "j-7" / "j-2_class.tif").rename(downloads / "j-7" / "j-7_class.tif")
    assert all(row.is_equal for row in compare(expected, digest_run(run, other, downloads)))


@pytest.mark.parametrize(
    "name",
    ["results/j-1/2024-05_data.tif", "results/j-1/cube.zarr/data/c/0/0", "datasets/d/dataset.json",
     "models/m/model.onnx", "results/parcels.parquet"],
)  # fmt: skip
def test_one_changed_file_is_one_difference(run, name):
    expected = digest_run(run, FIGURES)
    (run / name).write_text("other")
    differing = [row for row in compare(expected, digest_run(run, FIGURES)) if not row.is_equal]
    assert len(differing) == 1


def test_missing_files_and_other_figures_are_differences(run):
    expected = digest_run(run, FIGURES)
    (run / "results/j-1/2024-05_data.tif").unlink()
    found = digest_run(run, {**FIGURES, "pixels": 6})
    rows = {row.name: row for row in compare(expected, found) if not row.is_equal}
    assert list(rows) == ["figures: pixels", "ndvi: 2024-05_data.tif"]
    assert rows["ndvi: 2024-05_data.tif"].cluster is None


@pytest.mark.long
@pytest.mark.timeout(1260)
@pytest.mark.parametrize("hosts", ["namespaces", "loopback"])
def test_a_cluster_that_loses_two_hosts_makes_what_one_machine_makes(tmp_path, hosts):
    pytest.importorskip("swift", reason="OpenStack Swift is not installed")
    try:
        find_programs()
        if hosts == "namespaces":
            check_namespaces()
    except UnavailableError as error:
        pytest.skip(str(error))
    options = ["--folder", str(tmp_path / "d"), "--size", "256"] + ["--loopback"] * (hosts == "loopback")
    done = subprocess.run(
        [SCRIPT, "demo-cluster", *options], capture_output=True, text=True, check=False, timeout=1200
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-6000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["equal"]
    assert found["outputs"] == 16
    assert {loss["kind"] for loss in found["lost"]} == {"Dask worker", "job worker"}
    assert "killed (SIGKILL)" in done.stdout
    assert "DIFFERS" not in done.stdout

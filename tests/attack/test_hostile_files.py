"""No file, however it is made, leads outside, runs anything, waits for ever or fills the memory."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import geopandas
import h5py
import numpy as np
import pytest
import shapely

import eocene
from eocene.testing.faults import FaultServer
from tests.attack.bombs import BOMBS
from tests.attack.entries import make_file_entries, refuses
from tests.attack.traps import TRAPS, make_tiff
from tests.attack.watching import FolderWatch, watch_python

HARMLESS = {"a_raster_with_links_beside_it", "features of a server", "an_item_whose_assets_lie_outside"}
"""Of these, something may be read: the part that is not hostile."""
_LONGEST_S = 30


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """A folder outside with good files of every kind, which no trap may lead to."""
    folder = tmp_path_factory.mktemp("outside") / "secret"
    make_tiff(folder / "s_20240501.tif")
    frame = geopandas.GeoDataFrame({"time": ["2024-05-01"]}, geometry=[shapely.Point(5, 50)], crs=4326)
    frame.to_parquet(folder / "s.parquet")
    (folder / "s.geojson").write_text(frame.to_json())
    (folder / "catalog.json").write_text(
        '{"type": "Catalog", "id": "s", "stac_version": "1.1.0", "links": []}'
    )
    with h5py.File(folder / "s.nc", "w") as file:
        file["v"], file["y"] = np.ones((64, 64)), np.arange(64.0)
    return folder


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    with FaultServer(tmp_path_factory.mktemp("canary")) as server:
        yield server


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with eocene.open(tmp_path_factory.mktemp("trapped") / "workspace") as opened:
        yield opened


@contextmanager
def time_limit(what):
    """Raise if the block waits for ever."""

    def stop(*_):
        raise TimeoutError(f"{what} took longer than {_LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(_LONGEST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_there_are_more_than_forty_traps():
    assert len(TRAPS) + len(BOMBS) >= 60


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("name", TRAPS)
def test_no_file_leads_outside_through_any_entry(name, workspace, secret, canary, tmp_path):
    entries = make_file_entries(workspace)
    for place in (workspace.layout.files / tmp_path.name, tmp_path / "product"):
        place.mkdir(parents=True)
        path = TRAPS[name](place, secret, canary.url)
        watch = FolderWatch(secret)
        with watch_python() as seen, time_limit(name):
            taken = [entry for entry, enter in entries.items() if not refuses(enter, path)]
        touched = watch.touched()
        watch.close()
        assert touched == []
        assert name in HARMLESS or taken == []
        assert seen.connected == seen.resolved == seen.started == []
        forbidden = ("/etc/passwd", "/dev", "/proc/self/mem", str(secret))
        assert [path for path in seen.opened if path.startswith(forbidden)] == []
    assert canary.requests == 0
    assert not (secret / "ran").exists()


_CHILD = """
import json, os, re, sys
from pathlib import Path
import eocene
from tests.attack.entries import make_file_entries, refuses

def kilobytes(field):
    return int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

workspace = eocene.open(sys.argv[1])
entries = make_file_entries(workspace)
good = Path(sys.argv[2])
for enter in entries.values():  # libraries are loaded and their first memory is taken
    refuses(enter, good)
told = {}
for path in map(Path, sys.argv[3:]):
    Path("/proc/self/clear_refs").write_text("5")
    before = kilobytes("VmRSS")
    taken = [name for name, enter in entries.items() if not refuses(enter, path)]
    told[path.parent.name] = {"taken": taken, "grown": (kilobytes("VmHWM") - before) * 1024}
print(json.dumps(told))
"""


def test_bombs_are_refused_by_their_headers(tmp_path, repository):
    """The budget is 80 MB; reading any of them would take more than 200, most of them a gigabyte."""
    budget = 80_000_000
    files = tmp_path / "workspace" / "files"
    with eocene.open(tmp_path / "workspace"):
        good = make_tiff(files / "good" / "good_20240501.tif")
    paths = []
    for name, make in BOMBS.items():
        (files / name).mkdir()
        paths.append(make(files / name))
        assert paths[-1].stat().st_size < 3_000_000
    variables = {"EOCENE_MEMORY": str(budget), "PYTHONPATH": f"{repository / 'src'}:{repository}"}
    answer = subprocess.run(
        [sys.executable, "-c", _CHILD, str(tmp_path / "workspace"), str(good), *map(str, paths)],
        env=variables, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    told = json.loads(answer.stdout.splitlines()[-1])
    assert set(told) == set(BOMBS)
    assert {name: facts["taken"] for name, facts in told.items() if facts["taken"]} == {}
    assert {name: facts["grown"] for name, facts in told.items() if facts["grown"] > 2 * budget} == {}

"""Materialised areas as files: nothing goes under a reader's hands, and a kill leaves the old or the new."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.command import call

import eocene
from eocene.archive.hot.area import HotArea, HotPart, read_area, write_area
from eocene.archive.hot.index import HotAreas
from eocene.model import DamageError, Grid, InputError, Lattice, NotFoundError, StateError

if TYPE_CHECKING:
    from eocene.testing.simulate import SimulatedArchive
    from eocene.workspace import Workspace

S2 = "sentinel-2-l2a"
GRID = Grid(Lattice(32631, (10.0, 10.0)), 3, 4, 5, 6)


def put(areas: HotAreas, name: str, size: int, used: float) -> HotArea:
    """Put an area with one part of so many bytes, used last at a time."""
    area = HotArea(
        name, "c", GRID, (0, 0, 1, 1), None, {"a": "uint8"}, parts=(HotPart("part-1", 512, 1, size),)
    )
    (areas.path(area) / "part-1").mkdir(parents=True)
    (areas.path(area) / "part-1" / "data").write_bytes(b"x" * size)
    areas.put(area)
    os.utime(areas.path(area) / "used", (used, used))
    return area


def test_an_area_is_read_as_it_was_written(tmp_path: Path) -> None:
    areas = HotAreas(tmp_path / "hot")
    area = put(areas, "a", 10, 5.0)
    assert list(HotAreas(tmp_path / "hot")) == [area]
    assert areas.last_used(area) == 5.0
    (tmp_path / "area.json").write_bytes(write_area(area))
    assert read_area(tmp_path / "area.json") == area


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": 1}', b'{"format": 99}', b"\xff"])
def test_a_record_that_cannot_be_read_is_no_area(tmp_path: Path, content: bytes) -> None:
    areas = HotAreas(tmp_path / "hot")
    area = put(areas, "a", 10, 5.0)
    (areas.path(area) / "area.json").write_bytes(content)
    assert list(areas) == []


def test_the_least_recently_used_areas_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    areas = HotAreas(tmp_path / "hot")
    for name, used in (("a", 30.0), ("b", 10.0), ("c", 20.0)):
        put(areas, name, 1000, used)
    monkeypatch.setenv("EOCENE_HOT", "3 kB")
    new = HotArea("d", "c", GRID, (0, 0, 1, 1), None, {"a": "uint8"})
    areas.make_room(new, 1500)
    assert [area.name for area in areas] == ["a"]


def test_what_is_being_read_does_not_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    areas, other = HotAreas(tmp_path / "hot"), HotAreas(tmp_path / "hot")
    put(areas, "a", 1000, 30.0)
    put(areas, "b", 1000, 10.0)
    monkeypatch.setenv("EOCENE_HOT", "2 kB")
    new = HotArea("d", "c", GRID, (0, 0, 1, 1), None, {"a": "uint8"})
    with areas.reading(areas["b"]) as there:
        assert there
        with pytest.raises(StateError, match="being read"):
            other.drop("b")
        other.make_room(new, 500)
        assert [area.name for area in areas] == ["b"]
        with pytest.raises(InputError) as caught:
            other.make_room(new, 1500)
        assert caught.value.code == "StorageExceeded"
        assert (areas.folder / "b" / "part-1" / "data").stat().st_size == 1000
    other.drop("b")
    assert list(areas) == []


def test_an_area_that_was_dropped_or_changed_meanwhile_is_not_read(tmp_path: Path) -> None:
    areas, other = HotAreas(tmp_path / "hot"), HotAreas(tmp_path / "hot")
    known = put(areas, "a", 10, 5.0)
    (listed,) = areas
    other.put(known)  # written again
    with areas.reading(listed) as there:
        assert not there
    (listed,) = areas
    other.drop("a")
    with areas.reading(listed) as there:
        assert not there


def test_parts_that_nothing_names_are_removed_unless_somebody_reads(tmp_path: Path) -> None:
    areas = HotAreas(tmp_path / "hot")
    area = put(areas, "a", 10, 5.0)
    (areas.path(area) / "part-2").mkdir()
    (areas.folder / "half-written" / "part-1").mkdir(parents=True)
    (areas.folder / ".a.dead").mkdir()
    (listed,) = areas
    with areas.reading(listed), areas.writing():
        assert (areas.path(area) / "part-2").exists()
    with areas.writing():
        pass
    assert sorted(p.name for p in areas.folder.iterdir()) == ["a", "writer.lock"]
    assert not (areas.path(area) / "part-2").exists()


def test_one_writes_at_a_time(tmp_path: Path) -> None:
    areas, other = HotAreas(tmp_path / "hot"), HotAreas(tmp_path / "hot")
    with areas.writing() as first, other.writing(wait=False) as second:
        assert (first, second) == (True, False)


@pytest.mark.parametrize("name", ["b", "../hot/a", "", ".", "a/../a"])
def test_a_name_that_is_not_there_is_told_those_that_are(tmp_path: Path, name: str) -> None:
    areas = HotAreas(tmp_path / "hot")
    put(areas, "a", 10, 5.0)
    with pytest.raises(NotFoundError, match="There are: a"):
        areas.drop(name)


def test_a_disk_that_is_full_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    areas = HotAreas(tmp_path / "hot")

    def write_until_full() -> None:
        with areas.writing():
            (areas.folder / "half").mkdir()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DamageError, match="No space left"):
        write_until_full()
    assert [p.name for p in areas.folder.iterdir()] == ["writer.lock"]


# -- from Python and the command line ----------------------------------------------------------


def centre(world: SimulatedArchive | Workspace) -> tuple[float, float, float, float]:
    west, south, east, north = _extent(world)
    x, y = (west + east) / 2, (south + north) / 2
    return x - 0.003, y - 0.002, x + 0.003, y + 0.002


def _extent(workspace: Any) -> tuple[float, float, float, float]:
    extent = workspace.archive.catalogue.collection(S2)["extent"]["spatial"]["bbox"][0]
    return tuple(extent)


@pytest.fixture
def desk(simulated_world: SimulatedArchive, tmp_path: Path) -> Path:
    with eocene.open(tmp_path / "workspace") as workspace:
        workspace.ingest(simulated_world.folder)
    return tmp_path / "workspace"


def test_an_area_is_materialised_listed_and_dropped_by_commands(desk: Path) -> None:
    with eocene.open(desk) as workspace:
        box = centre(workspace)
        before = workspace.load(S2, bbox=box, bands=["B04", "SCL"]).compute()
        text = ",".join(map(str, box))
        made = call("materialise", S2, f"--bbox={text}", "--bands", "B04,SCL", "-w", desk).json
        assert made["written"] == made["dates"] == before.sizes["t"]
        assert made["bands"] == ["B04", "SCL"]
        assert made["left_out"] == {}
        (listed,) = call("hot", "-w", desk).json
        assert listed["bytes"] > 0
        assert {k: v for k, v in made.items() if k not in ("written", "left_out", "last_used")} == {
            k: v for k, v in listed.items() if k != "last_used"
        }
        after = workspace.load(S2, bbox=box, bands=["B04", "SCL"]).compute()
        assert np.array_equal(before, after, equal_nan=True)
        assert call("hot", "--drop", listed["name"], "-w", desk).json == []
        assert np.array_equal(before, workspace.load(S2, bbox=box, bands=["B04", "SCL"]), equal_nan=True)


def test_what_is_ingested_is_added_to_an_area_at_once(desk: Path, simulated_world: SimulatedArchive) -> None:
    with eocene.open(desk) as workspace:
        found = workspace.archive.catalogue.search(eocene.archive.Search((S2,)))
        dropped = [item["id"] for item in found[:3]]
        workspace.archive.catalogue.delete_items(S2, dropped)
        made = workspace.materialise(S2, _extent(workspace), bands=["B04"])
        (area,) = workspace.hot
        assert area == made.area
        workspace.ingest(simulated_world.folder)
        (grown,) = workspace.hot
        ids = {item.id for date in grown.dates for item in date.items}
        assert set(dropped) <= ids
        assert len(ids) == len(found)


def test_what_names_no_area_is_told_with_the_names_there_are(desk: Path) -> None:
    with eocene.open(desk) as workspace:
        for name in (5, None, "..", "gone"):
            with pytest.raises(NotFoundError, match="no materialised area"):
                workspace.hot.drop(name)


# -- killed ------------------------------------------------------------------------------------

KILLED = """
import sys
import eocene
workspace, box = eocene.open(sys.argv[1], create=False), [float(v) for v in sys.argv[2].split(",")]
print("begun", flush=True)
while True:
    workspace.materialise("sentinel-2-l2a", box, "2024-04/2024-06", ["B04", "SCL"])
    (area,) = workspace.hot
    print("done", flush=True)
    workspace.hot.drop(area.name)
"""


def test_an_area_whose_deletion_was_cut_off_is_gone_and_is_swept_away(desk: Path) -> None:
    with eocene.open(desk) as workspace:
        box = centre(workspace)
        made = workspace.materialise(S2, box, "2024-04/2024-06", ["B04"])
        place = workspace.hot.path(made.area)
        place.rename(place.with_name(f".{place.name}.0a1b"))
        assert list(workspace.hot) == []
        workspace.materialise(S2, box, "2024-04/2024-06", ["B04"])
        assert {p.name for p in workspace.hot.folder.iterdir()} == {"writer.lock", made.area.name}


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.long)])
def test_a_writer_killed_at_any_moment_leaves_the_old_or_the_new(desk: Path, kills: int) -> None:
    with eocene.open(desk) as workspace:
        box = centre(workspace)
        expected = workspace.load(S2, bbox=box, bands=["B04", "SCL"]).compute()
    moments = random.Random(kills)  # noqa: S311
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(desk), ",".join(map(str, box))], stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moments.uniform(0, 1.2))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        with eocene.open(desk) as workspace:
            assert len(workspace.hot) <= 1
            found = workspace.load(S2, bbox=box, bands=["B04", "SCL"]).compute()
            assert np.array_equal(found, expected, equal_nan=True)
    with eocene.open(desk) as workspace:
        made = workspace.materialise(S2, box, "2024-04/2024-06", ["B04", "SCL"])
        names = {part.name for part in made.area.parts} | {"area.json", "used"}
        assert {p.name for p in workspace.hot.path(made.area).iterdir()} == names
        assert {p.name for p in workspace.hot.folder.iterdir()} == {"writer.lock", made.area.name}

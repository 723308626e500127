"""Groups of the kernel around sandboxes, where the operator lets us make some: what is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eocene.process.udf import Limits, groups
from eocene.process.udf.groups import Group, find_parent
from eocene.process.udf.sandbox import Sandbox
from tests.process.udf.places import SMALL, ignore, needs_walls

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cgroup.procs")


@pytest.fixture
def delegated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand for a folder of the kernel that was delegated to us; the files are plain ones here."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    monkeypatch.setenv(groups.SWITCH, str(tmp_path))
    find_parent.cache_clear()
    yield tmp_path
    find_parent.cache_clear()


@needs_walls
def test_a_process_is_in_its_group_before_it_sees_code(delegated: Path) -> None:
    assert find_parent() == delegated
    assert (delegated / "cgroup.subtree_control").read_text() == "+memory +pids"
    sandbox = Sandbox(Limits(memory=2 << 30))
    sandbox.wait_ready()
    [group] = [folder for folder in delegated.iterdir() if (folder / "cgroup.procs").exists()]
    told = {name: (group / name).read_text() for name in FILES}
    assert told == {
        "memory.max": str(2 << 30), "memory.swap.max": "0", "memory.oom.group": "1", "pids.max": "16",
        "cgroup.procs": str(sandbox.pid),
    }  # fmt: skip
    sandbox.call("def apply_datacube(cube, context):\n    return cube\n", SMALL, {}, ignore)
    sandbox.kill()


@pytest.mark.parametrize("controllers", ["", "cpu memory", "cpuset pids"])
def test_a_folder_without_both_controllers_is_not_used(delegated: Path, controllers: str) -> None:
    (delegated / "cgroup.controllers").write_text(controllers)
    assert find_parent() != delegated


def test_without_a_folder_there_is_no_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(groups.SWITCH, str(tmp_path / "none"))
    find_parent.cache_clear()
    monkeypatch.setattr(groups, "_ROOT", tmp_path)
    assert find_parent() is None
    assert Group.enter(1, 1 << 30) is None
    find_parent.cache_clear()


@needs_walls
def test_a_process_is_the_first_to_go_when_memory_ends() -> None:
    sandbox = Sandbox(Limits())
    sandbox.wait_ready()
    assert Path(f"/proc/{sandbox.pid}/oom_score_adj").read_text().strip() == "1000"
    sandbox.kill()


def test_what_systemd_has_delegated_is_used_after_the_server_has_moved_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit" / "cgroup.controllers").write_text("memory pids")
    (tmp_path / "unit" / "cgroup.procs").write_text("11\n")
    (tmp_path / "self").write_text("1:name=systemd:/other\n0::/unit\n")
    monkeypatch.setattr(groups, "_ROOT", tmp_path)
    monkeypatch.setattr(groups, "_OWN", tmp_path / "self")
    monkeypatch.setattr(groups, "_is_delegated", lambda folder: folder.name == "unit")
    find_parent.cache_clear()
    assert find_parent() == tmp_path / "unit"
    find_parent.cache_clear()
    assert (tmp_path / "unit" / "server" / "cgroup.procs").read_text() == "11"

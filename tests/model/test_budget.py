"""What a machine has free, on machines drawn up for the purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eocene.model import InputError
from eocene.model.budget import free_memory, memory_budget, parse_size

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30


def machine(root: Path, cgroup: str, files: dict[str, object], available: int = 16 * GIB) -> Path:
    texts = {"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable: {available // 1024} kB\n"} | files
    for name, text in {**texts, "proc/self/cgroup": cgroup}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def test_without_a_cgroup_all_that_the_machine_has_available_is_free(tmp_path: Path) -> None:
    assert free_memory(machine(tmp_path, "0::/", {})) == 16 * GIB


def test_a_cgroup_of_version_2_leaves_its_limit_less_what_it_uses_and_cannot_give_up(tmp_path: Path) -> None:
    job = "sys/fs/cgroup/job/memory"
    files = {f"{job}.max": 4 * GIB, f"{job}.current": 3 * GIB, f"{job}.stat": f"anon 5\ninactive_file {GIB}"}
    assert free_memory(machine(tmp_path, "0::/job", files)) == 2 * GIB


def test_the_tightest_of_nested_cgroups_counts(tmp_path: Path) -> None:
    outer, inner = "sys/fs/cgroup/a/memory", "sys/fs/cgroup/a/b/memory"
    files = {f"{outer}.max": 2 * GIB, f"{outer}.current": GIB, f"{inner}.max": "max", f"{inner}.current": GIB}
    assert free_memory(machine(tmp_path, "0::/a/b", files)) == GIB


def test_a_cgroup_of_version_1_is_found_where_only_its_mount_is_seen(tmp_path: Path) -> None:
    mount = "sys/fs/cgroup/memory/memory"
    files = {f"{mount}.limit_in_bytes": 3 * GIB, f"{mount}.usage_in_bytes": GIB}
    assert free_memory(machine(tmp_path, "9:pids:/x\n4:cpu,memory:/docker/abc", files)) == 2 * GIB


def test_a_machine_never_has_more_free_than_is_available(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/memory.max": 64 * GIB, "sys/fs/cgroup/memory.current": 0}
    assert free_memory(machine(tmp_path, "0::/", files, available=GIB)) == GIB


def test_this_machine_has_some_memory_free() -> None:
    assert 2**20 < free_memory() < 2**50


@pytest.mark.parametrize(
    ("text", "size"),
    [("123", 123), ("4GiB", 4 * GIB), ("1.5 gib", 3 * GIB // 2), ("500MB", 500_000_000), ("2k" + "B", 2000)],
)
def test_a_size_is_bytes_or_a_number_with_its_unit(
    monkeypatch: pytest.MonkeyPatch, text: str, size: int
) -> None:
    monkeypatch.setenv("EOCENE_MEMORY", text)
    assert memory_budget() == size


@pytest.mark.parametrize("text", ["much", "-3", "0", "4 apples", "nan", "1e400"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="EOCENE_MEMORY"):
        parse_size(text)

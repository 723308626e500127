"""Groups of the kernel around sandboxes, made for real: where there is cgroup v2 and we may divide it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eocene.process.udf import Limits, UdfError
from eocene.process.udf.groups import SWITCH, find_parent
from eocene.process.udf.runners import SandboxRunner
from eocene.process.udf.sandbox import Sandbox
from tests.process.udf.places import SMALL, ignore, needs_walls

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = needs_walls

MIB = 1 << 20
SAME = "def apply_datacube(cube, context):\n    return cube\n"
FILL = """
def apply_datacube(cube, context):
    with open("/tmp/a", "wb") as file:
        for _ in range(context["mib"]):
            file.write(bytes(1 << 20))
    return cube
"""

DELEGATED = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from eocene.process.udf.groups import find_parent
print(find_parent(), Path("/proc/self/cgroup").read_text().splitlines()[-1])
"""

FIRST_PROCESS = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t cgroup2 none /sys/fs/cgroup
echo "+memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd {root} && {python} -B -m pytest {test} -m "not long" -q -rs -p no:cacheprovider > {told} 2>&1
echo o > /proc/sysrq-trigger; sleep 60
"""


def _name_folder() -> Path:
    """Return where a group can be tried: in the operator's folder, else below that of all groups."""
    return Path(os.environ.get(SWITCH) or "/sys/fs/cgroup") / f"eocene-test-{secrets.token_hex(8)}"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a group of the kernel's that may be divided further."""
    made = _name_folder()
    if not (made.parent / "cgroup.controllers").exists():
        pytest.skip(f"{made.parent} is no group of cgroup v2")
    try:
        made.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made: {error}")
    monkeypatch.setenv(SWITCH, str(made))
    find_parent.cache_clear()
    try:
        if find_parent() != made:
            pytest.skip(f"{made.parent} does not hand on the controllers memory and pids")
        yield made
    finally:
        find_parent.cache_clear()
        made.rmdir()  # fails if any group is left in it


def find_groups(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()]


def test_the_kernel_holds_the_process_in_a_group_that_goes_with_it(folder: Path) -> None:
    sandbox = Sandbox(Limits(memory=1024 * MIB))
    sandbox.wait_ready()
    (group,) = find_groups(folder)
    assert (group / "cgroup.procs").read_text().split() == [str(sandbox.pid)]
    assert int((group / "memory.max").read_text()) == 1024 * MIB
    assert int((group / "pids.max").read_text()) == 16
    sandbox.call(SAME, SMALL, {}, ignore)
    assert 0 < int((group / "memory.current").read_text()) < 1024 * MIB
    sandbox.kill()
    assert find_groups(folder) == []


def test_what_its_limit_of_address_space_does_not_count_is_counted_by_the_group(folder: Path) -> None:
    """Files in /tmp lie in memory: what fits into the folder does not fit into the group."""
    sandbox = Sandbox(Limits(memory=768 * MIB, folder=1536 * MIB))
    sandbox.call(FILL, SMALL, {"mib": 100}, ignore)
    with pytest.raises(UdfError, match="ended in the middle of a call: kill"):
        sandbox.call(FILL, SMALL, {"mib": 1400}, ignore)
    assert not sandbox.is_alive
    assert find_groups(folder) == []


def test_one_that_takes_too_much_memory_does_not_end_another(folder: Path) -> None:
    greedy, other = (Sandbox(Limits(memory=768 * MIB, folder=1536 * MIB)) for _ in range(2))
    other.wait_ready()
    with pytest.raises(UdfError):
        greedy.call(FILL, SMALL, {"mib": 1400}, ignore)
    assert other.call(SAME, SMALL, {}, ignore).identical(SMALL)
    other.kill()
    assert find_groups(folder) == []


def test_operators_are_told_that_memory_is_limited_by_groups(folder: Path) -> None:
    assert SandboxRunner().memory_limit == "cgroup"


def test_a_server_in_a_group_that_was_delegated_to_it_moves_aside_and_divides_it(folder: Path) -> None:
    (folder / "cgroup.subtree_control").write_text("-memory -pids")  # until then processes can be put into it
    os.setxattr(folder, "user.delegate", b"1")  # what systemd does for a unit with Delegate=
    environment = {name: value for name, value in os.environ.items() if name != SWITCH}
    done = subprocess.run(
        [sys.executable, "-c", DELEGATED, str(folder)],
        capture_output=True, text=True, check=False, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    parent, own = done.stdout.split()
    (folder / "server").rmdir()
    assert parent == str(folder)
    assert own.endswith(f"/{folder.name}/server")
    assert (folder / "cgroup.subtree_control").read_text().split() == ["memory", "pids"]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_all_of_that_holds_in_a_kernel_of_its_own(tmp_path: Path) -> None:
    """Where the machine lets nobody make groups: user-mode Linux, a kernel that is a process."""
    kernel = shutil.which("linux.uml")
    if kernel is None:
        pytest.skip("there is no user-mode Linux (the Debian package user-mode-linux)")
    told, first = tmp_path / "told", tmp_path / "first"
    root = Path(__file__).parents[3]
    first.write_text(FIRST_PROCESS.format(root=root, python=sys.executable, test=__file__, told=told))
    first.chmod(0o755)
    subprocess.run(
        [kernel, "mem=4G", "rootfstype=hostfs", "rootflags=/", "rw", f"init={first}", "con=null", "quiet"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=840,
    )  # fmt: skip
    assert "5 passed, 1 deselected in" in told.read_text()

"""Fourteen attacks by code of a user, all stopped by the one configuration that everybody gets.

Each is sent as it is to a sandbox whose limits are those of the default, but for shorter times. That it is
the walls that stop it, and not a mistake in the attack, is shown by what the attack tells, or by a second way
to look at what it would have done.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from eocene.process.udf import UdfError
from eocene.process.udf.inside import wire
from eocene.process.udf.inside.cell import CHANNEL
from eocene.process.udf.sandbox import Sandbox
from eocene.process.udf.walls import find_packages
from tests.attack.udf_code import HEAD, KIND, LIMITS, OWN, libc, refused, system_call
from tests.process.udf.places import SMALL, Lines, ignore, needs_walls

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.process.udf.pool import Pool

pytestmark = needs_walls


def test_1_no_file_outside_is_read(attack: Callable[[str], Lines], tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for path in ("/etc/passwd", "/etc/shadow", str(secret), "/proc/1/environ", "/proc/self/mem", "/sys/class",
                 "/var/log", __file__, "/dev/mem", "/dev/kmsg"):  # fmt: skip
        read = f"print(os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}, 'rb').read(9))"
        shown = attack(refused(read)).texts
        assert shown[-1] in ("FileNotFoundError", "PermissionError"), (path, shown)
        assert "secret" not in "".join(shown)
    root, own = attack(f"print(os.listdir('/'))\nprint({OWN})").texts
    needed = {place.split("/")[1] for place in (*find_packages(), sys.base_prefix)}
    assert set(ast.literal_eval(root)) <= needed | {"dev", "etc", "lib", "lib64", "run", "tmp", "usr"}
    assert own == "[]"


def test_2_nothing_outside_its_own_folder_is_written(attack: Callable[[str], Lines]) -> None:
    for path in (
        "/new",
        "/usr/lib/new",
        np.__file__,
        "/dev/new",
        "/run/udf/inside/main.py",
        "/etc/ld.so.cache",
    ):
        assert attack(refused(f"open({path!r}, 'ab')")).texts[-1] in ("OSError", "PermissionError"), path
    before = Path(np.__file__).stat()
    attack(refused(f"os.utime({np.__file__!r}, (1, 1))"))
    attack(refused(f"os.chmod({np.__file__!r}, 0o777)"))
    after = Path(np.__file__).stat()
    assert (before.st_mode, before.st_mtime) == (after.st_mode, after.st_mtime)


def test_3_there_is_no_network(attack: Callable[[str], Lines]) -> None:
    for line in (
        "socket.create_connection(('127.0.0.1', 22), 2)",
        "socket.create_connection(('169.254.169.254', 80), 2)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    ):
        assert attack(refused(line)).texts[-1] == "PermissionError", line
    shown = attack(refused("socket.getaddrinfo('example.com', 80)")).texts
    assert shown[-1] in ("gaierror", "PermissionError")


def test_4_a_fork_bomb_has_no_first_child(attack: Callable[[str], Lines]) -> None:
    assert attack(refused("os.fork()")).texts[-1] == "PermissionError"
    assert attack(refused("os.system('true') and os.execv('/nonesuch', ['x'])")).texts[-1] != "done"
    assert attack(refused("__import__('subprocess').run(['/usr/bin/true'])")).texts[-1] != "done"
    assert attack(refused("__import__('threading').Thread(target=print).start()")).texts[-1] == "RuntimeError"
    for number in (57, 58, 56, 435) if os.uname().machine == "x86_64" else (220, 435):
        assert attack(system_call(number, 17, 0, 0, 0, 0)).texts == ["-1 1"], number


def test_5_memory_ends_where_the_limit_is(attack: Callable[[str], Lines]) -> None:
    assert attack(refused("x = np.ones(1 << 30)")).texts[-1] == "MemoryError"
    grow = "x = []\ntry:\n    while True: x.append(np.empty(8 << 20))\nexcept MemoryError:\n    print(len(x))"
    assert int(attack(grow).texts[-1]) * (64 << 20) < LIMITS.memory
    assert attack(refused("os.memfd_create('x')")).texts[-1] == "PermissionError"
    fill = (
        "total = 0\ntry:\n    for i in range(99):\n        with open(f'/tmp/{i}', 'wb') as f:\n"
        "            for _ in range(16): total += f.write(bytes(1 << 20))\n"
        "except OSError as error:\n    print(total, error.errno)\n"
    )
    total, number = map(int, attack(fill).texts[-1].split())
    assert number in (27, 28)
    assert total <= LIMITS.folder


def test_6_a_busy_loop_ends(attack: Callable[[str], Lines]) -> None:
    start = time.monotonic()
    with pytest.raises(UdfError, match=r"processor time|longer than"):
        attack("while True: pass")
    assert time.monotonic() - start < 30


def test_7_code_that_hangs_ends(pool: Pool) -> None:
    sandbox = Sandbox(replace(LIMITS, wall_s=1.0))
    start = time.monotonic()
    with pytest.raises(UdfError, match="longer than 1 s"):
        sandbox.call(HEAD + "    time.sleep(3600)\n", SMALL, {}, ignore)
    assert time.monotonic() - start < 30
    assert not sandbox.is_alive


def test_8_huge_output_is_refused(pool: Pool) -> None:
    sandbox = Sandbox(replace(LIMITS, output=1 << 20, log=1000))
    lines = Lines()
    big = HEAD + "    import xarray\n    return xarray.DataArray(np.ones(1 << 18), dims=['x'])\n"
    with pytest.raises(UdfError, match="at most 1 MB"):
        sandbox.call(big, SMALL, {}, lines)
    sandbox = Sandbox(replace(LIMITS, output=1 << 20, log=1000))
    sandbox.call(HEAD + "    for i in range(20_000): print('flood', i)\n" + KIND, SMALL, {}, lines)
    assert sum(map(len, lines.texts)) < 1200
    assert lines[-1][2] == "UdfLog"
    sandbox.kill()


def test_9_a_crash_is_told_and_hurts_nobody(attack: Callable[[str], Lines]) -> None:
    for body, told in (
        ("ctypes.string_at(0)", "a segmentation fault"),
        ("os._exit(3)", "status 3"),
        ("os.abort()", "ended in the middle"),
    ):
        with pytest.raises(UdfError, match=told):
            attack(body)
    with pytest.raises(UdfError, match="SystemExit"):
        attack("sys.exit(1)")
    assert attack("print('well')").texts == ["well"]


def test_10_no_process_is_traced(attack: Callable[[str], Lines]) -> None:
    numbers = {"x86_64": (101, 310, 311), "aarch64": (117, 270, 271)}[os.uname().machine]
    for number in numbers:  # ptrace, process_vm_readv, process_vm_writev
        for target in (1, os.getpid()):
            assert attack(system_call(number, 16, target, 0, 0)).texts == ["-1 1"]


def test_11_no_namespace_or_mount_leads_out(attack: Callable[[str], Lines]) -> None:
    for line in (
        "c.unshare(0x10000000)", "c.setns(0, 0)", "c.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "c.umount2(b'/usr', 2)", "c.chroot(b'/tmp')", "c.pivot_root(b'/', b'/tmp')",
        "c.setuid(0)", "c.open_by_handle_at(0, 0, 0)", "c.mknod(b'/tmp/d', 0o20666, 0x101)",
    ):  # fmt: skip
        assert attack(libc(line)).texts == ["-1 1"], line
    assert attack("print(os.getuid(), os.getgid(), os.getpid())").texts == ["65534 65534 1"]


def test_12_another_job_is_not_seen(pool: Pool) -> None:
    plant = HEAD + "    open('/tmp/mine', 'w').write('secret')\n    sys.modules['mine'] = 'secret'\n" + KIND
    look = HEAD + f"    print(os.path.exists('/tmp/mine'), 'mine' in sys.modules, {OWN})\n" + KIND
    mine, theirs = Lines(), Lines()
    with pool.lend("one") as first, pool.lend("two") as second:
        first.call(plant, SMALL, {}, ignore)
        first.call(look, SMALL, {}, mine)
        second.call(look, SMALL, {}, theirs)
        assert first.pid != second.pid
    assert mine.texts == ["True True ['mine']"]
    assert theirs.texts == ["False False []"]
    pool.release("one")
    with pool.lend("three") as third:
        third.call(look, SMALL, {}, theirs)
    assert theirs.texts[-1] == "False False []"


def test_13_the_environment_is_empty(attack: Callable[[str], Lines], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    shown = attack("print(dict(os.environ), sys.argv, sys.orig_argv[:1])").texts[0]
    assert "secret" not in shown
    assert "AWS" not in shown
    assert "EOCENE" not in shown


def test_14_no_signal_reaches_another_process(attack: Callable[[str], Lines]) -> None:
    assert attack(refused(f"os.kill({os.getpid()}, signal.SIGKILL)")).texts[-1] == "ProcessLookupError"
    with subprocess.Popen(["sleep", "60"]) as other:
        assert attack(refused(f"os.kill({other.pid}, signal.SIGKILL)")).texts[-1] == "ProcessLookupError"
        assert other.poll() is None
        other.kill()
    assert attack(refused("os.kill(-1, signal.SIGKILL)")).texts[-1] in ("done", "ProcessLookupError")
    assert attack("print('still there')").texts == ["still there"]


def test_files_without_end_are_stopped(attack: Callable[[str], Lines]) -> None:
    make = "for i in range(10**7): open(f'/tmp/{i}', 'w').close()"
    shown = attack(f"try:\n    {make}\nexcept OSError as error:\n    print(i, error.errno)").texts[-1]
    made, number = map(int, shown.split())
    assert (made <= LIMITS.files, number) == (True, 28)


@pytest.mark.parametrize("message", [b"\xff\xff\xff\x7f", b'\x0c\x00\x00\x00{"need":"x"}'])
def test_a_process_that_breaks_the_rules_of_talking_is_ended(message: bytes) -> None:
    sandbox = Sandbox(replace(LIMITS, wall_s=2.0))
    lie = f"{HEAD}    os.write({CHANNEL}, {message!r})\n    time.sleep(5)\n"
    with pytest.raises(UdfError):
        sandbox.call(lie, SMALL, {}, ignore)
    assert not sandbox.is_alive


@pytest.mark.parametrize(
    "place",
    [
        {"at": 2**40, "dtype": "<f8", "shape": [5]},
        {"at": -8, "dtype": "<f8", "shape": [5]},
        {"at": 0, "dtype": "|O", "shape": [5]},
        {"at": 0, "dtype": "V8", "shape": [5]},
        {"at": 0, "dtype": "<f8", "shape": [-5]},
        {"at": 0, "dtype": "<f8", "shape": [2**40]},
        {"at": 0, "dtype": "<f8", "shape": [2**31, 2**31, 2**31]},
        {"at": True, "dtype": "<f8", "shape": [1]},
        {"at": 0, "dtype": [["a", "|O"]], "shape": [1]},
        {"at": 0, "dtype": "<f8", "shape": 7},
        None,
    ],
)
def test_a_forged_description_of_an_array_is_refused(place: object) -> None:
    with pytest.raises(wire.WireError):
        wire.Store(bytearray(64)).fetch(place)


@pytest.mark.parametrize(
    "header", [None, 5, {"kind": "pickle"}, {"kind": "table"}, {"kind": "array", "dims": 7}]
)
def test_a_forged_result_is_refused(header: object) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack(header, bytearray(64))

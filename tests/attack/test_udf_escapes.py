"""More attacks by code of a user: on the kernel, on those beside it, and by what it answers on who asked."""

from __future__ import annotations

import json
import os
import platform
import struct
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
import xarray as xr

from eocene.cube.block import Block
from eocene.process.udf import UdfError
from eocene.process.udf.blocks import from_result
from eocene.process.udf.inside import wire
from eocene.process.udf.inside.cell import CHANNEL
from eocene.process.udf.sandbox import Sandbox
from tests.attack.udf_code import HEAD, KIND, LIMITS, libc, refused, system_call
from tests.process.udf.places import SMALL, Lines, ignore, needs_walls

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.process.udf.pool import Pool

pytestmark = needs_walls
ON_INTEL = platform.machine() == "x86_64"
FORBIDDEN = {  # numbers in asm/unistd_64.h (x86_64) and asm-generic/unistd.h (aarch64)
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "userfaultfd": (323, 282),
    "perf_event_open": (298, 241), "clone3": (435, 435), "memfd_create": (319, 279), "execveat": (322, 281),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "kcmp": (312, 272),
    "name_to_handle_at": (303, 264), "open_tree": (428, 428), "fsopen": (430, 430), "quotactl": (179, 60),
    "mount_setattr": (442, 442), "landlock_create_ruleset": (444, 444), "socketpair": (53, 199),
    "prctl": (157, 167), "seccomp": (317, 277), "personality": (135, 92), "capset": (126, 91),
    "shmget": (29, 194), "mq_open": (240, 180), "inotify_init1": (294, 26), "fanotify_init": (300, 262),
    "swapon": (167, 224), "reboot": (169, 142), "init_module": (175, 105), "kexec_load": (246, 104),
    "sched_setaffinity": (203, 122), "setpriority": (141, 140), "flock": (73, 32), "vmsplice": (278, 75),
}  # fmt: skip


def test_no_system_call_that_opens_the_kernel_is_let_through(attack: Callable[[str], Lines]) -> None:
    numbers = [pair[0 if ON_INTEL else 1] for pair in FORBIDDEN.values()]
    code = (
        "c = ctypes.CDLL(None, use_errno=True)\n"
        f"print([(c.syscall(n, 0, 0, 0, 0, 0), ctypes.get_errno()) for n in {numbers}])"
    )
    assert json.loads(attack(code).texts[0].replace("(", "[").replace(")", "]")) == [[-1, 1]] * len(numbers)


def test_calls_by_the_numbers_of_another_processor_end_the_process(pool: Pool) -> None:
    if not ON_INTEL:
        pytest.skip("only Intel has a second table of numbers")
    shown = Lines()
    with pool.lend("x32") as sandbox:  # the table of x32 is the same processor: refused by number
        sandbox.call(f"{HEAD}    {system_call(0x40000000 + 39).replace(chr(10), chr(10) + '    ')}\n{KIND}",
                     SMALL, {}, shown)  # fmt: skip
    assert shown.texts == ["-1 1"]


def test_no_capability_is_left_and_none_comes_back(attack: Callable[[str], Lines]) -> None:
    header = "h = ctypes.create_string_buffer(bytes([0x22, 5, 8, 0x20, 0, 0, 0, 0]))"
    look = "d = ctypes.create_string_buffer(24)\nprint(c.syscall(125, h, d), d.raw[:24] == bytes(24))"
    if ON_INTEL:  # capget is not on the list either
        code = f"c = ctypes.CDLL(None, use_errno=True)\n{header}\n{look}"
        assert attack(code).texts[0].startswith("-1")
    for line in (
        "c.unshare(0x10020000)",
        "c.mount(b'/run', b'/tmp', None, 4096, None)",
        "c.umount2(b'/tmp', 2)",
    ):
        assert attack(libc(line)).texts == ["-1 1"], line


def test_only_its_own_channel_is_inherited(attack: Callable[[str], Lines]) -> None:
    code = (
        "found = {}\nfor n in range(3, 256):\n    try:\n        found[n] = os.fstat(n).st_mode >> 12\n"
        "    except OSError:\n        pass\nprint(found)"
    )
    kinds = json.loads(attack(code).texts[0].replace("{", '{"').replace(":", '":').replace(", ", ', "'))
    assert kinds.pop(str(CHANNEL)) == 0o140000 >> 12  # a socket
    assert set(kinds.values()) <= {0o100000 >> 12}
    assert len(kinds) <= 2  # PROJ's database, opened anew, and the memory that is shared with who calls


def test_what_two_processes_inherit_has_no_position_in_common(pool: Pool) -> None:
    seek = (
        HEAD
        + "    for n in range(3, 200):\n        try: os.lseek(n, 4242, 0)\n        except OSError: pass\n"
    )
    look = HEAD + (
        "    for n in range(3, 200):\n        try: print(os.lseek(n, 0, 1))\n        except OSError: pass\n"
    )
    shown = Lines()
    with pool.lend("one") as first, pool.lend("two") as second:
        first.call(seek + KIND, SMALL, {}, ignore)
        second.call(look + KIND, SMALL, {}, shown)
    assert "4242" not in shown.texts


def test_signals_to_its_group_reach_nobody_else(pool: Pool) -> None:
    kill = (
        "    for target in (0, -1, -os.getpgrp() or -1, 2, 3):\n"
        "        try: os.kill(target, signal.SIGKILL)\n        except OSError: pass\n"
    )
    with pool.lend("one") as first, pool.lend("two") as second:
        second.call(HEAD + KIND, SMALL, {}, ignore)
        with suppress(UdfError):
            first.call(HEAD + kill + KIND, SMALL, {}, ignore)
        assert second.is_alive
        second.call(HEAD + KIND, SMALL, {}, ignore)
    with pool.lend("three") as third:  # the one that all are forked from lives, too
        assert third.call(HEAD + KIND, SMALL, {}, ignore).equals(SMALL * 2)


def test_links_in_its_folder_lead_to_nothing_outside(attack: Callable[[str], Lines]) -> None:
    for target in (
        "/etc/passwd",
        "/proc/1/root/etc/passwd",
        "../../../../etc/passwd",
        "/run/own/../../etc/shadow",
    ):
        link = f"os.symlink({target!r}, '/tmp/l') or open('/tmp/l').read()"
        assert attack(refused(link)).texts[-1] in ("FileNotFoundError", "PermissionError"), target
        attack("os.unlink('/tmp/l')")
    hard = refused("os.link(np.__file__, '/tmp/np')")
    assert attack(hard).texts[-1] in ("OSError", "PermissionError")


def test_random_numbers_are_not_those_of_another_process(pool: Pool) -> None:
    draw = HEAD + "    import random\n    print(np.random.random(), random.random())\n" + KIND
    shown = Lines()
    for owner in ("one", "two"):
        with pool.lend(f"random {owner}") as sandbox:
            sandbox.call(draw, SMALL, {}, shown)
    assert not set(shown.texts[0].split()) & set(shown.texts[1].split())


def test_printing_without_end_is_stopped_early() -> None:
    sandbox = Sandbox(replace(LIMITS, wall_s=60.0, cpu_s=50.0))
    start, lines = time.monotonic(), Lines()
    with pytest.raises(UdfError, match="prints without end"):
        sandbox.call(HEAD + "    while True: print('x' * 3999)\n", SMALL, {}, lines)
    assert time.monotonic() - start < 40
    assert sum(map(len, lines.texts)) < LIMITS.log + 4000
    assert not sandbox.is_alive


def answer(message: object) -> str:
    """Return code that sends a message of its own making instead of a result."""
    text = json.dumps(message).encode()
    return f"{HEAD}    os.write({CHANNEL}, {struct.pack('<I', len(text)) + text!r})\n    time.sleep(9)\n"


ARRAY = {"at": 0, "dtype": "|u1", "shape": [1 << 20]}
LIES = {
    "the same memory a thousand times": {
        "kind": "table", "columns": [[str(n), ARRAY] for n in range(1000)], "index": ARRAY, "epsg": 4326,
        "geometry": {"at": 0, "dtype": "|u1", "shape": [0]}, "ends": {"at": 0, "dtype": "<i8", "shape": [0]},
    },
    "a CRS that names a file": {
        "kind": "table", "columns": [], "index": [], "epsg": "+proj=longlat +nadgrids=/etc/passwd",
        "geometry": {"at": 0, "dtype": "|u1", "shape": [0]}, "ends": {"at": 0, "dtype": "<i8", "shape": [0]},
    },
    "a value of a hundred floors": {"kind": "value", "value": json.loads("[" * 100 + "]" * 100)},
    "half a character": {"kind": "value", "value": "\ud800"},
    "a zero in a text": {"kind": "value", "value": ["a\0b"]},
    "labels that are lists": {
        "kind": "array", "dims": ["b"], "coords": {"b": [[1], [2]]},
        "values": {"at": 0, "dtype": "|u1", "shape": [2]},
    },
    "dimensions that are numbers": {"kind": "array", "dims": [5], "coords": {}, "values": ARRAY},
    "a type of a million fields": {
        "kind": "array", "dims": ["b"], "coords": {},
        "values": {"at": 0, "dtype": ",".join(["f8"] * 100_000), "shape": [1]},
    },
    "objects": {"kind": "array", "dims": ["b"], "coords": {}, "values": {**ARRAY, "dtype": "|O"}},
    "a negative shape": {"kind": "array", "dims": ["b"], "coords": {}, "values": {**ARRAY, "shape": [-1]}},
    "a shape that is not a number": {
        "kind": "array", "dims": ["b"], "coords": {}, "values": {**ARRAY, "shape": [float("nan")]},
    },
}  # fmt: skip


@pytest.mark.parametrize("header", LIES.values(), ids=list(LIES))
def test_a_result_that_would_harm_who_takes_it_is_refused(header: object) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack(header, bytearray(1 << 20))


@pytest.mark.parametrize(
    "message",
    [
        {"log": "info", "text": [[[]]] * 1000},
        {"log": ["info"], "text": "\x1b[2J\ud800\0", "code": "c" * 10_000},
        {"error": {"type": ["x"], "message": "m" * 100_000, "line": -5, "text": None}},
        {"error": "no"},
        {"result": {"kind": "value", "value": {"\ud800": 1}}},
        {"need": -(2**70)},
        {"need": 2**70},
        {},
    ],
    ids=str.__name__
    and ["nested log", "log of signs", "odd error", "no error", "odd key", "less", "more", "nothing"],
)
def test_messages_that_no_honest_process_sends_harm_nobody(message: object) -> None:
    sandbox, lines = Sandbox(replace(LIMITS, wall_s=1.0)), Lines()
    with pytest.raises(UdfError) as caught:
        sandbox.call(answer(message), SMALL, {}, lines)
    assert len(str(caught.value)) < 10_000
    for level, text, code in lines:
        assert level in ("info", "warning", "error")
        assert len(code) <= 200
        (text + code).encode()
        assert "\x1b" not in text
    sandbox.kill()


def test_memory_that_is_shared_only_grows_by_doubling() -> None:
    sandbox, given = Sandbox(LIMITS), []
    for size in range(1 << 20, LIMITS.output, 1 << 24):
        for fd in sandbox._make_room(size):
            given.append(os.fstat(fd).st_size)
            os.close(fd)
    assert sum(given) <= 2 * LIMITS.output
    sandbox.kill()


def test_geometries_nested_without_end_do_not_overflow_the_stack() -> None:
    point = struct.pack("<BIdd", 1, 1, 0, 0)
    with pytest.raises(wire.WireError, match="nested"):
        wire.check_outline(struct.pack("<BII", 1, 7, 1) * 100_000 + point)
    for text in (
        point[:-1],
        point + b"x",
        struct.pack("<BII", 1, 3, 2**32 - 1),
        b"",
        struct.pack("<BII", 0, 2, 0),
    ):
        with pytest.raises(wire.WireError):
            wire.check_outline(text)
    shapes = ["POINT (1 2)", "LINESTRING (0 0, 1 1)", "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2, 1 1))"]
    shapes += [f"MULTI{s.replace('(', '((', 1)})" for s in shapes] + ["MULTIPOLYGON EMPTY"]
    for shape in (*shapes, f"GEOMETRYCOLLECTION ({shapes[0]}, GEOMETRYCOLLECTION ({shapes[2]}))"):
        wire.check_outline(shapely.from_wkt(shape).wkb)


def test_a_result_of_endless_labels_is_refused_before_they_are_made() -> None:
    data = Block(np.zeros((1, 1, 1)), dims=("bands", "y", "x"), labels={"bands": ("a",)})
    many = xr.DataArray(np.zeros((1 << 24, 1, 1), np.uint8), dims=["bands", "y", "x"])
    none = xr.DataArray(np.zeros((1 << 40, 0, 1, 1), np.uint8), dims=["bands", "none", "y", "x"])
    for found in (many, none):
        with pytest.raises(UdfError, match="labels"):
            from_result(found, data)
    with pytest.raises(UdfError, match="values"):
        from_result(xr.DataArray(np.broadcast_to(np.uint8(0), (1 << 30,))), [1])

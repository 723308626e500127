"""Memory that blocks free is there for the next ones, and goes back to the system at the end."""

from __future__ import annotations

import ctypes
import platform
import resource

import numpy as np
import pytest

from eocene.process import allocator
from eocene.process.allocator import give_back_memory, keep_freed_memory
from tests.process.measured import in_child, status

MANY = 8 * 2**20
"""Bytes of an array that glibc would take from the system, and hand back, each time."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_freed_memory_is_used_again_and_given_back_when_asked() -> None:
    def work() -> dict[str, int]:
        keep_freed_memory()
        np.ones(MANY, np.uint8)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            np.ones(MANY, np.uint8)
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        held = status("VmRSS")
        give_back_memory()
        return {"faults": faults, "given_back": held - status("VmRSS")}

    found = in_child(work)
    pages_of_one = MANY // resource.getpagesize()
    assert found["faults"] < pages_of_one
    assert found["given_back"] > MANY // 2


def test_where_there_is_no_glibc_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    allocator._allocator.cache_clear()
    try:
        keep_freed_memory.__wrapped__()
        give_back_memory()
        assert allocator._allocator() is None
    finally:
        allocator._allocator.cache_clear()

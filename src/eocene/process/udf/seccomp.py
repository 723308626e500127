"""The filter of system calls around code of users: a small program that the kernel runs before each call.

Everything is refused with EPERM but what :mod:`eocene.process.udf.syscalls` lists; a call by the numbers of
another processor ends the process. Source: Linux, Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import errno
import platform
import struct
from dataclasses import dataclass

from eocene.process.udf.syscalls import AARCH64, X86_64

_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
"""Offsets in the kernel's ``struct seccomp_data``."""
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_MOST = 250
"""Comparisons in one program; a jump is at most 255 instructions long."""


@dataclass(frozen=True)
class Processor:
    """What the kernel calls a processor (AUDIT_ARCH_…), and the numbers of what is allowed on it."""

    audit: int
    allowed: dict[str, int]


PROCESSORS = {"x86_64": Processor(0xC000003E, X86_64), "aarch64": Processor(0xC00000B7, AARCH64)}


def find_processor(machine: str | None = None) -> Processor | None:
    """Return the processor of this machine, None if there is no list for it."""
    return PROCESSORS.get(machine or platform.machine())


def assemble_filter(processor: Processor) -> bytes:
    """Return the program as the kernel's array of ``struct sock_filter``, 8 bytes an instruction."""
    numbers = sorted(set(processor.allowed.values()))
    if len(numbers) > _MOST:
        raise ValueError(f"{len(numbers)} system calls are more than one program compares.")
    program = [
        _instruct(_LOAD_WORD, _ARCHITECTURE),
        _instruct(_JUMP_IF_EQUAL, processor.audit, yes=1),
        _instruct(_RETURN, _KILL),
        _instruct(_LOAD_WORD, _NUMBER),
    ]
    for position, number in enumerate(numbers):
        program.append(_instruct(_JUMP_IF_EQUAL, number, yes=len(numbers) - position))
    program += [_instruct(_RETURN, _REFUSE), _instruct(_RETURN, _ALLOW)]
    return b"".join(program)


def _instruct(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)

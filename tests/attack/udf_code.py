"""Code that tries what it must not, and tells how it went."""

from __future__ import annotations

from dataclasses import replace

from eocene.process.udf import Limits
from eocene.process.udf.walls import find_packages

LIMITS = replace(Limits(), wall_s=8.0, cpu_s=2.0)
HEAD = (
    "import ctypes, os, signal, socket, sys, time\nimport numpy as np\ndef apply_datacube(cube, context):\n"
)
KIND = "    return cube * 2\n"


def refused(body: str) -> str:
    """Return code that prints the name of the error that a line meets, or 'done'."""
    tried = f"try:\n    {body}\n    print('done')\n"
    return f"{tried}except BaseException as error:\n    print(type(error).__name__)"


def system_call(*numbers: int) -> str:
    """Return code that makes a system call by its number and prints what it returns, and errno."""
    given = ", ".join(map(str, numbers))
    return f"c = ctypes.CDLL(None, use_errno=True)\nprint(c.syscall({given}), ctypes.get_errno())"


def libc(line: str) -> str:
    """Return code that calls a function of the C library and prints what it returns, and errno."""
    return f"c = ctypes.CDLL(None, use_errno=True)\nprint({line}, ctypes.get_errno())"


OWN = (
    "[name for name in os.listdir('/tmp') "
    f"if not any(place.startswith(f'/tmp/{{name}}/') for place in {find_packages()})]"
)
"""Code that lists the own folder, without what leads to the packages where these lie below it."""

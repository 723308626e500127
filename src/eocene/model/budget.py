"""How much memory work may take: half of what the machine, or its cgroup, has free."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "EOCENE_MEMORY"
_UNITS = {"": 1, "b": 1} | {
    f"{prefix}{infix}b": base**power
    for power, prefix in enumerate("kmgt", start=1)
    for infix, base in (("", 1000), ("i", 1024))
}
_LIMITS = {"memory.max": "memory.current", "memory.limit_in_bytes": "memory.usage_in_bytes"}
"""The files of a cgroup's limit and usage, in version 2 and version 1."""


def memory_budget() -> int:
    """Return the bytes that running plans may take together: ``EOCENE_MEMORY``, or half of what is free.

    Raises
    ------
    InputError
        If ``EOCENE_MEMORY`` is not a size.
    """
    wanted = os.environ.get(VARIABLE, "").strip()
    return parse_size(wanted) if wanted else free_memory() // 2


def parse_size(text: str, variable: str = VARIABLE) -> int:
    """Return a size such as "4GiB", "500 MB" or "1073741824" in bytes; ``variable`` is where it was set.

    Raises
    ------
    InputError
        If it is not a size above 0.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    size = int(float(found[1]) * _UNITS[found[2]]) if found and found[2] in _UNITS else 0
    if size <= 0:
        raise InputError(
            f"{variable} is {text!r}, which is not a size.", "Write bytes, or a number such as 4GiB or 500MB."
        )
    return size


def free_memory(root: Path = Path("/")) -> int:
    """Return the bytes that this process could take before the machine or one of its cgroups is full.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` lie.
    """
    return min([_free_on_machine(root), *_free_in_cgroups(root)])


def _free_on_machine(root: Path) -> int:
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)
    if found:
        return int(found[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2  # a system without /proc


def _free_in_cgroups(root: Path) -> Iterator[int]:
    """Yield what is left in each cgroup around this process that has a limit."""
    for folder in _cgroups(root):
        for limit_name, usage_name in _LIMITS.items():
            limit, usage = _read(folder / limit_name).strip(), _read(folder / usage_name).strip()
            if limit.isdigit() and usage.isdigit():
                yield max(0, int(limit) - int(usage) + _reclaimable(folder))


def _cgroups(root: Path) -> Iterator[Path]:
    """Yield the folder of each cgroup that may limit memory, the innermost first."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or "memory" in controllers.split(","):
            mount = root / "sys/fs/cgroup" / ("" if number == "0" else "memory")
            # In a container the path is often that of the host, of which only the mount itself is seen.
            inner = mount / path.lstrip("/")
            yield from [f for f in (inner, *inner.parents) if f == mount or mount in f.parents]


def _reclaimable(folder: Path) -> int:
    """Return the bytes of cached files that a cgroup gives up when memory is wanted."""
    found = re.search(r"^(?:total_)?inactive_file (\d+)", _read(folder / "memory.stat"), re.MULTILINE)
    return int(found[1]) if found else 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

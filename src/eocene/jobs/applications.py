"""The applications: named process graphs with parameters, which packages bring.

Each is an openEO process, ``{"id", "summary", "process_graph", "parameters", …}``. A package offers a
tuple of them under the entry point ``eocene.applications``; the command line, application packages and
OGC API – Processes take them from here.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from eocene.jobs.job import check_process
from eocene.model import NotFoundError
from eocene.process.structure import check_description

ENTRY_POINTS = "eocene.applications"


@cache
def list_applications() -> dict[str, dict[str, Any]]:
    """Return all applications by id; of two with the same id the first stands.

    Raises
    ------
    InputError
        If a package brings something that is no process.
    """
    found: dict[str, dict[str, Any]] = {}
    for plugin in sorted(entry_points(group=ENTRY_POINTS), key=lambda plugin: plugin.name):
        for process in plugin.load():
            check_description(check_process(process))
            found.setdefault(str(process["id"]), process)
    return found


def find_application(name: str) -> dict[str, Any]:
    """Return an application; raises NotFoundError."""
    known = list_applications()
    if name not in known:
        raise NotFoundError(
            f"There is no application {name[:64]!r}.",
            f"There are {', '.join(known) or 'none'}.",
            code="ProcessUnsupported",
        )
    return known[name]

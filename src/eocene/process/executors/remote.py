"""What a worker of a cluster does: make the plan again, once, and run tasks of it.

A plan travels as plain data: the path of the workspace, the graph and the user's processes in
openEO's JSON, parameters, pixel grid. The worker's own code makes it; no code of a user is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene._version import __version__
from eocene.model import Grid, Layout, StateError, UnavailableError
from eocene.process.evaluate import Window
from eocene.process.executors.tasks import TASKS, inside_task
from eocene.process.people import from_people

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive import Archive
    from eocene.process.run import Plan

_KEPT_PLANS = 8
_plans: dict[str, Plan] = {}
_making = threading.Lock()


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Return what a worker needs to make a plan again, and to see that it is the same."""
    parameters = plan.given.get("parameters") or {}
    return {
        "version": __version__,
        "workspace": None if plan.archive is None else str(plan.archive.layout.root),
        "account": None if plan.archive is None else plan.archive.layout.account,
        "graph": plan.graph.source,
        "given": {**plan.given, "parameters": {name: from_people(v) for name, v in parameters.items()}},
        "digest": digest_plan(plan),
    }


def describe_part(part: Any) -> Any:
    """Return a part as plain data: of a window its pixel numbers and labels along t."""
    if not isinstance(part, Window):
        return part
    grid = part.grid
    return grid.left, grid.top, grid.width, grid.height, part.times


def digest_plan(plan: Plan) -> str:
    """Return a digest of what a plan reads and gives: its items, dimensions, labels, dtype and extent."""
    schema = plan.schema
    items = sorted(json.dumps(item, sort_keys=True, default=str) for item in plan.items)
    parts = [items, schema.dims, str(dict(schema.labels)), str(schema.dtype), str(schema.grid)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def keep(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description: as a task's result it reaches each worker once, and again if one is lost."""
    return description


def run_task(description: dict[str, Any], key: str, task: str, part: Any, common: Mapping[str, Any]) -> Any:
    """Run a task for a part, the pixel numbers of a window for instance.

    Raises
    ------
    UnavailableError
        If this worker runs another version.
    StateError
        If this worker sees another workspace than the client.
    """
    if description["version"] != __version__:
        raise UnavailableError(
            f"A worker of the cluster runs Eocene {__version__}, the client {description['version']}.",
            "Install the same version on both.",
        )
    plan = _plan_for(key, description)
    if isinstance(part, tuple):
        left, top, width, height, times = part
        part = Window(Grid(plan.grid.lattice, left, top, width, height), times)
    with inside_task():
        return TASKS[task](plan, part, **common)


def _plan_for(key: str, description: dict[str, Any]) -> Plan:
    """Return the plan of a description, made once in a process."""
    with _making:
        if key not in _plans:
            plan = _make_plan(description)
            while len(_plans) >= _KEPT_PLANS:
                _plans.pop(next(iter(_plans)))
            _plans[key] = plan
        return _plans[key]


def _make_plan(description: dict[str, Any]) -> Plan:
    from eocene.process.run import make_plan

    workspace = description["workspace"]
    archive = None if workspace is None else _open_archive(workspace)
    if archive is not None and description["account"] is not None:
        archive = archive.of(description["account"])
    plan = make_plan(description["graph"], archive, **description["given"])
    if digest_plan(plan) != description["digest"]:
        raise StateError(
            f"On a worker of the cluster the graph reads other items of {workspace} than on the client.",
            "Run it again if the catalogue has changed; else let the path be the same storage on both.",
            code="Conflict",
        )
    return plan


@lru_cache(maxsize=4)
def _open_archive(root: str) -> Archive:
    from eocene.archive import Archive

    layout = Layout(Path(root))
    if not (layout.marker.is_file() or layout.catalogue.is_file()):  # the catalogue may be in PostgreSQL
        raise StateError(
            f"A worker of the cluster does not see the workspace {root}.",
            "Keep workspaces on storage that client and workers share under the same path.",
            code="Conflict",
        )
    return Archive(layout)

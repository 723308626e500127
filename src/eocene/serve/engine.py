"""How the routes reach the engine: a process becomes a plan, and plans are weighed before they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.jobs.own_processes import list_carried
from eocene.model import InputError
from eocene.process import make_plan as plan_graph
from eocene.process.cost.estimate import refuse_if_too_large, result_bytes
from eocene.process.planning.faults import find_plan_faults

if TYPE_CHECKING:
    from eocene.archive import Archive
    from eocene.model import EoceneError, Lattice
    from eocene.serve.rooms import Rooms


def make_plan(
    archive: Archive,
    process: dict[str, Any],
    *,
    arguments: dict[str, Any] | None = None,
    lattice: Lattice | None = None,
    processes: dict[str, Any] | None = None,
) -> Any:
    """Return the plan of ``{"process_graph": …, "parameters": […]}``.

    Parameters without an argument take their default; ``processes`` are those that the user has
    defined, by name. Raises every error of the user.
    """
    return plan_graph(
        process["process_graph"],
        archive,
        (_defaults_of(process) | (arguments or {})) or None,
        lattice=lattice,
        processes=processes,
    )


def _defaults_of(process: dict[str, Any]) -> dict[str, Any]:
    listed = process.get("parameters") or []
    return {p["name"]: p["default"] for p in listed if isinstance(p, dict) and "default" in p}


def plan_for(rooms: Rooms, account: str | None, process: dict[str, Any], **more: Any) -> Any:
    """Return the plan of a process as an account means it: with its own processes and uploaded files."""
    known = own_processes(rooms, account) | list_carried(process)
    return make_plan(_archive_of(rooms, account), process, processes=known, **more)


def faults_for(
    rooms: Rooms, account: str | None, process: dict[str, Any], known: dict[str, Any]
) -> list[EoceneError]:
    """Return what planning finds wrong with a process as an account means it, which knows these processes."""
    graph, values = process["process_graph"], _defaults_of(process)
    return find_plan_faults(graph, _archive_of(rooms, account), values, known)


def _archive_of(rooms: Rooms, account: str | None) -> Archive:
    return rooms.archive.of(account or "", rooms.store.ownership(account or ""))


def own_processes(rooms: Rooms, account: str | None) -> dict[str, Any]:
    """Return the processes that an account has defined, by name; nobody has none."""
    return {} if account is None else rooms.own_processes.of(account)


def refuse_heavy(plan: Any, limit: int) -> None:
    """Raise InputError ProcessGraphComplexity if the result is larger than ``limit`` bytes, or the memory."""
    refuse_if_too_large(plan)
    size = result_bytes(plan)
    if size > limit:
        raise InputError(
            f"The cube holds {size / 1e6:.0f} MB; synchronous processing takes at most {limit / 1e6:.0f} MB.",
            "Run it as a batch job, or ask for a smaller area, fewer dates or a coarser resolution.",
            code="ProcessGraphComplexity",
        )

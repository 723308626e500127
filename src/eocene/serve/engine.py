"""How the routes reach the engine: a process becomes a plan, and plans are weighed before they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.model import InputError
from eocene.process import make_plan as plan_graph
from eocene.process.cost.estimate import refuse_if_too_large, result_bytes

if TYPE_CHECKING:
    from eocene.archive import Archive
    from eocene.model import Lattice


def make_plan(
    archive: Archive,
    process: dict[str, Any],
    *,
    arguments: dict[str, Any] | None = None,
    lattice: Lattice | None = None,
) -> Any:
    """Return the plan of ``{"process_graph": …, "parameters": […]}``.

    Parameters without an argument take their default. Raises every error of the user.
    """
    listed = process.get("parameters") or []
    values = {p["name"]: p["default"] for p in listed if isinstance(p, dict) and "default" in p}
    return plan_graph(
        process["process_graph"], archive, (values | (arguments or {})) or None, lattice=lattice
    )


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

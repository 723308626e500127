"""How the routes reach the engine: a process becomes a plan, and plans are weighed before they run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from eocene.model import InputError
from eocene.process import make_plan as plan_graph

if TYPE_CHECKING:
    from eocene.archive import Archive
    from eocene.model import Lattice

BYTES_A_VALUE = 4


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


def weigh_plan(plan: Any) -> int:
    """Return the size in bytes, as 32-bit numbers, of the cube that has to be computed; 0 without one."""
    if not (plan.is_cube or plan.is_table):
        return 0
    shape: tuple[int, ...] = plan.schema.shape
    return BYTES_A_VALUE * math.prod(shape)


def refuse_heavy(plan: Any, limit: int) -> None:
    """Raise InputError ProcessGraphComplexity if the result is larger than ``limit`` bytes."""
    size = weigh_plan(plan)
    if size > limit:
        raise InputError(
            f"The cube holds {size / 1e6:.0f} MB; synchronous processing takes at most {limit / 1e6:.0f} MB.",
            "Run it as a batch job, or ask for a smaller area, fewer dates or a coarser resolution.",
            code="ProcessGraphComplexity",
        )

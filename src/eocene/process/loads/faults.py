"""What a plan does about files that cannot be read, and which it has left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eocene.cube.faults import ON_ERROR
from eocene.cube.source import CubeSource
from eocene.model import InputError

if TYPE_CHECKING:
    from eocene.process.schema import PlanNodes


def treat_faults(nodes: PlanNodes, on_error: str) -> PlanNodes:
    """Return the nodes of a plan whose loads raise DamageError ("raise") or leave broken files out ("skip").

    Raises
    ------
    InputError
        If it is neither of these.
    """
    if on_error not in ON_ERROR:
        raise InputError(
            f"on_error={on_error!r} is not known.", f"Give one of {', '.join(ON_ERROR)}.",
            code="ProcessParameterInvalid",
        )  # fmt: skip
    if on_error == ON_ERROR[0]:
        return nodes
    treated = [
        replace(node, source=replace(node.source, on_error=on_error))
        if isinstance(node.source, CubeSource)
        else node
        for node in nodes.nodes
    ]
    return replace(nodes, nodes=tuple(treated))


def skipped_of(nodes: PlanNodes) -> list[dict[str, str]]:
    """Return what the loads of a plan have left out; of one load the list that grows while it is read."""
    found = {id(n.source.faults): n.source.faults for n in nodes.nodes if isinstance(n.source, CubeSource)}
    lists = [faults.found for faults in found.values()]
    return lists[0] if len(lists) == 1 else [fault for one in lists for fault in one]

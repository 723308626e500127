"""All that planning finds wrong with a graph, where :func:`~eocene.process.make_plan` raises the first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.model import EoceneError
from eocene.process.allowance import limit_plan
from eocene.process.graph import load_graph, parse_graph
from eocene.process.planning.plan import Planner
from eocene.process.userdefined import UserProcesses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive import Archive
    from eocene.process.graph import Node

_BROKEN = object()
"""Stands for the result of a node that cannot be planned, or that needs one that cannot."""


@dataclass(eq=False)
class _Finder(Planner):
    """Goes on after a fault with the nodes that do not need the one at fault."""

    faults: list[EoceneError] = field(default_factory=list)

    def plan_call(self, node: Node, arguments: dict[str, Any], hints: dict[str, Any]) -> Any:
        if _is_broken(arguments):
            return _BROKEN
        try:
            return super().plan_call(node, arguments, hints)
        except EoceneError as error:
            self.faults.append(error)
            return _BROKEN


def _is_broken(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_broken, value.values()))
    return any(map(_is_broken, value)) if isinstance(value, list | tuple) else value is _BROKEN


def find_plan_faults(
    graph: Any,
    archive: Archive | None = None,
    parameters: Mapping[str, Any] | None = None,
    processes: Mapping[str, Any] | None = None,
) -> list[EoceneError]:
    """Return the faults of a graph, those of nodes that need a faulty one left out; nothing is read.

    Parameters
    ----------
    graph, archive, parameters, processes
        As for :func:`~eocene.process.make_plan`.
    """
    finder = _Finder(archive, None, UserProcesses(processes or {}))
    try:
        with limit_plan():
            parsed = parse_graph(load_graph(graph))
            finder.own.check(parsed)
            scope = {name: finder.give(name, value) for name, value in (parameters or {}).items()}
            finder.plan(parsed, scope)
    except EoceneError as error:
        finder.faults.append(error)
    return finder.faults

"""Callbacks: the little graphs inside reduce_dimension, apply and their kin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.model import EoceneError, InputError
from eocene.process import registry
from eocene.process.allowance import is_planning
from eocene.process.graph import Graph, Node, NodeRef, ParameterRef
from eocene.process.userdefined import UserProcesses

if TYPE_CHECKING:
    from collections.abc import Mapping

MISUSE = (TypeError, ValueError, AttributeError, IndexError, KeyError, OverflowError, ArithmeticError)
"""What a process function raises on arguments of the right type that it cannot work with.

That is the user's fault only while a plan is made, when each function meets its arguments first. What then
worked on one pixel and fails on a block is a fault of ours, and stays what it is.
"""


@dataclass(frozen=True)
class Callback:
    """A child graph that is called with blocks or plain values.

    ``outer`` holds the parameters of the surrounding graph, which the child sees too; ``own`` the
    processes that the user has defined.
    """

    graph: Graph
    outer: Mapping[str, Any]
    owner: str
    own: UserProcesses = field(default_factory=UserProcesses)

    def __call__(self, **parameters: Any) -> Any:
        """Compute the child graph with the given parameters."""
        scope = {**self.outer, **parameters}
        results: dict[str, Any] = {}
        for node in self.graph.nodes:
            results[node.id] = self._call(node, scope, results)
        return results[self.graph.result]

    def _call(self, node: Node, scope: Mapping[str, Any], results: Mapping[str, Any]) -> Any:
        where = f"{self.owner}/{node.id}"
        arguments = {k: resolve(v, scope, results, where, self.own) for k, v in node.arguments.items()}
        if self.own.owns(node):
            bound = self.own.bind(node.process, arguments, where)
            return Callback(self.own.graph(node.process), {}, where, self.own)(**bound)
        definition = registry.get(node.process, where)
        if definition.kind != "window":
            raise InputError(
                f"Process {node.process!r} in node {where!r} cannot stand inside a callback.",
                "Use it in the outer graph.",
                code="ProcessUnsupported",
            )
        arguments = definition.check_arguments(arguments, where)
        try:
            return definition.call(arguments)
        except EoceneError:
            raise
        except MISUSE as error:
            if is_planning():
                raise definition.misused(where, error) from error
            error.add_note(f"Computing node {where!r}, process {definition.id!r}.")
            raise


_NONE = UserProcesses()


def resolve(
    value: Any,
    scope: Mapping[str, Any],
    results: Mapping[str, Any],
    owner: str,
    own: UserProcesses = _NONE,
) -> Any:
    """Return an argument with references replaced by what they refer to; callbacks do not see whole cubes."""
    if isinstance(value, NodeRef):
        return results[value.node]
    if isinstance(value, ParameterRef):
        if value.name not in scope:
            raise InputError(
                f"Node {owner!r} refers to the parameter {value.name!r}, which is not given.",
                f"Parameters here: {', '.join(scope) or 'none'}.",
                code="ProcessParameterRequired",
            )
        return scope[value.name]
    if isinstance(value, Graph):
        return Callback(value, {k: v for k, v in scope.items() if not hasattr(v, "probe")}, owner, own)
    if isinstance(value, dict):
        return {k: resolve(v, scope, results, owner, own) for k, v in value.items()}
    if isinstance(value, list):
        return [resolve(v, scope, results, owner, own) for v in value]
    return value

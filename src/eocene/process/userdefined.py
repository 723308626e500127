"""Processes that users define by graphs: looked up by name, checked once, called like any other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.model import InputError
from eocene.process.graph import MAX_NODES, Graph, Node, load_graph, parse_graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PROCESSES = 500
"""How many processes of the user a graph may call, directly or through others."""


@dataclass(frozen=True, eq=False)
class UserProcesses:
    """The processes of a user by name, each ``{"process_graph": …, "parameters": […]}``."""

    definitions: Mapping[str, Any] = field(default_factory=dict)
    _graphs: dict[str, Graph] = field(default_factory=dict)

    def owns(self, node: Node) -> bool:
        """Tell whether a node calls one of these processes; they go before those of the same name of ours.

        Raises
        ------
        InputError
            ProcessUnsupported, if the node asks for a process of the user that there is not.
        """
        if node.namespace == "user" and node.process not in self.definitions:
            raise InputError(
                f"The user has defined no process {node.process!r} (node {node.id!r}).",
                f"There are {', '.join(sorted(self.definitions)[:10]) or 'none'}.",
                code="ProcessUnsupported",
            )
        return node.namespace != "backend" and node.process in self.definitions

    def graph(self, name: str) -> Graph:
        """Return the parsed graph of a process.

        Raises
        ------
        InputError
            If the stored graph is not valid, naming the process.
        """
        if name not in self._graphs:
            try:
                self._graphs[name] = parse_graph(load_graph(self.definitions[name]))
            except InputError as error:
                raise InputError(
                    f"{error.message} (in the user-defined process {name!r})", error.remedy, code=error.code
                ) from error
        return self._graphs[name]

    def bind(self, name: str, arguments: Mapping[str, Any], node: str) -> dict[str, Any]:
        """Return parameter → value for a call, defaults filled in.

        Raises
        ------
        InputError
            ProcessParameterUnsupported or ProcessParameterRequired.
        """
        stored = self.definitions[name]
        listed = stored.get("parameters") if isinstance(stored, dict) else None
        known = {p["name"]: p for p in listed or [] if isinstance(p, dict) and "name" in p}
        for given in arguments:
            if given not in known:
                raise InputError(
                    f"The user-defined process {name!r} in node {node!r} has no parameter {given!r}.",
                    f"Its parameters are {', '.join(known) or 'none'}.",
                    code="ProcessParameterUnsupported",
                )
        for wanted, parameter in known.items():
            if wanted not in arguments and not (parameter.get("optional") or "default" in parameter):
                raise InputError(
                    f"The user-defined process {name!r} in node {node!r} lacks the parameter {wanted!r}.",
                    str(parameter.get("description") or "Give it a value."),
                    code="ProcessParameterRequired",
                )
        return {key: p.get("default") for key, p in known.items()} | dict(arguments)

    def check(self, graph: Graph) -> None:
        """Check, before anything is expanded, that the graph does not grow without end.

        Raises
        ------
        InputError
            ProcessGraphComplexity: a process calls itself, directly or through others, or all calls
            together are too many nodes.
        """
        sizes: dict[str, int] = {}
        for name in self._called(graph):
            self._measure(name, sizes)
        size = _count(graph) + sum(sizes[name] for name in self._called(graph))
        if size > MAX_NODES:
            raise _too_large(f"The graph has {size} nodes when its user-defined processes are expanded.")

    def _called(self, graph: Graph) -> list[str]:
        return [node.process for node in walk(graph) if self.owns(node)]

    def _measure(self, name: str, sizes: dict[str, int]) -> None:
        """Find the expanded size of a process and of all that it calls, depth first, without recursion."""
        path: dict[str, list[str]] = {name: list(dict.fromkeys(self._called(self.graph(name))))}
        while path:
            current, pending = next(reversed(path.items()))
            if pending:
                other = pending.pop()
                if other in path:
                    raise _too_large(f"The user-defined process {other!r} calls itself.")
                if len(path) + len(sizes) > MAX_PROCESSES:
                    raise _too_large(f"The graph calls more than {MAX_PROCESSES} user-defined processes.")
                if other not in sizes:
                    path[other] = list(dict.fromkeys(self._called(self.graph(other))))
                continue
            graph = self.graph(current)
            sizes[current] = _count(graph) + sum(sizes[other] for other in self._called(graph))
            if sizes[current] > MAX_NODES:
                raise _too_large(f"The user-defined process {current!r} has {sizes[current]} nodes.")
            del path[current]


def _too_large(message: str) -> InputError:
    return InputError(
        message, f"Keep it below {MAX_NODES} nodes, without circles.", code="ProcessGraphComplexity"
    )


def _count(graph: Graph) -> int:
    return sum(1 for _ in walk(graph))


def walk(graph: Graph) -> Iterator[Node]:
    """Yield the nodes of a graph and of all callbacks in it."""
    pending: list[Any] = [graph]
    while pending:
        value = pending.pop()
        if isinstance(value, Graph):
            yield from value.nodes
            pending.extend(node.arguments for node in value.nodes)
        elif isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)

"""Read an openEO process graph: JSON in, nodes in the order of computation out, within bounds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.model import InputError
from eocene.process.strict_json import copy_plain, quote, read_json, read_json_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_NODES = 10_000
"""Nodes of one graph."""
MAX_NAME = 250
"""Characters of the name of a node, process, argument or parameter."""


@dataclass(frozen=True)
class NodeRef:
    """An argument that is the result of another node."""

    node: str


@dataclass(frozen=True)
class ParameterRef:
    """An argument that the surrounding process, or the caller, hands in."""

    name: str


@dataclass(frozen=True)
class Node:
    """One process call; arguments hold literals, references and nested graphs."""

    id: str
    process: str
    arguments: Mapping[str, Any]
    namespace: str | None = None


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each comes after those it needs, and the id of the result."""

    nodes: tuple[Node, ...]
    result: str

    @property
    def source(self) -> dict[str, Any]:
        """The flat openEO form, as plain JSON."""
        return {
            n.id: {
                "process_id": n.process,
                **({"namespace": n.namespace} if n.namespace else {}),
                "arguments": to_json(n.arguments),
                **({"result": True} if n.id == self.result else {}),
            }
            for n in self.nodes
        }


def load_graph(graph: Any) -> dict[str, Any]:
    """Return the flat graph dict from what a user has at hand.

    Accepts a flat graph, a process (``{"process_graph": …}``), a request (``{"process": …}``), one of
    these as JSON text, the path of a JSON file, or an object with ``flat_graph()`` such as
    ``openeo.DataCube``.
    """
    if hasattr(graph, "flat_graph"):
        graph = graph.flat_graph()
    if isinstance(graph, bytes) or (isinstance(graph, str) and graph.lstrip().startswith("{")):
        graph = read_json(graph, "The process graph")
    elif isinstance(graph, str | Path):
        graph = read_json_file(Path(graph), f"The graph file {str(graph)[-200:]!r}")
    for key in ("process", "process_graph"):
        if isinstance(graph, dict) and key in graph and not _is_node(graph[key]):
            graph = graph[key]
    if not isinstance(graph, dict) or not graph:
        raise InputError(
            "The process graph is empty or not a JSON object.",
            'Give a flat graph: {"id": {"process_id": …, "arguments": {…}, "result": true}}.',
            code="ProcessGraphMissing",
        )
    return graph


def _is_node(value: Any) -> bool:
    return isinstance(value, dict) and "process_id" in value


def parse_graph(flat: Mapping[str, Any]) -> Graph:
    """Check a flat graph, and order its nodes and those of the callbacks in it.

    Raises
    ------
    InputError
        ProcessGraphInvalid, naming the node: not an object, no process_id, something that JSON has not,
        a reference to a node that does not exist, a cycle, no or several results;
        ProcessGraphComplexity when it is too large or nested too deeply.
    """
    _check_nodes(flat, "")
    return _make_graph(copy_plain(flat, "The process graph"), "")


def _check_nodes(flat: Any, owner: str) -> None:
    if not isinstance(flat, dict):
        raise InputError(f"The process graph{_inside(owner)} is not an object.", "Write {id: node, …}.")
    if len(flat) > MAX_NODES:
        raise InputError(
            f"The process graph{_inside(owner)} has {len(flat):,} nodes, more than {MAX_NODES:,}.",
            "Split it into several jobs.",
            code="ProcessGraphComplexity",
        )


def _make_graph(flat: Any, owner: str) -> Graph:
    """Return a graph of plain JSON; its depth is bounded, so that what follows may call itself."""
    _check_nodes(flat, owner)
    nodes = {key: _make_node(key, value, owner) for key, value in flat.items()}
    return Graph(tuple(_order(nodes, owner)), _find_result(flat, owner))


def _make_node(key: str, value: Any, owner: str) -> Node:
    where = f"{owner}/{key}" if owner else key
    _check_name(key, "id of a node", owner)
    if not isinstance(value, dict) or not isinstance(value.get("process_id"), str):
        raise InputError(f"Node {where!r} has no process_id.", "Each node needs a process_id and arguments.")
    arguments = value.get("arguments", {})
    if not isinstance(arguments, dict):
        raise InputError(
            f"The arguments of node {where!r} are not an object.", "Write them as {name: value}."
        )
    namespace = value.get("namespace")
    if namespace not in (None, "backend", "user"):
        raise InputError(
            f"Node {where!r} takes its process from the namespace {quote(str(namespace))}.",
            "There are 'backend' and 'user'; leave it out to look in both.",
        )
    for name in (value["process_id"], *arguments):
        _check_name(name, "name", where)
    known = {k: _make_argument(v, where) for k, v in arguments.items()}
    return Node(key, value["process_id"], known, namespace)


def _make_argument(value: Any, where: str) -> Any:
    """Return an argument with the references and callbacks in it recognised."""
    if isinstance(value, list):
        return [_make_argument(v, where) for v in value]
    if not isinstance(value, dict):
        return value
    if "from_node" in value:
        return NodeRef(_read_reference(value, "from_node", where))
    if "from_parameter" in value:
        return ParameterRef(_read_reference(value, "from_parameter", where))
    if "process_graph" in value:
        return _make_graph(value["process_graph"], where)
    return {k: _make_argument(v, where) for k, v in value.items()}


def _read_reference(value: dict[str, Any], key: str, where: str) -> str:
    name = value[key]
    if len(value) > 1 or not isinstance(name, str):
        raise InputError(
            f"A reference in node {where!r} is not just {key} and a name.", f'Write {{"{key}": "name"}}.'
        )
    _check_name(name, key, where)
    return name


def _check_name(name: str, what: str, owner: str) -> None:
    if len(name) > MAX_NAME:
        raise InputError(
            f"The {what} {quote(name)}{f' in {owner!r}' if owner else ''} has {len(name):,} characters.",
            f"Names have {MAX_NAME} at most.",
        )


def _inside(owner: str) -> str:
    return f" in the callback of node {owner!r}" if owner else ""


def _find_result(flat: Mapping[str, Any], owner: str) -> str:
    for key, value in flat.items():
        if not isinstance(value.get("result", False), bool):
            raise InputError(
                f"The mark 'result' of node {key!r}{_inside(owner)} is neither true nor false.",
                'Write "result": true at the node whose result is wanted.',
            )
    results = [key for key, value in flat.items() if value.get("result")]
    if len(results) != 1:
        raise InputError(
            f"The process graph{_inside(owner)} has {len(results)} result nodes.",
            'Mark exactly one node with "result": true.',
        )
    return results[0]


def references(value: Any) -> Iterator[str]:
    """Yield the ids of the nodes that an argument refers to, nested graphs excepted."""
    pending = deque([value])
    while pending:
        current = pending.popleft()
        if isinstance(current, NodeRef):
            yield current.node
        elif isinstance(current, dict):
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)


def _order(nodes: Mapping[str, Node], owner: str) -> Iterator[Node]:
    """Yield nodes after those that they need (Kahn's algorithm)."""
    needs = {key: set(references(dict(node.arguments))) for key, node in nodes.items()}
    for key, wanted in needs.items():
        for missing in [other for other in wanted if other not in nodes]:
            raise InputError(
                f"Node {key!r} refers to node {missing!r}, which does not exist{_inside(owner)}.",
                f"The nodes there are {_list_some(nodes)}.",
            )
    users: dict[str, list[str]] = {key: [] for key in nodes}
    for key, wanted in needs.items():
        for other in wanted:
            users[other].append(key)
    ready = deque(key for key, wanted in needs.items() if not wanted)
    done = 0
    while ready:
        key = ready.popleft()
        done += 1
        yield nodes[key]
        for user in users[key]:
            needs[user].discard(key)
            if not needs[user]:
                ready.append(user)
    if done < len(nodes):
        stuck = sorted(key for key, wanted in needs.items() if wanted)
        raise InputError(
            f"The nodes {_list_some(stuck)} refer to each other in a circle{_inside(owner)}.",
            "Break the circle.",
        )


def _list_some(names: Iterable[str]) -> str:
    some = [repr(name) for name in islice(names, 6)]
    return ", ".join(some) if len(some) < 6 else f"{', '.join(some[:5])}, …"


def to_json(value: Any) -> Any:
    """Return an argument in its JSON form."""
    if isinstance(value, NodeRef):
        return {"from_node": value.node}
    if isinstance(value, ParameterRef):
        return {"from_parameter": value.name}
    if isinstance(value, Graph):
        return {"process_graph": value.source}
    if isinstance(value, dict) or hasattr(value, "items"):
        return {k: to_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(v) for v in value]
    return value

"""Read an openEO process graph: JSON in, nodes in the order of computation out; bounded, no recursion."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_NODES = 10_000
MAX_DEPTH = 100


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
                "arguments": to_json(n.arguments),
                **({"result": True} if n.id == self.result else {}),
            }
            for n in self.nodes
        }


def load_graph(graph: Any) -> dict[str, Any]:
    """Return the flat graph dict from what a user has at hand.

    Accepts a flat graph, a process (``{"process_graph": …}``), a request (``{"process": …}``), a path
    of a JSON file, or an object with ``flat_graph()`` such as ``openeo.DataCube``.
    """
    if hasattr(graph, "flat_graph"):
        graph = graph.flat_graph()
    if isinstance(graph, str | Path):
        graph = _read_json(Path(graph))
    for key in ("process", "process_graph"):
        if isinstance(graph, dict) and isinstance(graph.get(key), dict) and "process_id" not in graph[key]:
            graph = graph[key]
    if not isinstance(graph, dict) or not graph:
        raise InputError(
            "The process graph is empty or not a JSON object.",
            'Give a flat graph: {"id": {"process_id": …, "arguments": {…}, "result": true}}.',
            code="ProcessGraphMissing",
        )
    return graph


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"The graph file {path} cannot be read: {error.strerror}.", "Check the path."
        ) from error
    except ValueError as error:
        raise InputError(f"The graph file {path} is not JSON: {error}.", "Check the file.") from error


def parse_graph(flat: Mapping[str, Any], *, depth: int = 0) -> Graph:
    """Check a flat graph and order its nodes.

    Raises
    ------
    InputError
        ProcessGraphInvalid, naming the node: not an object, no process_id, a reference to a node
        that does not exist, a cycle, no or several results; ProcessGraphComplexity when it is too
        large or nested too deeply.
    """
    if depth > MAX_DEPTH or len(flat) > MAX_NODES:
        raise InputError(
            f"The process graph has more than {MAX_NODES} nodes or is nested deeper than {MAX_DEPTH}.",
            "Split it into several jobs.",
            code="ProcessGraphComplexity",
        )
    nodes = {key: _parse_node(key, value, depth) for key, value in flat.items()}
    return Graph(tuple(_order(nodes, depth)), _find_result(flat))


def _parse_node(key: str, value: Any, depth: int) -> Node:
    if not isinstance(value, dict) or not isinstance(value.get("process_id"), str):
        raise InputError(f"Node {key!r} has no process_id.", "Each node needs a process_id and arguments.")
    arguments = value.get("arguments", {})
    if not isinstance(arguments, dict):
        raise InputError(f"The arguments of node {key!r} are not an object.", "Write them as {name: value}.")
    return Node(key, value["process_id"], {k: _parse_value(v, depth) for k, v in arguments.items()})


def _parse_value(value: Any, level: int) -> Any:
    if level > MAX_DEPTH:
        raise InputError(
            f"An argument is nested deeper than {MAX_DEPTH}.", "Flatten it.", code="ProcessGraphComplexity"
        )
    if isinstance(value, dict):
        if set(value) == {"from_node"}:
            return NodeRef(str(value["from_node"]))
        if set(value) == {"from_parameter"}:
            return ParameterRef(str(value["from_parameter"]))
        if isinstance(value.get("process_graph"), dict):
            return parse_graph(value["process_graph"], depth=level + 1)
        return {k: _parse_value(v, level + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_parse_value(v, level + 1) for v in value]
    return value


def _find_result(flat: Mapping[str, Any]) -> str:
    results = [key for key, value in flat.items() if value.get("result")]
    if len(results) != 1:
        raise InputError(
            f"The process graph has {len(results)} result nodes.",
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


def _order(nodes: Mapping[str, Node], depth: int) -> Iterator[Node]:
    """Yield nodes after those that they need (Kahn's algorithm)."""
    needs = {key: set(references(dict(node.arguments))) for key, node in nodes.items()}
    for key, wanted in needs.items():
        for missing in [other for other in wanted if other not in nodes]:
            raise InputError(
                f"Node {key!r} refers to node {missing!r}, which does not exist"
                f"{' in its callback' if depth else ''}.",
                f"The nodes are {', '.join(nodes)}.",
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
            f"The nodes {', '.join(stuck[:5])} refer to each other in a circle.", "Break the circle."
        )


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

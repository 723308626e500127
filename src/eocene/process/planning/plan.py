"""From a graph to planned nodes: every argument known, every schema inferred, nothing read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from eocene.cube.block import Block
from eocene.cube.source import CubeSource
from eocene.model import EoceneError, InputError
from eocene.process import registry
from eocene.process.callback import MISUSE, resolve
from eocene.process.graph import Graph, Node, load_graph, parse_graph, references
from eocene.process.people import from_people
from eocene.process.planning.infer import check_pixels, infer_late, infer_node
from eocene.process.planning.narrowing import Picks, choose_bands, find_picks
from eocene.process.planning.pushdown import push_down
from eocene.process.registry import ProcessDefinition
from eocene.process.schema import CubeSchema, PlannedNode, PlanNodes
from eocene.process.udf.owners import bind_code
from eocene.process.userdefined import UserProcesses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive import Archive
    from eocene.model import Lattice


def plan_nodes(
    graph: Any,
    archive: Archive | None = None,
    parameters: Mapping[str, Any] | None = None,
    lattice: Lattice | None = None,
    own: UserProcesses | None = None,
) -> tuple[Graph, PlanNodes]:
    """Check a graph and infer the schema of each node.

    Raises
    ------
    EoceneError
        Every fault that a user can make, with the id of the node.
    """
    parsed = parse_graph(load_graph(graph))
    planner = Planner(archive, lattice, own or UserProcesses())
    planner.own.check(parsed)
    scope = {name: planner.give(name, value) for name, value in (parameters or {}).items()}
    result = planner.plan(parsed, scope)
    return parsed, PlanNodes(tuple(planner.nodes), result)


@dataclass(eq=False)
class Planner:
    """Collects the nodes of a graph, and of the user-defined processes in it, in the order of computation."""

    archive: Archive | None
    lattice: Lattice | None
    own: UserProcesses
    nodes: list[PlannedNode] = field(default_factory=list)

    def give(self, name: str, value: Any) -> Any:
        """Return a parameter's value; a cube that is handed in becomes a leaf of the plan."""
        given = from_people(value)
        if isinstance(given, Block) or not hasattr(given, "probe"):
            return given
        node = Node(f"parameter {name}", "parameter", {})
        return self._add(PlannedNode(node, _GIVEN, {}, CubeSchema(given.probe(), given.grid), given))

    def plan(self, graph: Graph, scope: Mapping[str, Any], prefix: str = "") -> Any:
        """Plan the nodes that the result of a graph needs and return the schema or value of the result."""
        graph = bind_code(graph, scope, self.archive)
        hints = push_down(graph, scope)
        picks = find_picks(graph)
        renamed: dict[str, Node] = {}
        known: dict[str, Any] = {}
        for original in _reachable(graph):
            node = renamed.get(original.id, original)
            named = replace(node, id=prefix + node.id)
            arguments = {k: resolve(v, scope, known, named.id, self.own) for k, v in node.arguments.items()}
            known[node.id] = self.plan_call(named, arguments, hints.get(node.id, {}))
            if node.id in picks and isinstance(known[node.id], CubeSchema):
                known[node.id] = self._narrow(known[node.id], picks[node.id], renamed)
        return known[graph.result]

    def plan_call(self, node: Node, arguments: dict[str, Any], hints: dict[str, Any]) -> Any:
        """Return the schema or value of a node; of a process of the user, that of its graph."""
        if not self.own.owns(node):
            return self._plan_node(node, arguments, hints)
        bound = self.own.bind(node.process, arguments, node.id)
        return self.plan(self.own.graph(node.process), bound, f"{node.id}/")

    def _narrow(self, schema: CubeSchema, picks: Picks, renamed: dict[str, Node]) -> CubeSchema:
        """Let a load, the last node so far, read only the bands that are picked of it."""
        planned = self.nodes[-1]
        chosen = choose_bands(picks, schema.bands, schema.probe.common_names)
        if chosen is None or not isinstance(planned.source, CubeSource):
            return schema
        bands, others = chosen
        renamed |= others
        source = planned.source.of_bands(bands)
        self.nodes.pop()
        narrow = CubeSchema(source.probe(), source.grid)
        return self._add(replace(planned, schema=narrow, source=source))

    def _plan_node(self, node: Node, arguments: dict[str, Any], hints: dict[str, Any]) -> Any:
        """Return the schema of a node, or its value where it needs no pixels."""
        definition = registry.get(node.process, node.id)
        arguments = definition.check_arguments(arguments, node.id)
        try:
            if definition.kind == "source":
                loaded = self._infer_source(node, definition, arguments, hints)
                return loaded if isinstance(loaded, Block) else self._add(loaded)
            cubes = {k: v for k, v in arguments.items() if isinstance(v, CubeSchema)}
            if definition.kind == "late":
                return self._add(infer_late(node, definition, arguments, self._lend(definition)))
            if cubes.keys() <= definition.find_unread(arguments):
                return self._call_constant(definition, arguments, cubes)
            return self._add(infer_node(node, definition, arguments, cubes))
        except EoceneError as error:
            raise _name_node(error, node) from error
        except MISUSE as error:
            raise definition.misused(node.id, error) from error

    def _add(self, planned: PlannedNode) -> CubeSchema:
        schema = replace(planned.schema, node=planned.id)
        self.nodes.append(replace(planned, schema=schema))
        return schema

    def _need_archive(self, definition: ProcessDefinition) -> Archive:
        if self.archive is None:
            raise InputError(
                f"Process {definition.id!r} needs a workspace to read from.",
                "Run the graph with workspace=….",
            )
        return self.archive

    def _lend(self, definition: ProcessDefinition) -> dict[str, Any]:
        """Return the archive by its name in the function, if that wants it."""
        return {"_archive": self._need_archive(definition)} if "_archive" in definition.engine_names else {}

    def _call_constant(
        self, definition: ProcessDefinition, arguments: dict[str, Any], cubes: dict[str, CubeSchema]
    ) -> Any:
        """Compute what needs no pixels: plain values, arrays, cubes without pixels, and the form of cubes."""
        forms = {k: c.probe.with_(grid=c.grid) for k, c in cubes.items()}
        if not cubes:
            check_pixels(definition, [])
        result = definition.call({**arguments, **forms}, **self._lend(definition))
        return next((cubes[k] for k, form in forms.items() if form is result), result)

    def _infer_source(
        self, node: Node, definition: ProcessDefinition, arguments: dict[str, Any], hints: dict[str, Any]
    ) -> PlannedNode | Block:
        """Return the node of what is loaded; a cube without pixels is loaded at once."""
        archive = self._need_archive(definition)

        def load(given: dict[str, Any]) -> Any:
            behind = {k: self._find_source(v) for k, v in given.items()}
            return definition.call(behind, _archive=archive, _lattice=self.lattice)

        narrowed = {**arguments, **{k: v for k, v in hints.items() if k in arguments}}
        try:
            source = load(narrowed)
        except EoceneError:
            if narrowed == arguments:
                raise
            # What a filter downstream asks for is at fault: it is told there, by the filter's own name.
            source = load(arguments)
        if isinstance(source, Block):
            return source
        if "span" in hints:
            kept = tuple(date for date in source.dates if hints["span"].contains(date[0]))
            source = replace(source, dates=kept or source.dates)
        plain = {k: v for k, v in arguments.items() if not isinstance(v, CubeSchema)}
        return PlannedNode(node, definition, plain, CubeSchema(source.probe(), source.grid), source)

    def _find_source(self, value: Any) -> Any:
        """Return what a load gives, if the value is its cube: for processes that change how it is read."""
        if not isinstance(value, CubeSchema):
            return value
        return next((n.source for n in self.nodes if n.id == value.node and n.source is not None), value)


def _give() -> None:
    """Stand for a cube that is handed in."""


_GIVEN = ProcessDefinition("parameter", _give, kind="source")


def _reachable(graph: Graph) -> list[Node]:
    """Return the nodes that the result needs, in the order of computation."""
    needed = {graph.result}
    for node in reversed(graph.nodes):
        if node.id in needed:
            needed.update(references(dict(node.arguments)))
    return [node for node in graph.nodes if node.id in needed]


def _name_node(error: EoceneError, node: Node) -> EoceneError:
    """Return the error with the id of the node in its message."""
    if f"{node.id!r}" in error.message or f"{node.id}/" in error.message:
        return error
    named = type(error)(f"{error.message} (node {node.id!r}, {node.process})", error.remedy, code=error.code)
    vars(named).update({k: v for k, v in vars(error).items() if k not in ("message", "remedy")})
    return named

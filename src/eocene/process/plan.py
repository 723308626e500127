"""A plan: a function from a window (grid, dates) to an array, checked before a pixel is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.source import CubeSource
from eocene.model import EoceneError, Grid, InputError
from eocene.process import registry
from eocene.process.callback import resolve
from eocene.process.graph import NodeRef, load_graph, parse_graph, references
from eocene.process.pushdown import push_down

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive import Archive
    from eocene.model import Lattice
    from eocene.process.graph import Graph, Node
    from eocene.process.registry import ProcessDefinition


@dataclass(frozen=True, eq=False)
class CubeSchema:
    """What a node gives: dimensions, labels, dtype and extent, known without reading."""

    probe: Block
    grid: Grid

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimension names, y and x last."""
        return self.probe.dims

    @property
    def labels(self) -> Mapping[str, tuple[Any, ...]]:
        """Labels of every dimension but y and x."""
        return self.probe.labels

    @property
    def times(self) -> tuple[Any, ...]:
        """Labels along t; empty if there is no such dimension."""
        return self.labels.get("t", ())

    @property
    def bands(self) -> tuple[str, ...]:
        """Band names; empty if there is no such dimension."""
        return self.labels.get("bands", ())

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.probe.values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension."""
        return (*(len(self.labels[d]) for d in self.dims[:-2]), *self.grid.shape)


@dataclass(frozen=True)
class TableSchema:
    """What a node gives when the pixels have been left for polygons."""

    cube: CubeSchema


@dataclass(frozen=True, eq=False)
class PlannedNode:
    """A node whose arguments are known: literals, callbacks, and references to other cubes."""

    node: Node
    definition: ProcessDefinition
    arguments: dict[str, Any]
    schema: CubeSchema | TableSchema
    source: CubeSource | None = None

    @property
    def id(self) -> str:
        """The node's id in the graph."""
        return self.node.id

    def inputs(self) -> dict[str, str]:
        """Return parameter → node id for the arguments that are cubes."""
        return {k: v.node for k, v in self.node.arguments.items() if isinstance(v, NodeRef)
                and isinstance(self.arguments.get(k), CubeSchema | TableSchema)}  # fmt: skip

    def call(self, blocks: Mapping[str, Any], window: Grid | None) -> Any:
        """Compute the node with blocks in place of cubes."""
        engine = {"_window": window} if "_window" in self.definition.engine_names else {}
        return self.definition.call({**self.arguments, **blocks}, **engine)


@dataclass(frozen=True, eq=False)
class PlanNodes:
    """The nodes of a plan in the order of computation, and the id of the result."""

    nodes: tuple[PlannedNode, ...]
    result: str
    constant: Any = field(default=None)

    @cached_property
    def by_id(self) -> dict[str, PlannedNode]:
        """Return the nodes by id."""
        return {n.id: n for n in self.nodes}


def plan_nodes(
    graph: Any, archive: Archive, parameters: Mapping[str, Any] | None = None, lattice: Lattice | None = None
) -> tuple[Graph, PlanNodes]:
    """Check a graph and infer the schema of each node.

    Raises
    ------
    EoceneError
        Every fault that a user can make, with the id of the node.
    """
    parsed = parse_graph(load_graph(graph))
    scope = dict(parameters or {})
    hints = push_down(parsed, scope)
    known: dict[str, Any] = {}
    planned: list[PlannedNode] = []
    for node in _reachable(parsed):
        definition = registry.get(node.process, node.id)
        arguments = {k: resolve(v, scope, known, node.id) for k, v in node.arguments.items()}
        arguments = definition.check_arguments(arguments, node.id)
        result = _infer(node, definition, arguments, archive, lattice, hints.get(node.id, {}))
        known[node.id] = result.schema if isinstance(result, PlannedNode) else result
        if isinstance(result, PlannedNode):
            planned.append(result)
    constant = known[parsed.result]
    return parsed, PlanNodes(tuple(planned), parsed.result, constant)


def _reachable(graph: Graph) -> list[Node]:
    """Return the nodes that the result needs, in the order of computation."""
    needed = {graph.result}
    for node in reversed(graph.nodes):
        if node.id in needed:
            needed.update(references(dict(node.arguments)))
    return [node for node in graph.nodes if node.id in needed]


def _infer(
    node: Node,
    definition: ProcessDefinition,
    arguments: dict[str, Any],
    archive: Archive,
    lattice: Lattice | None,
    hints: dict[str, Any],
) -> Any:
    """Return the planned node, or the plain value of a node that reads no cube."""
    try:
        if definition.kind == "source":
            return _infer_source(node, definition, arguments, archive, lattice, hints)
        cubes = {k: v for k, v in arguments.items() if isinstance(v, CubeSchema)}
        if definition.kind == "global":
            return _infer_table(node, definition, arguments, cubes)
        tables = [v for v in arguments.values() if isinstance(v, TableSchema)]
        if tables:
            if definition.id != "save_result":
                raise InputError(
                    f"Process {definition.id!r} works on cubes, not on the table of aggregate_spatial.",
                    "End the graph with the table, or use save_result.",
                )
            return PlannedNode(node, definition, arguments, tables[0])
        if not cubes:
            return _call_constant(node, definition, arguments, archive)
        return _infer_window(node, definition, arguments, cubes)
    except EoceneError as error:
        raise _name_node(error, node) from error
    except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise definition.misused(node.id, error) from error


def _name_node(error: EoceneError, node: Node) -> EoceneError:
    """Return the error with the id of the node in its message."""
    if f"{node.id!r}" in error.message or f"{node.id}/" in error.message:
        return error
    named = type(error)(f"{error.message} (node {node.id!r}, {node.process})", error.remedy, code=error.code)
    named.status = error.status
    return named


def _call_constant(
    node: Node, definition: ProcessDefinition, arguments: dict[str, Any], archive: Archive
) -> Any:
    engine = {"_archive": archive} if "_archive" in definition.engine_names else {}
    if "_window" in definition.engine_names or any(isinstance(v, Block) for v in arguments.values()):
        raise InputError(
            f"Process {definition.id!r} in node {node.id!r} got no cube.", "Connect it to a load process."
        )
    return definition.call(arguments, **engine)


def _infer_source(
    node: Node,
    definition: ProcessDefinition,
    arguments: dict[str, Any],
    archive: Archive,
    lattice: Lattice | None,
    hints: dict[str, Any],
) -> PlannedNode:
    narrowed = {**arguments, **{k: v for k, v in hints.items() if k in arguments}}
    try:
        source: CubeSource = definition.call(narrowed, _archive=archive, _lattice=lattice)
    except EoceneError:
        if narrowed == arguments:
            raise
        # What a filter downstream asks for is at fault: it is told there, by the filter's own name.
        source = definition.call(arguments, _archive=archive, _lattice=lattice)
    if "span" in hints:
        kept = tuple(date for date in source.dates if hints["span"].contains(date[0]))
        source = replace(source, dates=kept or source.dates)
    return PlannedNode(node, definition, arguments, CubeSchema(source.probe(), source.grid), source)


def _infer_window(
    node: Node, definition: ProcessDefinition, arguments: dict[str, Any], cubes: dict[str, CubeSchema]
) -> PlannedNode:
    """Infer by computing one pixel."""
    grid = definition.grid(arguments) if definition.grid else common_grid(list(cubes.values()))
    pixel = Grid(grid.lattice, grid.left, grid.top, 1, 1)
    probes = {k: _probe_at(c, pixel) for k, c in cubes.items()}
    draft = PlannedNode(node, definition, arguments, next(iter(cubes.values())))
    result = draft.call(probes, pixel)
    if not isinstance(result, Block):
        raise InputError(
            f"The process returns {result!r} where a cube is needed.",
            f"Check its arguments {', '.join(probes)}.",
            code="ProcessParameterInvalid",
        )
    if result.dims[-2:] != ("y", "x"):
        raise InputError(f"The result of {definition.id!r} has no pixels.", "Keep the dimensions y and x.")
    return replace(draft, schema=CubeSchema(result.with_(grid=pixel), grid))


def _probe_at(cube: CubeSchema, pixel: Grid) -> Block:
    """Return the probe of an input on the pixel grid of the result, or on its own."""
    if cube.grid.lattice == pixel.lattice:
        return cube.probe.with_(grid=pixel)
    return cube.probe


def _infer_table(
    node: Node, definition: ProcessDefinition, arguments: dict[str, Any], cubes: dict[str, CubeSchema]
) -> PlannedNode:
    if "data" not in cubes:
        raise InputError(
            f"Process {definition.id!r} in node {node.id!r} got no cube.", "Connect it to a load process."
        )
    table = definition.call({**arguments, "data": cubes["data"].probe})
    return PlannedNode(node, definition, arguments, TableSchema(CubeSchema(table.probe, cubes["data"].grid)))


def common_grid(cubes: list[CubeSchema]) -> Grid:
    """Return the smallest grid around cubes of one lattice.

    Raises
    ------
    InputError
        If they stand on different pixel grids.
    """
    grid = cubes[0].grid
    for other in (c.grid for c in cubes[1:]):
        if other.lattice != grid.lattice:
            raise InputError(
                f"The cubes stand on different pixel grids: EPSG:{grid.epsg} at {grid.lattice.resolution} "
                f"and EPSG:{other.epsg} at {other.lattice.resolution}.",
                "Put one on the other's grid with resample_cube_spatial first.",
                code="ProcessParameterInvalid",
            )
        grid = grid.union(other)
    return grid

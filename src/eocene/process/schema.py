"""What a plan is made of: nodes whose arguments are known, and the schema of what each gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eocene.model import EoceneError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.cube.block import Block
    from eocene.model import Grid
    from eocene.process.graph import Node
    from eocene.process.registry import ProcessDefinition


class Source(Protocol):
    """Where pixels come from: the archive, a cube in memory, what an earlier stage has stored."""

    @property
    def grid(self) -> Grid:
        """The extent."""

    @property
    def items(self) -> tuple[Mapping[str, Any], ...]:
        """The items that may be read."""

    def probe(self) -> Block:
        """Return one pixel of the right shape and dtype without reading anything."""

    def at_dates(self, labels: tuple[Any, ...] | None) -> Source:
        """Return the source with some of its labels along t only."""

    def read(self, window: Grid) -> Any:
        """Read what a window inside the extent needs; nothing is decoded yet."""

    def decode(self, leaf: Any, window: Grid) -> Block:
        """Return the values of a window that lies in what was read."""

    def bytes_per_pixel(self) -> int:
        """Return the memory that a pixel of what is read takes."""


@dataclass(frozen=True, eq=False)
class CubeSchema:
    """What a node gives: dimensions, labels, dtype and extent, known without reading.

    Parameters
    ----------
    probe : Block
        One pixel of it; of a cube without pixels one of the right labels, its values meaning nothing.
    grid : Grid or None
        The extent; None for a cube without pixels.
    node : str
        The node that gives it.
    """

    probe: Block
    grid: Grid | None
    node: str = ""

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
        return self.labels.get("t", ()) if "t" in self.dims else ()

    @property
    def bands(self) -> tuple[str, ...]:
        """Band names; empty if there is no such dimension."""
        return self.labels.get("bands", ()) if "bands" in self.dims else ()

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.probe.values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension."""
        if self.grid is None:
            return self.probe.values.shape
        return (*(len(self.labels[d]) for d in self.dims[:-2]), *self.grid.shape)

    def probe_at(self, pixel: Grid | None) -> Block:
        """Return the probe on the lattice of a pixel, where it stands on that lattice."""
        if self.grid is None or pixel is None or self.grid.lattice != pixel.lattice:
            return self.probe
        return self.probe.with_(grid=pixel)


def grid_of(cube: Block | CubeSchema) -> Grid:
    """Return the grid of a cube, which must have pixels.

    Raises
    ------
    InputError
        ProcessParameterInvalid, naming the dimensions that it has instead.
    """
    if cube.grid is None:
        raise InputError(
            f"The cube has no pixels; its dimensions are {', '.join(cube.dims) or 'none'}.",
            "Give a raster cube.",
            code="ProcessParameterInvalid",
        )
    return cube.grid


@dataclass(frozen=True, eq=False)
class PlannedNode:
    """A node whose arguments are known: plain values, callbacks, and schemas in place of cubes.

    Parameters
    ----------
    node : Node
        As the graph has it; the id tells where it stands in processes of the user.
    definition : ProcessDefinition
        Its process.
    arguments : mapping
        By openEO's names, defaults filled in.
    schema : CubeSchema
        What it gives.
    source : Source, optional
        Where its pixels come from, if it loads.
    whole : bool
        Whether it can only be computed once, from the whole of its inputs.
    """

    node: Node
    definition: ProcessDefinition
    arguments: dict[str, Any]
    schema: CubeSchema
    source: Source | None = None
    whole: bool = False
    lent: Mapping[str, Any] = field(default_factory=dict)
    """What the engine hands to the function beside its arguments, by its name there."""

    @property
    def id(self) -> str:
        """The node's id in the graph."""
        return self.node.id

    @cached_property
    def is_heavy(self) -> bool:
        """Whether a pixel takes so much that blocks are large and not cut further."""
        return self.definition.weigh(self.arguments) > 0

    @cached_property
    def inputs(self) -> dict[str, CubeSchema]:
        """Parameter → schema of the arguments that are cubes and are read."""
        left_out = self.definition.find_unread(self.arguments)
        return {k: v for k, v in self.arguments.items() if isinstance(v, CubeSchema) and k not in left_out}

    def call(self, blocks: Mapping[str, Any], window: Grid | None) -> Any:
        """Compute the node with blocks in place of cubes; a fault of ours notes which node it was."""
        arguments = {k: v.probe if isinstance(v, CubeSchema) else v for k, v in self.arguments.items()}
        try:
            return self.definition.call({**arguments, **blocks}, **self._engine(window))
        except EoceneError:
            raise
        except Exception as error:
            error.add_note(f"Computing node {self.id!r}, process {self.definition.id!r}.")
            raise

    def _engine(self, window: Grid | None) -> dict[str, Any]:
        """Return what the function wants of the engine."""
        wanted = self.definition.engine_names
        extents = {k: v.grid for k, v in self.arguments.items() if isinstance(v, CubeSchema)}
        offered = {"_window": window, "_extent": extents.get("data"), "_extents": extents}
        return {name: value for name, value in {**offered, **self.lent}.items() if name in wanted}


@dataclass(frozen=True, eq=False)
class PlanNodes:
    """The nodes of a plan in the order of computation, and its result.

    ``result`` is the schema of a cube, or a plain value (or a block) that needs no pixels.
    """

    nodes: tuple[PlannedNode, ...]
    result: Any

    @cached_property
    def by_id(self) -> dict[str, PlannedNode]:
        """Return the nodes by id."""
        return {n.id: n for n in self.nodes}

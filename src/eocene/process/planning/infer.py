"""The schema of a node: what it gives is found by computing one pixel of its inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import Grid, InputError
from eocene.process.schema import CubeSchema, PlannedNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eocene.process.graph import Node
    from eocene.process.registry import ProcessDefinition

_PROBE_PIXELS = 2**16
"""A neighbourhood up to this size is handed in while a schema is inferred, of larger ones one pixel."""


def infer_node(
    node: Node, definition: ProcessDefinition, arguments: dict[str, Any], cubes: dict[str, CubeSchema]
) -> PlannedNode:
    """Infer by computing one pixel."""
    if definition.kind == "global":
        return _infer_global(node, definition, arguments, cubes)
    rasters = [c for c in cubes.values() if c.grid is not None]
    check_pixels(definition, rasters)
    grid = _result_grid(definition, arguments, rasters)
    pixel = None if grid is None else replace(grid, width=1, height=1)
    draft = PlannedNode(node, definition, arguments, next(iter(cubes.values())))
    probes = {k: _probe(definition, arguments, k, c, pixel) for k, c in cubes.items()}
    result = draft.call(probes, pixel)
    if not isinstance(result, Block):
        raise InputError(
            f"The process returns {result!r} where a cube is needed.",
            f"Check its arguments {', '.join(cubes)}.",
            code="ProcessParameterInvalid",
        )
    if pixel is None or grid is None or result.grid is None or result.dims[-2:] != ("y", "x"):
        whole = bool(rasters)
        schema = CubeSchema(_stretch(result, grid) if grid else result, None)
        return replace(draft, schema=schema, whole=whole)
    if result.values.dtype.kind not in "biuf":
        raise InputError(
            "The result holds texts where pixels need numbers.",
            "End callbacks in a number or a boolean.",
            code="ProcessParameterInvalid",
        )
    schema = CubeSchema(result.crop(pixel).with_(grid=pixel), grid)
    return replace(draft, schema=schema, whole=definition.is_whole(arguments))


def infer_late(
    node: Node, definition: ProcessDefinition, arguments: dict[str, Any], lent: dict[str, Any]
) -> PlannedNode:
    """Infer what is made when the plan runs: its function gives a form while the plan is made.

    Raises
    ------
    InputError
        If it is handed pixels, of which it would need all at once.
    """
    draft = PlannedNode(node, definition, arguments, _NOTHING, lent=lent)
    for name, cube in draft.inputs.items():
        if cube.grid is not None:
            raise InputError(
                f"{name} has pixels; its dimensions are {', '.join(cube.dims)}.",
                "Give a vector cube: aggregate_spatial makes one of pixels.",
                code="ProcessParameterInvalid",
            )
    form = draft.call({name: cube.probe for name, cube in draft.inputs.items()}, None)
    return replace(draft, schema=CubeSchema(form, None))


_NOTHING = CubeSchema(Block(np.zeros(()), ()), None)


def check_pixels(definition: ProcessDefinition, rasters: list[CubeSchema]) -> None:
    """Refuse a call without pixels to a process that asks where its pixels lie."""
    if not rasters and {"_window", "_extent"} & definition.engine_names:
        raise InputError(
            f"Process {definition.id!r} got no cube with pixels.",
            "Connect it to a load process, or to one that keeps the pixels.",
            code="ProcessParameterInvalid",
        )


def _probe(
    definition: ProcessDefinition, arguments: dict[str, Any], name: str, cube: CubeSchema, pixel: Grid | None
) -> Block:
    """Return what the function gets of an input for one pixel of its result, without data."""
    probe = cube.probe_at(pixel)
    if pixel is None or cube.grid is None or definition.need is None:
        return probe
    if name != "data" and cube.grid.lattice == pixel.lattice:
        return probe
    window = definition.need(pixel, {**arguments, "data": cube})
    if window.width * window.height > _PROBE_PIXELS:
        return probe
    shape = (*probe.values.shape[:-2], *window.shape)
    return probe.with_(values=np.ones(shape, probe.values.dtype), valid=np.zeros(shape, bool), grid=window)


def _result_grid(
    definition: ProcessDefinition, arguments: dict[str, Any], rasters: list[CubeSchema]
) -> Grid | None:
    if not rasters:
        return None
    return definition.grid(arguments) if definition.grid else common_grid(rasters)


def _stretch(result: Block, grid: Grid) -> Block:
    """Return a probe without pixels, in which x or y may be left as a plain dimension, at its full length."""
    for dim, labels in (("y", grid.y), ("x", grid.x)):
        if dim in result.dims and result.values.shape[result.index(dim)] == 1:
            axis = result.index(dim)
            values = np.repeat(np.take(result.values, [0], axis), len(labels), axis)
            result = result.with_(values=values, valid=None, labels={**result.labels, dim: tuple(labels)})
    return result.with_(grid=None)


def _infer_global(
    node: Node, definition: ProcessDefinition, arguments: dict[str, Any], cubes: dict[str, CubeSchema]
) -> PlannedNode:
    """Infer by letting the function read a cube of one pixel."""
    draft = PlannedNode(node, definition, arguments, next(iter(cubes.values())), whole=True)
    readers = {k: ProbeReader(c) if c.grid else c.probe for k, c in cubes.items()}
    return replace(draft, schema=CubeSchema(draft.call(readers, None), None))


class ProbeReader:
    """Stands for a cube while a plan is made: one pixel of its extent, without data."""

    def __init__(self, cube: CubeSchema) -> None:
        self.schema = replace(cube, grid=cube.grid and replace(cube.grid, width=1, height=1))

    def read(self, window: Grid, times: tuple[Any, ...] | None = None) -> Block:
        """Return a window of the right form that holds no data."""
        probe = self.schema.probe
        if times is not None and "t" in probe.dims:
            probe = probe.take("t", [probe.labels["t"].index(t) for t in times])
        shape = (*probe.values.shape[:-2], *window.shape)
        values = np.broadcast_to(probe.values.dtype.type(0), shape)
        return probe.with_(values=values, valid=np.broadcast_to(np.False_, shape), grid=window)

    def read_all(self, parts: Sequence[tuple[Grid, tuple[Any, ...] | None]]) -> Iterator[Block]:
        """Yield windows that hold no data."""
        return (self.read(*part) for part in parts)


def common_grid(cubes: list[CubeSchema]) -> Grid:
    """Return the smallest grid around cubes of one lattice.

    Raises
    ------
    InputError
        If they stand on different pixel grids.
    """
    grids = [c.grid for c in cubes if c.grid is not None]
    grid = grids[0]
    for other in grids[1:]:
        if other.lattice != grid.lattice:
            raise InputError(
                f"The cubes stand on different pixel grids: EPSG:{grid.epsg} at {grid.lattice.resolution} "
                f"and EPSG:{other.epsg} at {other.lattice.resolution}.",
                "Put one on the other's grid with resample_cube_spatial first.",
                code="ProcessParameterInvalid",
            )
        grid = grid.union(other)
    return grid

"""Merging cubes.

Source: openEO processes 2.0, category cubes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, expand
from eocene.cube.feature import Feature
from eocene.model import Grid, InputError
from eocene.process.methods.dimensions import fill
from eocene.process.methods.joints import Layer, frame, join, overlay, shared_part
from eocene.process.processes.masks import aligned, need_of_aligned
from eocene.process.registry import process
from eocene.process.types import Context, Cube, Overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Pixels = NDArray[np.bool_]

_CUBES = ("cube1", "cube2")


def _merged_grid(arguments: dict[str, Any]) -> Grid:
    """Return the grid around both cubes, or that of the first if the second must be moved onto it."""
    grids: list[Grid] = [arguments[name].grid for name in _CUBES if arguments[name].grid is not None]
    return grids[0].union(grids[-1]) if grids[0].lattice == grids[-1].lattice else grids[0]


def _times_of_merge(wanted: tuple[Any, ...], arguments: dict[str, Any]) -> tuple[Any, ...] | None:
    """Return the wanted dates that the cube has; all where only some of the dates are in both cubes."""
    cubes = [arguments[name] for name in _CUBES if "t" in arguments[name].dims]
    labels = [cube.labels["t"] for cube in cubes]
    if len(set(labels)) == 1:
        return wanted
    if set(labels[0]) & set(labels[1]):
        return None
    mine = arguments["data"].labels["t"]
    return tuple(label for label in wanted if label in mine) or mine[:1]


@process("cubes", grid=_merged_grid, need=need_of_aligned, times=_times_of_merge)
def merge_cubes(
    cube1: Cube,
    cube2: Cube,
    overlap_resolver: Overlap = None,
    context: Context = None,
    *,
    _extents: Mapping[str, Grid | None] | None = None,
) -> Cube:
    """Merge two cubes.

    Along each dimension the labels of both are joined: those of times and coordinates stay sorted, others
    of the second cube follow those of the first. A cube that lacks a dimension is repeated along it. Where
    both cubes have all labels, the resolver decides, and it must be given; where none has, there is no data.
    A second cube on another pixel grid is put on that of the first as resample_cube_spatial does by default.

    Parameters
    ----------
    cube1
        A cube.
    cube2
        Another cube.
    overlap_resolver
        Takes the values x and y of both cubes, returns the one to use.
    context
        Handed to the resolver.

    Raises
    ------
    OverlapResolverMissing
        Both cubes have the same labels and no resolver is given.
    IncompatibleGeometryTypes
        Points, lines or polygons would be mixed along one dimension.
    """
    _check_types(cube1, cube2)
    two = aligned(cube2, cube1)
    grid = two.grid if cube1.grid is None else cube1.grid if two.grid is None else cube1.grid.union(two.grid)
    # A window may be wider than what a cube covers: there it has no labels.
    given = _extents or {"cube1": cube1.grid, "cube2": two.grid}
    extents = [e if e and grid and e.lattice == grid.lattice else None for e in map(given.get, _CUBES)]
    one, two = (b if b.grid is None or grid is None else b.crop(grid) for b in (cube1, two))
    covered = tuple(_covered(extent, grid) for extent in extents)
    first, second = extents
    apart = first is not None and second is not None and first.intersect(second) is None
    return merge(one, two, overlap_resolver, context, covered, apart=apart)


def _covered(extent: Grid | None, grid: Grid | None) -> Pixels | None:
    """Return which pixels of a window lie in an extent; None for all."""
    inside = extent.intersect(grid) if extent and grid else grid
    if grid is None or inside == grid:
        return None
    covered = np.zeros(grid.shape, bool)
    if inside is not None:
        covered[inside.slices_in(grid)] = True
    return covered


def merge(
    one: Block,
    two: Block,
    resolver: Any = None,
    context: Any = None,
    covered: Sequence[Pixels | None] = (None, None),
    *,
    apart: bool = False,
) -> Block:
    """Merge two cubes that stand on one grid, or without.

    ``covered`` says in which pixels each of them has labels, ``apart`` that no pixel has labels of both.
    """
    joints = join(one, two)
    result = frame(one, two, joints)
    layers = [Layer(b, [j.at[i] for j in joints], covered[i]) for i, b in enumerate((one, two))]
    if not apart and all(len(joint.shared) for joint in joints):
        x, y = (shared_part(block, joints, i) for i, block in enumerate((one, two)))
        resolved = _resolve(resolver, x, y, context)
        both = [c for c in covered if c is not None]
        if not both and resolved.values.shape == result.values.shape:
            return result.with_(values=resolved.values, valid=resolved.valid)
        overlap = np.logical_and.reduce(both) if both else None
        layers.append(Layer(resolved, [joint.shared for joint in joints], overlap))
    return overlay(layers, result)


def _resolve(resolver: Any, x: Block, y: Block, context: Any) -> Block:
    """Return what the resolver makes of two cubes with the same labels."""
    if resolver is None:
        raise InputError(
            "The two cubes overlap and no overlap_resolver is given.",
            "Give one, such as max, or make the labels of a dimension differ.",
            code="OverlapResolverMissing",
        )
    like = frame(x, y, join(x, y))
    one, two = (expand(block, like.dims).with_(labels=like.labels) for block in (x, y))
    return fill(resolver(x=one, y=two, context=context), like, "overlap_resolver")


def _check_types(one: Block, two: Block) -> None:
    """Raise InputError if a dimension is of two types, if pixels meet geometries, or points meet polygons."""
    for dim in set(one.dims) & set(two.dims):
        if one.kind_of(dim) != two.kind_of(dim):
            raise InputError(
                f"The dimension {dim!r} is of type {one.kind_of(dim)} and of type {two.kind_of(dim)}.",
                "Rename one of them with rename_dimension.",
                code="ProcessParameterInvalid",
            )
    if any(a.grid is not None and b.dims_of("geometry") for a, b in ((one, two), (two, one))):
        raise InputError(
            "A raster cube and a vector cube cannot be merged.",
            "Use aggregate_spatial to take the pixels of the geometries first.",
            code="ProcessParameterInvalid",
        )
    for dim in set(one.dims_of("geometry")) & set(two.dims):
        types = {_base_type(label) for b in (one, two) for label in b.labels[dim]} - {None}
        if len(types) > 1:
            raise InputError(
                f"The geometries along {dim!r} are {' and '.join(sorted(map(str, types)))}.",
                "Merge points with points, lines with lines, polygons with polygons.",
                code="IncompatibleGeometryTypes",
            )


def _base_type(label: Any) -> str | None:
    if not isinstance(label, Feature):
        return None
    return str(label.geometry.geom_type).removeprefix("Multi").replace("LinearRing", "LineString")

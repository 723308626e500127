"""Plans as users hold them: make one, look at it, read windows of it, run it."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from eocene.cube.edge import to_xarray
from eocene.model import Grid, InputError, Lattice, transformer
from eocene.process.evaluate import Window, evaluate
from eocene.process.formats import check_format
from eocene.process.plan import CubeSchema, PlanNodes, TableSchema, plan_nodes
from eocene.process.zonal import ZonalTable, ZonePixels, locate_zones, to_geodataframe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import xarray as xr

    from eocene.archive import Archive
    from eocene.cube.block import Block
    from eocene.process.graph import Graph

    Progress = Callable[[int, int], None]

_Part = TypeVar("_Part")

_BLOCK_BYTES = 192 * 2**20


@dataclass(frozen=True, eq=False)
class Plan:
    """A checked graph: a function from a window to an array.

    Make one with :func:`make_plan`.
    """

    graph: Graph
    nodes: PlanNodes
    archive: Archive

    @property
    def schema(self) -> CubeSchema:
        """Dimensions, labels, dtype and extent of the result (of the cube under a table).

        Raises
        ------
        InputError
            If the result is a plain value.
        """
        schema = self.nodes.constant
        if isinstance(schema, TableSchema):
            return schema.cube
        if not isinstance(schema, CubeSchema):
            raise InputError("The graph's result is a plain value, not a cube.", "Take it from Plan.run.")
        return schema

    @property
    def is_cube(self) -> bool:
        """Whether the result has pixels."""
        return isinstance(self.nodes.constant, CubeSchema)

    @property
    def is_table(self) -> bool:
        """Whether the result is a table of zones."""
        return isinstance(self.nodes.constant, TableSchema)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items that may be read, each once."""
        found = {}
        for node in self.nodes.nodes:
            for item in node.source.items if node.source else ():
                found[(item.get("collection"), item["id"])] = dict(item)
        return list(found.values())

    @property
    def save(self) -> dict[str, Any] | None:
        """Format and options of save_result, if the graph ends in it."""
        if not (self.is_cube or self.is_table):
            return None
        last = self.nodes.by_id[self.nodes.result]
        if last.definition.id != "save_result":
            return None
        return {
            "format": check_format(last.arguments["format"]),
            "options": last.arguments.get("options") or {},
        }

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that one pixel of a block takes while it is read and computed, all dates and bands."""
        total = 0
        for node in self.nodes.nodes:
            if node.source is not None:
                stored = sum(np.dtype(b.dtype).itemsize + 1 for b in node.source.bands)
                total += stored * len(node.source.dates)
        lead = int(np.prod(self.schema.probe.values.shape[:-2]))
        return total + lead * (self.schema.dtype.itemsize + 1)

    @property
    def block_size(self) -> int:
        """Edge of a block in pixels, so that a block stays within about 200 MB."""
        for size in (512, 256, 128):
            if size * size * self.bytes_per_pixel <= _BLOCK_BYTES:
                return size
        return 64

    def blocks(self, size: int | None = None) -> Iterator[Grid]:
        """Cut the result's grid into blocks."""
        return self.schema.grid.blocks(size or self.block_size)

    def compute(self, window: Grid, times: Sequence[Any] | None = None) -> Block:
        """Return a window of the result as a block."""
        return evaluate(self.nodes, Window(window, None if times is None else tuple(times)))

    def read(self, window: Grid | None = None, *, times: Sequence[Any] | None = None) -> xr.DataArray:
        """Return a window of the result, float with NaN for no-data; the whole by default.

        Parameters
        ----------
        window : Grid, optional
            On the result's lattice.
        times : sequence, optional
            Labels along t, as in ``schema.times``.
        """
        grid = window or self.schema.grid
        if grid.lattice != self.schema.grid.lattice:
            raise InputError(
                "The window stands on another pixel grid than the plan.", "Make the plan with lattice=…"
            )
        return to_xarray(self.compute(grid, times), grid)

    def read_point(self, x: float, y: float, epsg: int = 4326) -> xr.DataArray:
        """Return the pixel under a point, all dates: (t, bands).

        Raises
        ------
        InputError
            If the point lies outside the result.
        """
        grid = self.schema.grid
        px, py = transformer(epsg, grid.epsg).transform(x, y)
        pixel = grid.lattice.grid_over((px, py, px, py), grid.epsg)
        pixel = Grid(pixel.lattice, pixel.left, pixel.top, 1, 1)
        if grid.intersect(pixel) is None:
            raise InputError(
                f"The point ({x}, {y}) lies outside the data.", "Choose one inside.", code="NoDataAvailable"
            )
        return self.read(pixel).isel(y=0, x=0)

    def run(self, progress: Progress | None = None, *, workers: int | None = None) -> Any:
        """Return the whole result: a DataArray, a GeoDataFrame of zones, or a plain value."""
        if self.is_table:
            return self.run_table(progress, workers=workers)
        if not self.is_cube:
            return self.nodes.constant
        grid = self.schema.grid
        values = np.empty(self.schema.shape, self.schema.dtype)
        valid = np.ones(self.schema.shape, bool)
        for block in map_blocks(self.compute, list(self.blocks()), progress, workers=workers):
            place = (..., *_grid_of(block).slices_in(grid))
            values[place] = block.values
            valid[place] = True if block.valid is None else block.valid
        whole = self.schema.probe.with_(values=values, valid=None if valid.all() else valid, grid=grid)
        return to_xarray(whole, grid)

    def run_table(
        self,
        progress: Progress | None = None,
        *,
        workers: int | None = None,
        should_stop: Callable[[], bool] = bool,
    ) -> Any:
        """Return the table of zones that aggregate_spatial asks for."""
        node = next(n for n in self.nodes.nodes if n.definition.kind == "global")
        data = node.inputs()["data"]
        cube = self.nodes.by_id[data].schema
        if not isinstance(cube, CubeSchema):
            raise InputError("aggregate_spatial needs a cube.", "Connect its data to one.")
        table: ZonalTable = node.definition.call({**node.arguments, "data": cube.probe})
        pixels = ZonePixels(locate_zones(table.zones, cube.grid))
        wanted = [g for g in self.blocks() if any(z.window.intersect(g) for z in pixels.zones)]

        def compute(grid: Grid) -> Block:
            return evaluate(self.nodes, Window(grid), data)

        for block in map_blocks(compute, wanted, progress, workers=workers, should_stop=should_stop):
            pixels.add(block)
        return to_geodataframe(table, pixels.reduce(table))


def _grid_of(block: Block) -> Grid:
    if block.grid is None:
        raise InputError("The block has no place.", "Only cubes with pixels can be assembled.")
    return block.grid


def make_plan(
    graph: Any,
    archive: Archive,
    parameters: Mapping[str, Any] | None = None,
    *,
    lattice: Lattice | None = None,
) -> Plan:
    """Check a graph and return its plan; nothing is read.

    Parameters
    ----------
    graph : dict, path or openeo.DataCube
        An openEO process graph.
    archive : Archive
        Where collections are looked up.
    parameters : mapping, optional
        Values for the graph's ``from_parameter``.
    lattice : Lattice, optional
        The pixel grid on which collections are loaded, instead of their own: a map tile's, say.

    Raises
    ------
    EoceneError
        Every error that a user can make, with the openEO code, the node and a remedy.
    """
    parsed, nodes = plan_nodes(graph, archive, parameters, lattice)
    return Plan(parsed, nodes, archive)


def run(
    graph: Any,
    archive: Archive,
    parameters: Mapping[str, Any] | None = None,
    *,
    progress: Progress | None = None,
) -> Any:
    """Run a graph and return its result: a DataArray, a GeoDataFrame of zones, or a plain value."""
    return make_plan(graph, archive, parameters).run(progress)


class Stopped(Exception):  # noqa: N818 (not a fault)
    """Raised when ``should_stop`` said so between two blocks."""


def map_blocks(
    compute: Callable[[Grid], _Part],
    grids: Sequence[Grid],
    progress: Progress | None = None,
    *,
    workers: int | None = None,
    should_stop: Callable[[], bool] = bool,
) -> Iterator[_Part]:
    """Compute something for each window in threads and yield the parts in order.

    At most one part more than there are workers is held.

    ``should_stop`` is asked before each block is handed on; then :class:`Stopped` is raised.
    """
    count = workers or os.cpu_count() or 1
    if progress:
        progress(0, len(grids))
    with ThreadPoolExecutor(count) as pool:
        waiting: deque[Any] = deque()
        pending: Iterable[Grid] = iter(grids)
        done = 0
        try:
            while True:
                while len(waiting) <= count and (grid := next(pending, None)) is not None:  # type: ignore[call-overload]
                    waiting.append(pool.submit(compute, grid))
                if not waiting:
                    return
                if should_stop():
                    raise Stopped
                yield waiting.popleft().result()
                done += 1
                if progress:
                    progress(done, len(grids))
        finally:
            for future in waiting:
                future.cancel()

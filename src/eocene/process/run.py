"""Plans as users hold them: make one, look at it, read windows of it, run it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eocene.cube.block import Block
from eocene.cube.edge import to_xarray
from eocene.model import Grid, InputError, Lattice, transformer
from eocene.model.budget import memory_budget
from eocene.process.allowance import limit_plan
from eocene.process.cost.cutting import Cut, StageCost, choose_cut, stage_costs
from eocene.process.cost.estimate import Estimate, estimate_plan, refuse_window, room_for_blocks
from eocene.process.cost.explain import Explanation, explain_plan
from eocene.process.evaluate import Window, evaluate, evaluate_into, passes
from eocene.process.loads.faults import treat_faults
from eocene.process.output.delivery import find_format
from eocene.process.output.formats import check_format
from eocene.process.planning.plan import plan_nodes
from eocene.process.progress import Steps, steps_of
from eocene.process.running import run_plan
from eocene.process.schema import CubeSchema, PlanNodes
from eocene.process.userdefined import UserProcesses
from eocene.process.whole import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import xarray as xr

    from eocene.archive import Archive
    from eocene.cube.staged import Store
    from eocene.process.graph import Graph
    from eocene.process.progress import Progress


@dataclass(frozen=True, eq=False)
class Plan:
    """A checked graph: a function from a window to an array.

    Make one with :func:`make_plan`.
    """

    graph: Graph
    nodes: PlanNodes
    archive: Archive | None
    given: Mapping[str, Any] = field(default_factory=dict)
    """What else it was made from: the keyword arguments of :func:`make_plan`."""
    settled_from: Plan | None = None
    """The plan that has computed what this one loads, and that keeps it until this one goes."""
    budget: int = field(default_factory=memory_budget)
    """The memory that running it may take, in bytes."""

    @property
    def is_settled(self) -> bool:
        """Whether it loads what this process has computed, so that no other can run it."""
        return self.settled_from is not None

    @cached_property
    def stages(self) -> Stages:
        """What the plan computes once, from whole cubes; empty until it is needed."""
        return Stages(self.nodes, self.budget)

    @property
    def schema(self) -> CubeSchema:
        """Dimensions, labels, dtype and extent of the result.

        Raises
        ------
        InputError
            If the result is a plain value.
        """
        schema = self.nodes.result
        if isinstance(schema, Block):
            return CubeSchema(schema, None)
        if not isinstance(schema, CubeSchema):
            raise InputError("The graph's result is a plain value, not a cube.", "Take it from Plan.run.")
        return schema

    @property
    def is_cube(self) -> bool:
        """Whether the result has pixels."""
        return isinstance(self.nodes.result, CubeSchema) and self.nodes.result.grid is not None

    @property
    def is_table(self) -> bool:
        """Whether the result is a cube without pixels, which people see as a table."""
        result = self.nodes.result
        return isinstance(result, CubeSchema | Block) and not self.is_cube

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
        step = find_format(self)
        if step is None:
            return None
        options = step.arguments.get("options") or {}
        return {"format": check_format(step.arguments["format"]), "options": options}

    @cached_property
    def stage_costs(self) -> list[StageCost]:
        """What the nodes take that are computed once, from the whole of their inputs."""
        return stage_costs(self.nodes, self.budget)

    @cached_property
    def cut(self) -> Cut | None:
        """How the result is cut into blocks, so that they and it fit into the budget; None without pixels."""
        if not self.is_cube:
            return None
        return choose_cut(self.nodes, self.schema.node, room_for_blocks(self))

    @property
    def block_size(self) -> int:
        """Edge of a block in pixels."""
        return self.cut.size if self.cut else 0

    def estimate(self) -> Estimate:
        """Return what running the plan will cost: bytes read, memory, processor time; no pixel is read."""
        return estimate_plan(self)

    def explain(self) -> Explanation:
        """Return the plan as a tree that people can read."""
        return explain_plan(self)

    @property
    def grid(self) -> Grid:
        """The extent of the result.

        Raises
        ------
        InputError
            If the result has no pixels.
        """
        grid = self.schema.grid
        if grid is None:
            raise InputError("The result has no pixels.", "Take it whole from Plan.run.")
        return grid

    def blocks(self, size: int | None = None) -> Iterator[Grid]:
        """Cut the result's grid into blocks."""
        return self.grid.blocks(size or self.block_size)

    def compute(self, window: Grid, times: Sequence[Any] | None = None) -> Block:
        """Return a window of the result as a block.

        Raises
        ------
        InputError
            ProcessGraphComplexity if the window is larger than a block and would not fit into memory.
        """
        if window.width * window.height > self.block_size**2:
            refuse_window(self, window)
        wanted = Window(window, None if times is None else tuple(times))
        return evaluate(self.nodes, wanted, self.schema.node, self.stages)

    def compute_into(self, store: Store, part: Window) -> None:
        """Compute one of the :meth:`parts` into a store in memory, which holds the whole result."""
        self.prepare()
        evaluate_into(store, self.nodes, part, self.schema.node, self.stages)

    def parts(self) -> Iterator[Window]:
        """Yield what is computed at a time: of the dates that are read together all blocks, then the next.

        So what neighbouring blocks share of a file is decoded once, and kept for a short time only.
        """
        for part in passes(self.nodes, Window(self.grid), self.schema.node):
            for block in self.blocks():
                yield Window(block, part.times)

    @property
    def step(self) -> int:
        """How many labels along t are computed at a time."""
        first, *_ = passes(self.nodes, Window(self.grid), self.schema.node)
        return len(first.times or self.schema.times)

    def stages_left(self) -> list[StageCost]:
        """Return what is computed once and is not there yet, in the order of computation."""
        missing = self.stages.missing()
        return [stage for stage in self.stage_costs if stage.node in missing] if missing else []

    def prepare(self, progress: Progress | None = None, should_stop: Callable[[], bool] = bool) -> None:
        """Compute what is computed once, so that windows can then be asked for by many threads."""
        left = self.stages_left()
        if left:
            self.stages.prepare(left, Steps(steps_of(left), progress, should_stop))

    def read(self, window: Grid | None = None, *, times: Sequence[Any] | None = None) -> xr.DataArray:
        """Return a window of the result, float with NaN for no-data; the whole by default.

        Parameters
        ----------
        window : Grid, optional
            On the result's lattice.
        times : sequence, optional
            Labels along t, as in ``schema.times``.
        """
        grid = window or self.grid
        if grid.lattice != self.grid.lattice:
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
        grid = self.grid
        px, py = transformer(epsg, grid.epsg).transform(x, y)
        pixel = grid.lattice.grid_over((px, py, px, py), grid.epsg)
        pixel = Grid(pixel.lattice, pixel.left, pixel.top, 1, 1)
        if grid.intersect(pixel) is None:
            raise InputError(
                f"The point ({x}, {y}) lies outside the data.", "Choose one inside.", code="NoDataAvailable"
            )
        return self.read(pixel).isel(y=0, x=0)

    def run(
        self,
        progress: Progress | None = None,
        *,
        should_stop: Callable[[], bool] = bool,
        workers: int | None = None,
    ) -> Any:
        """Return the whole result: a DataArray, a GeoDataFrame, a list, or a plain value.

        Parameters
        ----------
        progress : callable, optional
            Called with (finished, all) blocks, those of stages included; what is finished never falls.
        should_stop : callable
            Asked between two blocks.
        workers : int, optional
            At most so many blocks of the result at a time.

        Raises
        ------
        InputError
            ProcessGraphComplexity, before a pixel is read, if it would take more memory than it may.
        Stopped
            If ``should_stop`` said so.
        """
        return run_plan(self, progress, should_stop, workers)


def make_plan(
    graph: Any,
    archive: Archive | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    lattice: Lattice | None = None,
    processes: Mapping[str, Any] | None = None,
    on_error: str = "raise",
) -> Plan:
    """Check a graph and return its plan; nothing is read.

    Parameters
    ----------
    graph : dict, path or openeo.DataCube
        An openEO process graph.
    archive : Archive, optional
        Where collections are looked up; a graph that works on its parameters alone needs none.
    parameters : mapping, optional
        Values for the graph's ``from_parameter``: plain values, lists, cubes, labelled arrays, tables.
    lattice : Lattice, optional
        The pixel grid on which collections are loaded, instead of their own: a map tile's, say.
    processes : mapping, optional
        Processes that the user has defined, by name: ``{"process_graph": …, "parameters": […]}``.
    on_error : str
        Whether a file that is missing, cut off or broken raises DamageError ("raise") or is left out and told
        by :func:`~eocene.process.loads.faults.skipped_of` ("skip").

    Raises
    ------
    EoceneError
        Every error that a user can make, with the openEO code, the node and a remedy.
    """
    with limit_plan():
        parsed, nodes = plan_nodes(graph, archive, parameters, lattice, UserProcesses(processes or {}))
    given = {"parameters": parameters, "lattice": lattice, "processes": processes, "on_error": on_error}
    return Plan(parsed, treat_faults(nodes, on_error), archive, given)


def run(
    graph: Any,
    archive: Archive | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    progress: Progress | None = None,
) -> Any:
    """Run a graph and return its result: see :meth:`Plan.run`."""
    return make_plan(graph, archive, parameters).run(progress)

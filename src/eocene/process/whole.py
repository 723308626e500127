"""Stages: what can only be computed from the whole of its inputs is computed once and kept.

Pixels are kept in memory while they are few, else in a temporary Zarr, from which windows are then read.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.staged import Store, keep_in_memory, keep_on_disk
from eocene.model import Grid
from eocene.process.cost.cutting import SIZES, Cut, choose_cut, fits_in_memory
from eocene.process.cost.memory import cube_bytes
from eocene.process.evaluate import Window, evaluate
from eocene.process.executors.threads import map_blocks
from eocene.process.progress import Steps, steps_of
from eocene.process.schema import CubeSchema, PlannedNode, PlanNodes, Source, grid_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eocene.process.cost.cutting import StageCost


@dataclass(frozen=True, eq=False)
class CubeReader:
    """An input of a global process, which reads the windows that it wants."""

    schema: CubeSchema
    stages: Stages

    def read(self, window: Grid, times: tuple[Any, ...] | None = None) -> Block:
        """Return a window of the cube, all labels along t or those wanted."""
        return evaluate(self.stages.plan, Window(window, times), self.schema.node, self.stages)

    def read_all(self, parts: Sequence[tuple[Grid, tuple[Any, ...] | None]]) -> Iterator[Block]:
        """Compute windows with their labels along t, some at a time, and yield them in order."""
        blocks = map_blocks(lambda part: self.read(*part), parts)
        for (_, times), block in zip(parts, blocks, strict=True):
            yield block
            self.stages.steps.take(1 if times is None else len(times) / len(self.schema.times))


@dataclass(eq=False)
class Stages:
    """What a plan has computed once, by node: pixels as a Source, cubes without pixels as a Block.

    Parameters
    ----------
    plan : PlanNodes
        Whose stages.
    budget : int
        The memory that may be taken.
    steps : Steps
        Counts what is computed.
    """

    plan: PlanNodes
    budget: int
    steps: Steps = field(default_factory=Steps)
    _done: dict[str, Block | Source] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _folder: Path | None = None

    def missing(self) -> set[str]:
        """Return the nodes that need whole cubes and are not there yet."""
        return {n.id for n in self.plan.nodes if n.whole} - self._done.keys()

    def prepare(self, stages: list[StageCost], steps: Steps) -> None:
        """Compute stages, in this order, and count that."""
        with self.counting(steps):
            for number, stage in enumerate(stages, start=1):
                self.get(stage.node)
                steps.reach(steps_of(stages[:number]))

    @contextmanager
    def counting(self, steps: Steps) -> Iterator[None]:
        """Count on these steps what is computed meanwhile."""
        with self._lock:
            self.steps = steps
            try:
                yield
            finally:
                self.steps = Steps()

    def get(self, node: str) -> Any:
        """Return the result of a node that is computed once; compute it if it is not there yet.

        The stages that it needs come first, so that the threads that work for it never have to wait.
        """
        if node not in self._done:
            with self._lock:
                for stage in self._before(node):
                    if stage not in self._done:
                        self._done[stage] = self._compute(self.plan.by_id[stage])
        return self._done[node]

    def _before(self, node: str) -> list[str]:
        """Return the nodes that are computed once of those that a node needs, itself the last, in order."""
        wanted = {node}
        for planned in reversed(self.plan.nodes):
            if planned.id in wanted:
                wanted.update(schema.node for schema in planned.inputs.values())
        nodes = [n for n in self.plan.nodes if n.id in wanted]
        return [n.id for n in nodes if n.whole or (n.schema.grid is None and n.source is None)]

    def _compute(self, planned: PlannedNode) -> Block | Source:
        given: dict[str, Any] = {}
        rasters: dict[str, CubeSchema] = {}
        for name, schema in planned.inputs.items():
            if schema.grid is None:
                given[name] = self.get(schema.node)
            elif planned.definition.kind == "global":
                given[name] = CubeReader(schema, self)
            else:
                rasters[name] = schema
        if not rasters:
            result: Block = planned.call(given, None)
            return result
        return self._compute_slices(planned, given, rasters)

    def _compute_slices(
        self, planned: PlannedNode, given: dict[str, Any], rasters: dict[str, CubeSchema]
    ) -> Block | Source:
        """Hand whole extents in, one label along t after another where these do not depend on each other."""
        sources = {name: self.keep(schema) for name, schema in rasters.items()}
        out = planned.schema
        store = None
        parts = []
        for times in _slices(planned):
            blocks = {}
            for name, source in sources.items():
                part = source.at_dates(_wanted(planned, rasters[name], times))
                blocks[name] = part.decode(part.read(source.grid), source.grid)
            result: Block = planned.call({**given, **blocks}, out.grid)
            if out.grid is None:
                parts.append(result)
            else:
                store = store or self._store(out)
                store.write(result.crop(out.grid), times)
            self.steps.take()
        if store is not None:
            return store
        return parts[0] if len(parts) == 1 else _join_times(parts, out.times)

    def keep(self, schema: CubeSchema) -> Store:
        """Return a whole cube, kept: computed block by block, by all cores."""
        if self.plan.by_id[schema.node].whole:
            kept: Store = self.get(schema.node)
            return kept
        grid = grid_of(schema)
        cut = self.cut(schema)
        store = self._store(schema, cut.size)

        def put(window: Grid) -> None:
            store.write(evaluate(self.plan, Window(window), schema.node, self))

        for _ in map_blocks(put, list(grid.blocks(cut.size)), workers=cut.workers):
            self.steps.take()
        return store

    def cut(self, schema: CubeSchema) -> Cut:
        """Return how a whole cube is cut that is to be kept."""
        return choose_cut(self.plan, schema.node, self.budget // 2)

    def _store(self, schema: CubeSchema, block: int = SIZES[0]) -> Store:
        """Return an empty store; windows of ``block`` pixels can be written into it side by side."""
        if fits_in_memory(cube_bytes(schema), self.budget):
            return keep_in_memory(schema.probe, grid_of(schema))
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="eocene-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{len(list(self._folder.iterdir()))}.zarr"
        return keep_on_disk(path, schema.probe, grid_of(schema), block=block)


def _join_times(parts: Sequence[Block], times: tuple[Any, ...]) -> Block:
    """Return blocks that follow each other along t as one."""
    axis = parts[0].index("t")
    masks = [np.ones(p.values.shape, bool) if p.valid is None else p.valid for p in parts]
    valid = np.concatenate(masks, axis)
    return parts[0].with_(
        values=np.concatenate([part.values for part in parts], axis),
        valid=None if valid.all() else valid,
        labels={**parts[0].labels, "t": times},
    )


def _slices(planned: PlannedNode) -> Sequence[tuple[Any, ...] | None]:
    """Return the labels along t of the result that are computed together; None for all at once."""
    times = planned.schema.times
    if planned.definition.times is None or len(times) < 2:
        return [None]
    return [(time,) for time in times]


def _wanted(planned: PlannedNode, schema: CubeSchema, times: tuple[Any, ...] | None) -> Any:
    if times is None or planned.definition.times is None or "t" not in schema.dims:
        return None
    return planned.definition.times(times, {**planned.arguments, "data": schema})

"""A plan as people read it: what each node gives, what is read, how it is cut, what it costs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

from eocene.cube.source import CubeSource
from eocene.model import EoceneError
from eocene.model.grid import is_geographic
from eocene.process.cost.estimate import Estimate, estimate_plan, show_bytes
from eocene.process.cost.reads import bytes_by_load
from eocene.process.cost.sheaves import bind_sheaves
from eocene.process.schema import CubeSchema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.model import Grid
    from eocene.process.run import Plan
    from eocene.process.schema import PlannedNode

_DEEPEST = 24
"""Branches within branches beyond it are not indented further."""


@dataclass(frozen=True)
class ExplainedNode:
    """One node of a plan.

    Parameters
    ----------
    id, process : str
        As in the graph.
    shape : str
        Dimensions and their lengths.
    dtype, grid : str
        Of the values; CRS, pixel size and extent, empty without pixels.
    footprint : str
        Which part of its input a pixel of it needs.
    notes : tuple of str
        What is read, how it is cut, why it is computed as a whole.
    inputs : tuple of (parameter, node id)
        What it is computed from.
    """

    id: str
    process: str
    shape: str
    dtype: str
    grid: str
    footprint: str
    notes: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        facts = [self.shape, self.dtype, self.grid, self.footprint]
        return f"{self.id}: {self.process}  [{'; '.join(f for f in facts if f)}]"


@dataclass(frozen=True)
class Explanation:
    """A plan as a tree; ``str`` and notebooks show it.

    Parameters
    ----------
    nodes : tuple of ExplainedNode
        In the order of computation; the last one gives the result.
    cut : str
        How the result is cut into blocks.
    estimate : Estimate
        What it will cost.
    """

    nodes: tuple[ExplainedNode, ...]
    cut: str
    estimate: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{lead}{line}" for lead, line in _draw(self.nodes)]
        return "\n".join([*lines, "", f"cut: {self.cut}", str(self.estimate)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<details style='margin-left:{len(lead) * 0.5}em'><summary>{escape(line)}</summary>"
            f"<ul>{''.join(f'<li>{escape(n)}</li>' for n in notes)}</ul></details>"
            for lead, line, notes in _draw_with_notes(self.nodes)
        )
        return f"<div>{rows}<p>{escape(self.cut)}</p>{self.estimate._repr_html_()}</div>"


def _draw(nodes: tuple[ExplainedNode, ...]) -> Iterator[tuple[str, str]]:
    """Yield the lines of the tree with what stands before each."""
    for lead, line, notes in _draw_with_notes(nodes):
        yield lead, line
        for note in notes:
            yield lead.replace("├─", "│ ").replace("└─", "  "), f"    {note}"


def _draw_with_notes(nodes: tuple[ExplainedNode, ...]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield each node from the result down; chains stay in their column, branches are indented."""
    by_id = {n.id: n for n in nodes}
    shown: set[str] = set()
    waiting = [("", "", nodes[-1].id)] if nodes else []
    while waiting:
        lead, label, name = waiting.pop()
        node = by_id[name]
        if name in shown:
            yield lead, f"{label}{name}, as above", ()
            continue
        shown.add(name)
        yield lead, f"{label}{node}", node.notes
        below = lead.replace("├─", "│ ").replace("└─", "  ")
        if len(node.inputs) == 1:
            waiting.append((below, "", node.inputs[0][1]))
            continue
        deeper = below if len(below) < 3 * _DEEPEST else below[:-3]
        for position, (parameter, other) in enumerate(reversed(node.inputs)):
            branch = "└─ " if position == 0 else "├─ "
            waiting.append((deeper + branch, f"{parameter} = ", other))


def explain_plan(plan: Plan) -> Explanation:
    """Return a plan as a tree; of some files the headers are read, no pixel."""
    read = bytes_by_load(plan)
    nodes = [_explain_node(plan, n, read.get(n.id, 0)) for n in plan.nodes.nodes]
    result = plan.nodes.result
    nodes.sort(key=lambda n: isinstance(result, CubeSchema) and n.id == result.node)
    return Explanation(tuple(nodes), _explain_cut(plan), estimate_plan(plan))


def _explain_node(plan: Plan, planned: PlannedNode, read: int) -> ExplainedNode:
    schema = planned.schema
    notes: list[str] = []
    if planned.source is not None:
        notes += _explain_source(plan, planned, read)
    if planned.whole:
        notes.append(_explain_stage(plan, planned))
    return ExplainedNode(
        id=planned.id,
        process=planned.definition.id,
        shape=" × ".join(f"{d} {n}" for d, n in zip(schema.dims, schema.shape, strict=True)),
        dtype=str(schema.dtype),
        grid=_show_grid(schema.grid),
        footprint=footprint_of(planned),
        notes=tuple(notes),
        inputs=tuple((name, s.node) for name, s in planned.inputs.items()),
    )


def _show_grid(grid: Grid | None) -> str:
    if grid is None:
        return ""
    size = "×".join(dict.fromkeys(f"{r:g}" for r in grid.lattice.resolution))
    return f"EPSG:{grid.epsg} at {size}{'°' if is_geographic(grid.epsg) else ' m'}"


def footprint_of(planned: PlannedNode) -> str:
    """Return which part of its inputs a pixel of a node needs."""
    if planned.source is not None:
        return "read"
    if planned.whole:
        return "by zones" if planned.definition.kind == "global" else "whole"
    parts = [_spread(planned), _along_time(planned)]
    return ", ".join(p for p in parts if p) or "pixel"


def _spread(planned: PlannedNode) -> str:
    need, grid = planned.definition.need, planned.schema.grid
    data = planned.inputs.get("data") or next(iter(planned.inputs.values()), None)
    if need is None or grid is None or data is None or data.grid is None:
        return ""
    middle = replace(
        grid, left=grid.left + grid.width // 2, top=grid.top + grid.height // 2, width=1, height=1
    )
    wanted = need(middle, {**planned.arguments, "data": data})
    reach = max(wanted.width, wanted.height)
    if data.grid.lattice != grid.lattice:
        return f"resampled from {wanted.width} × {wanted.height} pixels"
    return f"neighbourhood of {reach} pixels" if reach > 1 else ""


def _along_time(planned: PlannedNode) -> str:
    given = [s for s in planned.inputs.values() if len(s.times) > 1]
    if not given:
        return ""
    times, mine = planned.definition.times, planned.schema.times
    if times is None or not mine:
        return "along t"
    wanted = times((mine[0],), {**planned.arguments, "data": given[0]})
    return "" if wanted is not None and len(wanted) == 1 else "along t"


def _explain_source(plan: Plan, planned: PlannedNode, read: int) -> Iterator[str]:
    source = planned.source
    if not isinstance(source, CubeSource):
        yield "handed in"
        return
    days = [str(label)[:10] for label, _ in source.dates]
    span = days[0] if len(set(days)) == 1 else f"{min(days)} to {max(days)}"
    dates = f"{len(days)} date{'s' if len(days) > 1 else ''}"
    yield f"{len(source.items)} items on {dates}, {span}"
    yield f"bands {', '.join(b.name for b in source.bands)}{_bands_there(plan, planned)}"
    yield f"{_show_level(source)}; {show_bytes(read)} stored"


def _bands_there(plan: Plan, planned: PlannedNode) -> str:
    try:
        there = plan.archive.bands(planned.arguments["id"]) if plan.archive else ()
    except (EoceneError, KeyError):
        return ""
    return f" of {len(there)}" if there else ""


def _show_level(source: CubeSource) -> str:
    sheaves = [s for s in bind_sheaves({None: source}, 1)[None] if s.level]
    coarse = {f"{s.level} (pixels of {s.grid.lattice.resolution[0]:g})" for s in sheaves}
    return f"from overview {', '.join(sorted(coarse))}" if coarse else "at full resolution"


def _explain_stage(plan: Plan, planned: PlannedNode) -> str:
    cost = next(c for c in plan.stage_costs if c.node == planned.id)
    if planned.definition.kind == "global":
        return "a stage: it reads the windows that it needs itself"
    parts = f", {cost.slices} dates one after another" if cost.slices > 1 else ""
    place = f"{show_bytes(cost.on_disk)} of it on disk" if cost.on_disk else "kept in memory"
    return f"a stage: computed once from the whole of its input{parts}; {place}"


def _explain_cut(plan: Plan) -> str:
    cut = plan.cut
    if cut is None:
        return "not at all: the result has no pixels"
    rows, cols = (-(-n // cut.size) for n in plan.grid.shape)
    return (
        f"{rows} × {cols} blocks of {cut.size} × {cut.size} pixels, {cut.workers} at a time, "
        f"{show_bytes(cut.block)} each"
    )

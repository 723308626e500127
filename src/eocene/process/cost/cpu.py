"""How much processor time a plan takes: stored numbers read, and values computed by each node.

The rates were fitted to random graphs on one core at 2.1 GHz.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from eocene.process.cost.memory import count_steps, count_warps, needs_of_block
from eocene.process.cost.reads import passes_of

if TYPE_CHECKING:
    from eocene.process.cost.cutting import Pass
    from eocene.process.run import Plan
    from eocene.process.schema import PlannedNode

_READ_S = 12e-9
"""A stored number: unpacked, mosaicked, decoded."""
_VALUE_S = 3e-9
"""A value that one step of a node takes in or gives out."""
_WARP_S = 600e-9
"""A pixel whose place in another CRS is found."""
_NODE_S = 60e-6
"""A node on a sub-block, however small."""


def cpu_seconds(plan: Plan) -> float:
    """Return the processor time of running a plan."""
    return 0.005 + sum(_pass_seconds(plan, done) for done in passes_of(plan))


def _pass_seconds(plan: Plan, done: Pass) -> float:
    (middle,) = done.sample(1)
    share = done.pixels / (middle.width * middle.height)
    needed = needs_of_block(plan.nodes, middle, done.target)
    seconds = 0.0
    for planned in plan.nodes.nodes:
        if planned.id in needed:
            grid = needed[planned.id].grid
            seconds += _node_seconds(planned, grid.width * grid.height)
    return seconds * share


def is_light(planned: PlannedNode) -> bool:
    """Tell whether a process that may take much for a pixel does not with these arguments."""
    return planned.definition.heavy is not None and not planned.is_heavy


def _node_seconds(planned: PlannedNode, pixels: int) -> float:
    values = math.prod(planned.schema.probe.values.shape)
    if planned.source is not None:
        return pixels * (values * _READ_S + count_warps(planned) * _WARP_S)
    taken = sum(math.prod(s.probe.values.shape) for s in planned.inputs.values())
    steps = 1 + sum(count_steps(v) for v in planned.arguments.values())
    warp = _WARP_S if planned.definition.need is not None and not is_light(planned) else 0
    return pixels * ((taken * steps + values) * _VALUE_S + warp) + _NODE_S * math.ceil(pixels / 16384)

"""Small random cubes, and ways of computing a graph over one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.edge import to_xarray
from eocene.model import Grid, Lattice
from eocene.process import make_plan

if TYPE_CHECKING:
    from hypothesis import strategies as st

    from eocene.process.run import Plan

UTM32 = Lattice(32632, (10.0, 10.0))
PLACE = Grid(UTM32, 60_003, -520_005, 23, 17)
TIMES = tuple(np.datetime64(t, "s") for t in ("2024-04-03", "2024-04-13", "2024-05-03"))
DATA = {"from_parameter": "data"}


def random_cube(seed: int = 0, grid: Grid = PLACE, dtype: str = "float32", share_missing: float = 0.2) -> Any:
    """Return a DataArray (t, bands, y, x); floats miss some pixels."""
    random = np.random.default_rng(seed)
    shape = (len(TIMES), 2, *grid.shape)
    values = random.uniform(1, 200, shape).astype(dtype)
    valid = random.random(shape) >= share_missing if values.dtype.kind == "f" else None
    return to_xarray(
        Block(values, ("t", "bands", "y", "x"), {"t": TIMES, "bands": ("a", "b")}, valid, grid), grid
    )


def plan_of(data: Any, process: str, /, **arguments: Any) -> Plan:
    """Return the plan of one process over a cube."""
    node = {"process_id": process, "arguments": {"data": DATA, **arguments}, "result": True}
    return make_plan({"only": node}, parameters={"data": data})


def assert_same_in_a_window(plan: Plan, draw: st.DataObject) -> None:
    """Compare a window at random, bit for bit, with the same part of the whole."""
    from hypothesis import strategies as st

    whole, grid = plan.run(workers=1).values, plan.schema.grid
    assert grid is not None
    left, top = draw.draw(st.integers(0, grid.width - 1)), draw.draw(st.integers(0, grid.height - 1))
    width, height = draw.draw(st.integers(1, grid.width - left)), draw.draw(st.integers(1, grid.height - top))
    window = Grid(grid.lattice, grid.left + left, grid.top + top, width, height)
    found = plan.read(window).values
    expected = np.ascontiguousarray(whole[..., top : top + height, left : left + width])
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()

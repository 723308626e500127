"""However a graph is cut, and wherever its blocks are computed, its result is the same bit for bit."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eocene.cube.block import Block
from eocene.process import evaluate, make_plan, registry
from eocene.process.cost import cutting
from eocene.process.running import collect
from tests.process.clusters import local_cluster
from tests.process.graphs import call
from tests.process.invariance.strategies import graphs
from tests.process.invariance.world import make_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive import Archive
    from eocene.model import Grid
    from eocene.process.run import Plan

EDGES = st.integers(5, 90)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    archive = make_world(tmp_path_factory.mktemp("seam"))
    yield archive
    archive.close()


@contextmanager
def cut_into(block: int, sub_block: tuple[int, int]) -> Iterator[None]:
    """Let every block, those of stages too, be so many pixels wide, and sub-blocks have a shape."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "SIZES", (block,))
        patch.setattr(evaluate, "SUB_BLOCK", sub_block)
        yield


def whole(plan: Plan) -> Block:
    """Return the result computed as one window, its stages too."""
    with cut_into(10_000, (10_000, 10_000)):
        if plan.is_cube:
            return plan.compute(plan.grid)
        plan.prepare()
        result: Block = plan.stages.get(plan.schema.node)
        return result


def assemble(plan: Plan, shape: tuple[int, int]) -> Block:
    """Return the result put together from oblong blocks."""
    parts = [(window, plan.compute(window)) for window in plan.grid.blocks(*shape)]
    return join(plan, parts)


def join(plan: Plan, parts: list[tuple[Grid, Block]]) -> Block:
    values = np.zeros(plan.schema.shape, plan.schema.dtype)
    valid = np.zeros(values.shape, bool)
    for window, block in parts:
        place = (..., *window.slices_in(plan.grid))
        assert block.values.dtype == plan.schema.dtype
        values[place] = block.values
        valid[place] = True if block.valid is None else block.valid
    return plan.schema.probe.with_(values=values, valid=valid, grid=plan.grid)


def differences(found: Block, expected: Block) -> str:
    """Say how two results differ in dimensions, labels, dtype, mask, or the bits of what is data."""
    for name in ("dims", "grid"):
        if getattr(found, name) != getattr(expected, name):
            return f"{name}: {getattr(found, name)} and {getattr(expected, name)}"
    one, two = found.values, expected.values
    if (one.shape, one.dtype) != (two.shape, two.dtype):
        return f"{one.shape} {one.dtype} and {two.shape} {two.dtype}"
    masks = [np.ones(b.values.shape, bool) if b.valid is None else b.valid for b in (found, expected)]
    if not np.array_equal(*masks):
        return f"masks differ at {np.argwhere(masks[0] != masks[1])[:3].tolist()}"
    one, two = one[masks[0]], two[masks[0]]
    if one.dtype.kind == "f":  # which of the NaNs it is says nothing
        same = (one.view(f"u{one.itemsize}") == two.view(f"u{two.itemsize}")) | (
            np.isnan(one) & np.isnan(two)
        )
    else:
        same = one == two
    if not np.all(same):
        return f"{np.sum(~same)} values differ, such as {one[~same][:3]} and {two[~same][:3]}"
    return ""


def differences_of_cutting(archive: Archive, graph: dict[str, Any], data: st.DataObject) -> str:
    """Say how a graph computed in one go differs from blocks of two shapes, by one thread or by two."""
    expected = whole(make_plan(graph, archive))
    shape = data.draw(EDGES), data.draw(EDGES)
    sub_block = data.draw(EDGES), data.draw(EDGES)
    with cut_into(shape[0], sub_block):
        plan = make_plan(graph, archive)
        if plan.is_cube:
            workers = data.draw(st.sampled_from([1, 2]))
            return differences(assemble(plan, shape), expected) or differences(
                collect(plan, workers=workers), expected
            )
        plan.prepare()
        return differences(plan.stages.get(plan.schema.node), expected)


def differences_on_cluster(archive: Archive, graph: dict[str, Any], address: str, edge: int) -> str:
    """Say how a graph computed in one go differs from blocks that a cluster has computed."""
    plan = make_plan(graph, archive)
    if not plan.is_cube:
        return ""
    with cut_into(edge, (64, 256)), pytest.MonkeyPatch.context() as patch:
        patch.setenv("EOCENE_SCHEDULER", address)
        return differences(collect(plan), whole(make_plan(graph, archive)))


@given(st.data())
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_blocks_of_any_shape_by_one_or_two_threads_give_the_same_bits(
    archive: Archive, data: st.DataObject
) -> None:
    assert not differences_of_cutting(archive, data.draw(graphs(archive)), data)


@pytest.mark.parametrize("border", ["wrap", "replicate", "reflect"])
def test_sub_blocks_of_a_window_that_is_the_whole_cube_see_their_neighbours(
    archive: Archive, border: str
) -> None:
    graph = {
        "load": call("load_collection", id="tiny", bands=["red"]),
        "wide": call(
            "apply_kernel", data={"from_node": "load"}, kernel=[[1, 2, 3]], border=border, result=True
        ),
    }
    expected = whole(make_plan(graph, archive))
    with cut_into(512, (40, 30)):
        plan = make_plan(graph, archive)
        assert not differences(plan.compute(plan.grid), expected)


def test_a_process_that_looks_at_its_window_is_caught(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def less_the_mean(data: Block) -> Block:
        """Subtract the mean of the window, which no process may do."""
        return data.with_(values=data.values - data.values.mean())

    assert registry.get("floor")  # all are loaded, and one of them is replaced
    definition = registry.ProcessDefinition("floor", less_the_mean)
    monkeypatch.setitem(registry._definitions, "floor", definition)
    graph = {
        "load": call("load_collection", id="tiny", bands=["red"]),
        "wrong": call("floor", data={"from_node": "load"}, result=True),
    }
    plan = make_plan(graph, archive)
    assert "values differ" in differences(assemble(plan, (40, 25)), whole(plan))


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_hundreds_of_graphs_give_the_same_bits_in_threads_and_on_a_cluster(
    archive: Archive, tmp_path: Path
) -> None:
    with local_cluster(tmp_path, workers=2) as cluster:

        @given(st.data())
        @settings(max_examples=500, suppress_health_check=list(HealthCheck))
        def each(data: st.DataObject) -> None:
            graph = data.draw(graphs(archive, longest=6))
            assert not differences_of_cutting(archive, graph, data)
            assert not differences_on_cluster(archive, graph, cluster.address, data.draw(EDGES))

        each()

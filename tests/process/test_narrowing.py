"""Only the bands that a graph picks are read, and nothing else changes by that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.process import make_plan
from tests.cube.scenes import TINY, make_archive, make_scene, random_numbers
from tests.process.graphs import DATA, call, callback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive import Archive
    from eocene.process.run import Plan

NAMES = ("blue", "green", "red", "nir", "scl")
LOAD = {"load": call("load_collection", id="tiny", bands=list(NAMES))}


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("narrowing")
    items = []
    for date in range(3):
        bands = {n: random_numbers(10 * date + i, TINY.shape, "uint16") for i, n in enumerate(NAMES[:-1])}
        bands["scl"] = random_numbers(99 + date, TINY.shape, "uint8")
        items.append(make_scene(folder, f"s{date}", f"2024-04-0{date + 1}T10:00:00Z", TINY, bands))
    archive = make_archive(folder, items)
    yield archive
    archive.close()


def pick(data: str, *selectors: int | str) -> dict[str, Any]:
    steps: dict[str, Any] = {
        f"e{n}": call("array_element", data=DATA, **{"index" if isinstance(s, int) else "label": s})
        for n, s in enumerate(selectors)
    }
    last = f"e{len(selectors) - 1}"
    steps["sum"] = call("add", x=ref("e0"), y=ref(last), result=True)
    return call("reduce_dimension", data=ref(data), dimension="bands", reducer={"process_graph": steps})


def bands_read(plan: Plan) -> tuple[str, ...]:
    load = next(n for n in plan.nodes.nodes if n.id == "load")
    return load.schema.bands


def planned(archive: Archive, result: str, **nodes: Any) -> Plan:
    nodes[result] = {**nodes[result], "result": True}
    return make_plan({**LOAD, **nodes}, archive)


MEAN = call("reduce_dimension", data=ref("picked"), dimension="t", reducer=callback("mean"))


@pytest.mark.parametrize("selectors", [(3, 2), ("nir", "red"), (3, "red"), (4, 0)])
def test_bands_picked_by_position_or_name_are_the_only_ones_read(
    archive: Archive, selectors: tuple[int | str, ...]
) -> None:
    plan = planned(archive, "mean", picked=pick("load", *selectors), mean=MEAN)
    wanted = {NAMES[s] if isinstance(s, int) else s for s in selectors}
    assert set(bands_read(plan)) == wanted
    assert list(bands_read(plan)) == sorted(wanted, key=NAMES.index)
    all_bands = make_plan({"load": {**LOAD["load"], "result": True}}, archive).run()
    expected = sum(all_bands.sel(bands=b) for b in wanted).astype(np.float64).mean("t")
    np.testing.assert_allclose(plan.run().values, expected.values, rtol=1e-6)


def test_the_bands_of_all_ways_from_a_load_are_read(archive: Archive) -> None:
    plan = planned(
        archive,
        "clear",
        later=call("filter_temporal", data=ref("load"), extent=["2024-04-02", "2024-05-01"]),
        index=pick("later", 3, 2),
        scl=call("filter_bands", data=ref("later"), bands=["scl"]),
        clouds=pick("scl", 0),
        clear=call("mask", data=ref("index"), mask=ref("clouds")),
    )
    assert bands_read(plan) == ("red", "nir", "scl")


WHOLE = {
    "the load is the result too": {
        "picked": call("filter_temporal", data=ref("load"), extent=["2024-04-01", None])
    },
    "a callback over all bands": {
        "picked": call("reduce_dimension", data=ref("load"), dimension="bands", reducer=callback("max"))
    },
    "one that counts them": {
        "picked": call(
            "reduce_dimension",
            data=ref("load"),
            dimension="bands",
            reducer={
                "process_graph": {
                    "e": call("array_element", data=DATA, index=0),
                    "n": call("count", data=DATA),
                    "s": call("add", x=ref("e"), y=ref("n"), result=True),
                }
            },
        )
    },
    "a way through a process that sees all bands": {
        "some": pick("load", 1),
        "all": call("reduce_dimension", data=ref("load"), dimension="bands", reducer=callback("mean")),
        "picked": call(
            "merge_cubes", cube1=ref("some"), cube2=ref("all"),
            overlap_resolver={"process_graph": {"a": call("add", x={"from_parameter": "x"},
                              y={"from_parameter": "y"}, result=True)}},
        ),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_where_any_band_may_matter_all_are_read(archive: Archive, name: str) -> None:
    assert bands_read(planned(archive, "picked", **WHOLE[name])) == NAMES


def test_the_dtype_is_the_one_among_all_bands(archive: Archive) -> None:
    plan = planned(archive, "picked", picked=pick("load", 4, 4))
    load = next(n for n in plan.nodes.nodes if n.id == "load")
    assert load.schema.bands == ("scl",)
    assert load.schema.dtype == np.uint16  # that of the bands, while scl alone is stored in 8 bits

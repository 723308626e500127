"""STAC of results changed and copied elsewhere, read again by pystac."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pystac
import pytest

from eocene.model import InputError
from eocene.process import make_plan
from eocene.process.output.delivery import merge_patch
from eocene.process.output.results import ResultInfo, save_file, write_results
from tests.process.graphs import call, load

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.workspace import Workspace

RFC_7386 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
"""The examples of the standard's appendix A."""


@pytest.mark.parametrize(("target", "patch", "merged"), RFC_7386)
def test_a_merge_patch_does_what_its_standard_says(target: Any, patch: Any, merged: Any) -> None:
    before = json.dumps(target)
    assert merge_patch(target, patch) == merged
    assert json.dumps(target) == before


CHANGES = {"title": "New", "keywords": ["a"]}


def graph(changes: Any = None, merge: str | None = None, until: str = "2024-03-20") -> dict[str, Any]:
    return {
        "load": load(temporal_extent=["2024-03-01", until], bands=["SCL"]),
        "save": call("save_result", data={"from_node": "load"}, format="netCDF"),
        "change": call("stac_modify", data={"from_node": "save"}, changes=changes or CHANGES),
        "export": call(
            "export_workspace", data={"from_node": "change"}, workspace="agency", merge=merge, result=True
        ),
    }  # fmt: skip


def write(world: Workspace, folder: Path, job: str, **changes: Any) -> dict[str, Any]:
    return write_results(
        make_plan(graph(**changes), world.archive),
        folder / job,
        ResultInfo(job, "Old", "2024-12-01T00:00:00Z", {}),
    )


def test_a_result_is_changed_and_copied_when_it_is_written(world: Workspace, tmp_path: Path) -> None:
    plan = make_plan(graph(), world.archive)
    assert plan.save == {"format": "netCDF", "options": {}}
    collection = write(world, tmp_path, "job-a")
    assert collection["title"] == "New"
    exported = world.layout.exports / "agency" / "job-a"
    assert json.loads((tmp_path / "job-a" / "collection.json").read_text()) == collection
    names = {p.relative_to(tmp_path / "job-a") for p in (tmp_path / "job-a").rglob("*")}
    assert {p.relative_to(exported) for p in exported.rglob("*")} == names
    read = pystac.Collection.from_file(str(exported / "collection.json"))
    assert read.keywords == ["a"]
    assert (exported / "result.nc").exists()
    assert len(list(read.get_items())) == len(plan.schema.times)
    assert not list(world.layout.exports.rglob(".*"))


def test_a_second_result_is_merged_into_the_first(world: Workspace, tmp_path: Path) -> None:
    write(world, tmp_path, "job-b", merge="areas/one")
    write(world, tmp_path, "job-c", merge="/areas/one/collection.json", until="2024-04-20")
    place = world.layout.exports / "agency" / "areas" / "one"
    merged = pystac.Collection.from_file(str(place / "collection.json"))
    items = list(merged.get_items())
    alone = [list(pystac.Collection.from_file(str(tmp_path / j / "collection.json")).get_items())
             for j in ("job-b", "job-c")]  # fmt: skip
    assert sorted(i.datetime for i in items) == sorted(i.datetime for part in alone for i in part)
    assert {i.collection_id for i in items} == {"job-b"}
    assert all(i.get_collection().id == "job-b" for i in items)
    for item in items:
        for asset in item.get_assets().values():
            assert (place / asset.get_absolute_href()).is_file()
    for asset in merged.assets.values():
        assert (place / asset.href).exists()
    assert merged.extent.temporal.intervals[0][1].month == 4


def test_writing_again_replaces_an_export(world: Workspace, tmp_path: Path) -> None:
    for part in ("one", "two"):
        write(world, tmp_path / part, "job-d", changes={"title": part})
    exported = world.layout.exports / "agency" / "job-d" / "collection.json"
    assert json.loads(exported.read_text())["title"] == "two"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"changes": {"links": []}}, "links"),
        ({"changes": {"assets": {"a": {"href": "../../state.sqlite"}}}}, "assets"),
        ({"changes": {"id": "x", "type": "y"}}, "type, id"),
        ({"merge": "../results"}, "'..'"),
        ({"merge": "a//b"}, "''"),
        ({"merge": "a\\b"}, "part of an export"),
    ],
)
def test_what_would_break_or_leave_a_result_is_refused_while_planning(
    world: Workspace, arguments: dict[str, Any], word: str
) -> None:
    with pytest.raises(InputError) as caught:
        make_plan(graph(**arguments), world.archive)
    assert word in caught.value.message
    assert caught.value.code == "ProcessParameterInvalid"


def test_only_batch_jobs_export(world: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="batch job"):
        save_file(make_plan(graph(), world.archive), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_stac_document_is_changed_at_once(world: Workspace) -> None:
    document = {"type": "Collection", "title": "Old", "license": "other"}
    plan = make_plan({"m": call("stac_modify", data=document, changes={"title": "New"}, result=True)})
    assert plan.run() == document | {"title": "New"}

"""Wrong arguments of the Python face are told by name, with what to give, before anything is done."""

from __future__ import annotations

import datetime
import inspect
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import eocene
from eocene.curate import Draw
from eocene.model import EoceneError, InputError
from tests.snapshot import take_snapshot

S2 = "sentinel-2-l2a"
GRAPH = {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}
STRANGE = [
    5, -1, 5.5, True, float("nan"), 10**400, 10**5000, complex(1, 2), "\ud800", "a\x00b", b"x", object(),
    [5], [None], [["x"]], {}, {"a": 1}, np.array([1, 2]), np.array([1.0, 2.0, 3.0, 4.0, 5.0]), slice(1),
    datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC), pd.Timestamp("2024-05-01"), pytest,
]  # fmt: skip
"""Nothing that a text, a list of texts, a box or a function of two numbers could be."""


@pytest.fixture(scope="module")
def calls(world):
    """Calls of every method with right arguments: those of which one is made wrong in the tests."""
    cube = {"collection": S2, "bands": ["B04"], "bbox": None, "datetime": "2024-06", "crs": None}
    load = cube | {"resolution": None, "on_error": "raise"}
    graph = {"graph": GRAPH, "workspace": world, "parameters": None, "processes": None, "on_error": "raise"}
    return {
        "load": (world.load, load),
        "load on a grid": (world.load, load | {"crs": 32632, "resolution": 20}),
        "search": (
            world.search,
            dict.fromkeys(("bbox", "datetime", "filter", "limit"))
            | dict.fromkeys(("ids", "cells", "sortby"), ())
            | {"collections": S2},
        ),
        "materialise": (
            world.materialise,
            cube | {"bbox": (0, 0, 1, 1), "resolution": None, "progress": None},
        ),
        "versions": (world.versions, {"item": None}),
        "verify": (world.verify, {"collections": "parcels", "repair": False, "progress": None}),
        "table": (world.table, {"collection": "parcels"}),
        "update_hot": (world.update_hot, {"collections": None, "wait": False}),
        "ingest": (
            world.ingest,
            {"path": "none.tif", "collection": None, "datetime": None, "checksums": True, "progress": None},
        ),
        "sync": (
            world.sync,
            dict.fromkeys(("bbox", "datetime", "progress"))
            | {"source": "https://stac.example/", "collection": S2, "copy": True, "recheck": False}
            | {"assets": (), "allow": ()},
        ),
        "sample": (
            world.sample,
            {"graph": GRAPH, "labels": "parcels:x", "draw": Draw(), "name": "n", "time": None}
            | {"pixel_labels": False, "progress": None},
        ),
        "plan": (world.plan, {"graph": GRAPH, "parameters": None, "on_error": "raise"}),
        "run": (eocene.run, graph | {"progress": None}),
        "estimate": (eocene.estimate, graph),
        "explain": (eocene.explain, graph),
        "open": (eocene.open, {"path_or_url": world.layout.root, "create": False}),
    }


FITTING = {  # what is strange elsewhere and right here
    "parameters": ({}, {"a": 1}), "processes": ({}, {"a": 1}), "limit": (5,), "crs": (5,),
    "resolution": (5, 5.5),
    **dict.fromkeys(("copy", "recheck", "repair", "checksums", "wait", "create", "pixel_labels"), (True,)),
}  # fmt: skip


def fits(name, value):
    return any(
        value is right or (type(value) is type(right) and value == right) for right in FITTING.get(name, ())
    )


NAMES = (
    "load", "load on a grid", "search", "materialise", "versions", "verify", "table", "update_hot", "ingest",
    "sync", "sample", "plan", "run", "estimate", "explain", "open",
)  # fmt: skip


@pytest.mark.parametrize("call", NAMES)
def test_what_is_of_another_kind_is_an_input_error_and_nothing_else(calls, call):
    """Every argument of every call, each strange value: nothing but errors of ours."""
    function, good = calls[call]
    escaped = []
    for name in good:
        for value in STRANGE:
            if fits(name, value):
                continue
            try:
                function(**good | {name: value})
                escaped.append((name, repr(type(value)), "nothing raised"))
            except EoceneError as error:
                if not (error.status < 500 and error.remedy and error.message):
                    escaped.append((name, repr(type(value)), str(error)))
            except Exception as error:  # noqa: BLE001  each is what the test looks for
                escaped.append((name, repr(type(value)), repr(error)[:100]))
    assert not escaped, escaped


@pytest.mark.parametrize(
    ("call", "wrong", "message", "remedy"),
    [
        ("load", {"datetime": 5}, "The argument 'datetime' is 5, not a time", "'2024-04/2024-09'"),
        ("load", {"bands": "B04"}, "The argument 'bands' is 'B04', not a list", r"\['B04'\]"),
        ("load", {"bands": 4}, "The argument 'bands' is 4, not a list", r"\['B04'\]"),
        ("load", {"bbox": "9,48,10,49"}, "'9,48,10,49' is not a box", "west, south, east, north"),
        ("load", {"bbox": "1234"}, "'1234' is not a box", "west, south, east, north"),
        ("load", {"bbox": ["9", "48", "10", "49"]}, "is not a box", "west, south, east, north"),
        ("load", {"collection": None}, "'collection' is None, not the id", "sentinel-2-l2a"),
        ("load on a grid", {"resolution": "20 m"}, "resolution '20 m' is not a number", "units of the CRS"),
        ("load on a grid", {"crs": 10**5000}, "of the type int, not an EPSG code", "32631"),
        ("materialise", {"bands": "B04"}, "The argument 'bands' is 'B04', not a list", r"\['B04'\]"),
        (
            "search",
            {"ids": "S2A_1"},
            "The argument 'ids' is 'S2A_1', not a list of texts",
            "also for a single",
        ),
        ("search", {"sortby": "-datetime"}, "'sortby' is '-datetime', not a list", "also for a single"),
        ("search", {"limit": "ten"}, "'limit' is 'ten', not a whole number", "at most"),
        ("search", {"filter": True}, "'filter' is True, not CQL2", "eo:cloud_cover"),
        ("sync", {"filter": 5}, "'filter' is 5, not CQL2", "eo:cloud_cover"),
        ("verify", {"repair": "no"}, "'repair' is 'no', not true or false", "True or False"),
        ("run", {"parameters": [1]}, "'parameters' is .1., not a mapping", "value"),
        ("run", {"workspace": 5}, "'workspace' is 5, not a workspace", r"eocene\.open"),
        ("run", {"progress": 5}, "'progress' is 5, not callable", "function"),
        ("versions", {"item": "S2A_1"}, "'item' is 'S2A_1', not a pystac.Item", "search"),
        ("sample", {"draw": "pixels"}, "'draw' is 'pixels', not a Draw", "Draw"),
    ],
)
def test_the_error_says_what_was_given_and_what_to_give(calls, call, wrong, message, remedy):
    function, good = calls[call]
    with pytest.raises(InputError, match=message) as caught:
        function(**good | wrong)
    assert caught.value.code == "ProcessParameterInvalid"
    assert re.search(remedy, caught.value.remedy)


def test_no_folder_is_made_of_what_is_no_path(tmp_path, monkeypatch):
    """The text of None or 5 is a name of a folder, too."""
    monkeypatch.chdir(tmp_path)
    before = take_snapshot(tmp_path)
    for value in (None, 5, b"x", ["x"], "x" * 10_000):
        with pytest.raises(InputError):
            eocene.open(value)
    assert take_snapshot(tmp_path) == before


def test_what_numpy_and_pathlib_call_a_number_a_text_or_a_path_is_taken(world):
    west, south, east, north = world.archive.catalogue.collection(S2)["extent"]["spatial"]["bbox"][0]
    box = np.array([west, south, east, north], np.float64)
    found = world.search(np.array([S2]), bbox=box, ids={world.search(S2, limit=1)[0].id}, limit=np.int64(3))
    assert len(found) == 1
    cube = world.load(
        S2,
        bands=np.array(["B04"]),
        bbox=box,
        datetime=np.str_("2024-06"),
        crs=np.int32(32632),
        resolution=np.float32(20),
    )
    assert list(cube.bands.values) == ["B04"]
    assert eocene.open(Path(world.layout.root), create=np.bool_(False)).layout.root == world.layout.root


def test_the_functions_still_tell_their_signatures_and_descriptions(world):
    assert list(inspect.signature(world.load).parameters)[:2] == ["collection", "bands"]
    assert "Returns" in eocene.run.__doc__
    with pytest.raises(TypeError, match="tiles"):
        world.load(S2, tiles=3)

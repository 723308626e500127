"""The commands: from a graph to an index, and from a place to those that are like it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Samples
from eocene.learn.embed import Embeddings
from eocene.model import InputError, NotFoundError

pytest.importorskip("faiss")


def call(*arguments: str) -> list[dict]:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> str:
    """A workspace with an index of two kinds of ground, west and east of the meridian, each with its time."""
    folder = tmp_path_factory.mktemp("workspace")
    random = np.random.default_rng(0)
    kind = np.repeat([0, 1], 50)
    vectors = np.eye(2, 6)[kind] + random.normal(0, 0.05, (100, 6))
    with eocene.open(folder) as ws:
        ws.embeddings.write(
            Embeddings(
                vectors=vectors.astype(np.float32),
                lon=np.where(kind, 1.0, -1.0) + np.arange(100) / 1000,
                lat=np.full(100, -12.5),
                ids=np.array([f"p{n}" for n in range(100)]),
                time=np.where(kind, np.datetime64("2024-07-01", "s"), np.datetime64("2023-07-01", "s")),
                name="ground",
            )
        )
    return str(folder)


@pytest.fixture(scope="module")
def index(place) -> str:
    (told,) = call("embeddings", "-w", place)
    assert (told["count"], told["width"]) == (100, 6)
    return told["id"]


def test_what_is_alike_is_found_by_a_place_or_an_id(place, index):
    hits = call("similar", index, "-w", place, "--at=-1,-12.5", "--count", "49")
    assert {int(hit["id"][1:]) for hit in hits} == set(range(1, 50))  # the example itself is left out
    hits = call("similar", index, "-w", place, "--like", "p60", "--like", "p70", "--count", "3")
    assert all(int(hit["id"][1:]) >= 50 for hit in hits)
    assert set(hits[0]) == {"row", "id", "score", "lon", "lat", "time"}


def test_a_search_keeps_to_its_box_and_span(place, index):
    hits = call("similar", index, "-w", place, "--at=-1,-12.5", "--datetime", "2024", "--count", "5")
    assert {hit["time"] for hit in hits} == {"2024-07-01T00:00:00Z"}
    hits = call("similar", index, "-w", place, "--at=-1,-12.5", "--bbox=0,-13,2,-12", "--count", "5")
    assert all(hit["lon"] > 0 for hit in hits)


def test_a_counter_example_turns_the_search(place, index):
    plain = call("similar", index, "-w", place, "--at=-1,-12.5", "--count", "99")
    turned = call("similar", index, "-w", place, "--at=-1,-12.5", "--unlike", "1,-12.5", "--count", "99")
    far = {f"p{n}" for n in range(50, 100)}
    before, after = (np.mean([hit["score"] for hit in hits if hit["id"] in far]) for hits in (plain, turned))
    assert after < before - 0.2


def test_commands_say_what_is_wrong(place, index):
    with pytest.raises(InputError, match="no example"):
        call("similar", index, "-w", place)
    with pytest.raises(InputError, match="not two numbers"):
        call("similar", index, "-w", place, "--at", "here")
    with pytest.raises(NotFoundError, match=f"no index 'ground'.*{index}"):
        call("similar", "ground", "-w", place, "--at", "1,1")
    assert call("encoders", "-w", place) == []


@pytest.fixture(scope="module")
def labelled(place) -> str:
    """The id of a data set of places of both kinds, and of one that the index does not cover."""
    lon = np.array([-0.999, -0.98, -0.96, 1.055, 1.07, 1.09, 60.0])
    samples = Samples(
        features=np.zeros((7, 1), np.float32), labels=np.array([1, 1, 1, 2, 2, 2, 3]), x=lon,
        y=np.full(7, -12.5003), epsg=4326, axes={"features": ("none",)},
        class_names={1: "west", 2: "east", 3: "elsewhere"},
    )  # fmt: skip
    with eocene.open(place) as ws:
        return samples.save(ws.layout.datasets).name


@pytest.mark.parametrize(("name", "kind"), [("west", 0), ("east", 1), ("2", 1)])
def test_a_class_is_searched_by_the_places_that_have_it(place, index, labelled, name, kind):
    hits = call("similar", index, "-w", place, "--class", name, "--dataset", labelled, "--count", "47")
    assert {int(hit["id"][1:]) // 50 for hit in hits} == {kind}
    given = {1, 20, 40} if kind == 0 else {55, 70, 90}
    assert not given & {int(hit["id"][1:]) for hit in hits}  # nobody asks for what is known


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--class", "elsewhere", "--dataset", "{}"], "No place of the class 'elsewhere' lies in the index"),
        (["--class", "north", "--dataset", "{}"], "no class 'north'.*west, east, elsewhere"),
        (["--class", "west"], "asked for with its data set"),
        (["--class", "west", "--dataset", "{}", "--at=1,1"], "without examples"),
    ],
)
def test_a_class_that_cannot_be_searched_is_told(place, index, labelled, words, fault):
    with pytest.raises(InputError, match=fault):
        call("similar", index, "-w", place, *[word.format(labelled) for word in words])

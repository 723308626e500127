"""Layers are stored, replaced and listed as the page reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eocene.jobs import Layer, Layers, list_layer
from eocene.model import InputError, NotFoundError

PROCESS = {
    "process_graph": {"add1": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}},
}

NDVI = Layer(
    id="ndvi",
    title="NDVI",
    process=PROCESS,
    style={"kind": "continuous", "bands": ["NDVI"], "min": 0, "max": 1, "colormap": "ndvi"},
    times=("2024-05-01T00:00:00Z",),
    bounds=(5.0, 50.0, 5.1, 50.1),
)


@pytest.fixture
def layers(layout, clock):
    layers = Layers(layout, clock=clock)
    yield layers
    layers.close()


def test_a_layer_comes_back_as_it_was_put(layers, clock):
    kept = layers.put(NDVI)
    assert replace(kept, created=0.0, updated=0.0) == NDVI
    clock.wait(5)
    again = layers.put(replace(NDVI, title="other"))
    assert (again.title, again.created, again.updated) == ("other", kept.created, kept.created + 5)
    assert layers.list() == (again,)


def test_the_list_names_the_addresses_of_tiles_and_series():
    shown = list_layer(NDVI)
    assert shown["tiles"] == "/tiles/ndvi/{z}/{x}/{y}.png?time={time}"
    assert shown["series"] == "/series/ndvi?lon={lon}&lat={lat}"
    assert shown["bounds"] == [5.0, 50.0, 5.1, 50.1]
    vector = list_layer(Layer(id="parcels", title="Parcels", kind="vector", source="parcels"))
    assert vector["data"] == "/layers/parcels/features"
    assert "tiles" not in vector


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "../x"},
        {"kind": "hologram"},
        {"kind": "vector"},
        {"process": None},
        {"style": {"kind": "pretty"}},
    ],
)
def test_wrong_layers_are_refused(layers, wrong):
    with pytest.raises(InputError):
        layers.put(replace(NDVI, **wrong))
    assert layers.list() == ()


def test_another_users_layer_cannot_be_deleted(layers):
    layers.put(NDVI)
    with pytest.raises(NotFoundError):
        layers.delete("ndvi", "mallory")
    layers.delete("ndvi", "eocene")
    with pytest.raises(NotFoundError) as caught:
        layers.get("ndvi")
    assert caught.value.code == "ServiceNotFound"

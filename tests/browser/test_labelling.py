"""A person who labels in a headless Chromium, against the real server and a model that learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.learn import ModelSpec
from eocene.learn.active import LabelBook, begin_labelling

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.workspace import Workspace

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ponds(world: Workspace) -> str:
    """Series whose class is whether their number is odd: what the script of the browser answers."""
    labels = np.arange(80) % 2 + 1
    noise = np.random.default_rng(0).normal(size=(80, 5, 2))
    features = labels[:, None, None] + 0.3 * noise
    axes = {"t": tuple(f"2024-0{month}-01" for month in range(4, 9)), "bands": ("B04", "B08")}
    place = 4_000_000 + 900.0 * np.random.default_rng(1).random((2, 80))
    samples = Samples(features, labels, *place, 3035, axes, {1: "water", 2: "land"}, name="ponds")
    samples.save(world.layout.datasets)
    return begin_labelling(
        world.layout, samples.id, spec=ModelSpec(settings={"n_estimators": 10}), first=8, step=6
    )


def test_a_person_labels_by_keys_and_the_model_learns(
    ponds: str, visit: Callable[..., dict[str, Any]], world: Workspace
) -> None:
    seen = visit("labelling.mjs", labelling=ponds)
    assert "error" not in seen, seen["error"]
    assert "water" in seen["classes"]
    assert seen["before"] == "After the first round, a curve."
    assert "model guessed what you said" in seen["curve"]
    assert "%" in seen["guess"]
    assert seen["painted"] > 200
    assert seen["again"] == "23 labels, 1 skipped"
    assert seen["notes"] == {"failed": [], "external": [], "messages": [], "tiles": []}
    entries = LabelBook(world.layout.labels).current(ponds)
    said = {entry.sample: entry.value for entry in entries if entry.act == "label"}
    assert said == {sample: sample % 2 + 1 for sample in said}

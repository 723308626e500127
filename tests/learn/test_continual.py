from __future__ import annotations

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.learn import ModelSpec, train
from eocene.learn.continual import choose_memory, update_model
from eocene.model import InputError

SPEC = ModelSpec("random_forest", settings={"n_estimators": 25})


def draw(seed, n, turned):
    """Two classes by the first feature; in the second world, far off in the others, the other way round."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4)).astype(np.float32)
    features[:, 1:] += 4 * turned
    labels = ((features[:, 0] > 0) ^ turned).astype(int)
    axes = {"features": ("a", "b", "c", "d")}
    return Samples(features, labels, np.arange(float(n)), np.zeros(n), 32631, axes)


@pytest.fixture(scope="module")
def tasks():
    old = draw(0, 500, False), draw(1, 300, False)
    new = draw(2, 200, True), draw(3, 300, True)
    return old, new


def test_replay_keeps_what_learning_the_new_alone_forgets(tasks):
    old, new = tasks
    updated, told = update_model(train(old[0], SPEC), SPEC, old, new, replay=40, most_forgotten=0.03)
    assert told.naive["old"] < 0.6
    assert told.before["old"] > 0.9
    assert told.after["new"] > 0.9
    assert told.is_bounded
    assert told.forgotten <= 0.03
    scored = (updated.classify(old[1].features) == old[1].labels).mean()
    assert scored == pytest.approx(told.after["old"], abs=0.02)


def test_where_a_bound_cannot_be_held_the_old_model_stays(tasks):
    old, new = tasks
    model = train(old[0], SPEC)
    kept, told = update_model(model, SPEC, old, new, replay=400, most_forgotten=-1.0)
    assert kept is model
    assert told.replayed == 500
    assert not told.is_bounded
    assert told.to_dict()["forgotten"] == told.forgotten


def test_a_memory_holds_rare_classes_whole_and_the_rest_evenly(tasks):
    (old, _), _ = tasks
    rare = old.take(np.concatenate([np.flatnonzero(old.labels == 0)[:5], np.flatnonzero(old.labels == 1)]))
    rows = choose_memory(rare, 40)
    assert len(set(rows.tolist())) == 40
    assert (rare.labels[rows] == 0).sum() == 5


def test_samples_of_other_axes_are_refused(tasks):
    old, _ = tasks
    other = Samples(np.zeros((2, 1), "f4"), [0, 1], [0, 1], [0, 1], 32631, {"features": ("z",)})
    with pytest.raises(InputError, match="unequal axes"):
        update_model(train(old[0], SPEC), SPEC, old, (other, other))
    with pytest.raises(InputError, match="remembers nothing"):
        choose_memory(old[0], 0)

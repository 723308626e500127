"""One gate: whatever way samples come to training, what the data prove stops it until somebody says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.learn.training.conftest import make_samples

from eocene.curate import Samples, block_split, random_split
from eocene.curate.dataset import Dataset
from eocene.curate.faults import Resolution, admission, admit, check_samples, resolve
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.continual import update_model
from eocene.learn.evaluation.baselines import make_rows
from eocene.learn.training.ablation import ablate
from eocene.learn.training.tuning import tune
from eocene.model import ConflictError
from eocene.testing.simulate.labelled import simulate_samples
from eocene.testing.simulate.planting import plant_faults

FOREST = ModelSpec(settings={"n_estimators": 5})
REASON = "they are what we study"


@pytest.fixture(scope="module")
def scaled() -> Samples:
    """Series of which five are ten thousand times too large."""
    samples = make_samples("series", gaps=0.0)
    features = np.array(samples.features)
    features[:5] *= 10_000
    return replace(samples, features=features)


@pytest.fixture
def looks(monkeypatch) -> list[str]:
    """The ids of the samples that were looked at."""
    seen, look = [], admission.check_proofs
    monkeypatch.setattr(admission, "_found", type(admission._found)())
    monkeypatch.setattr(admission, "check_proofs", lambda held: seen.append(held.id) or look(held))
    return seen


@pytest.mark.parametrize("kind", ["duplicates", "scale", "time", "crs", "missing", "leakage", "nodata"])
def test_training_in_python_refuses_each_kind_until_it_is_kept_with_a_reason(kind):
    samples = plant_faults(simulate_samples(200, seed=5, kind="series"), 0.03, 5, kinds=[kind]).samples
    with pytest.raises(ConflictError, match=f"samples with {kind}"):
        train(samples, FOREST)
    report = check_samples(samples)
    kept = resolve(samples, report, [Resolution(each, "keep", REASON) for each in report.faults])
    assert len(train(kept, FOREST).classes) > 1


def test_a_stored_data_set_is_held_to_the_same_gate(scaled, tmp_path):
    pytest.importorskip("torch")
    from eocene.learn.training.stored import train_stored

    spec = ModelSpec("mlp", settings={"width": 8, "epochs": 1})
    with pytest.raises(ConflictError, match="5 samples with scale"):
        train_stored(Dataset.open(scaled.save(tmp_path)), spec)
    admitted = admit(scaled, ["scale"], REASON)
    assert train_stored(Dataset.open(admitted.save(tmp_path)), spec).classes == (1, 2, 3)


def test_ablation_and_search_look_by_themselves_before_anything_is_trained(scaled, tmp_path):
    with pytest.raises(ConflictError, match="5 samples with scale"):
        ablate(scaled, FOREST, random_split(scaled, 2, 0))
    with pytest.raises(ConflictError, match="5 samples with scale"):
        tune(scaled, ModelSpec("lightgbm"), {"n_estimators": [1, 5]}, tmp_path / "search")
    assert not (tmp_path / "search").exists()


def test_ablation_takes_what_is_left_of_sound_samples_and_looks_once(looks):
    samples = make_samples("series", gaps=0.0)
    features = np.array(samples.features)
    features[:3, :, 1:] = 0.25  # without the first band these hold one value
    features[3, :, 1:] = np.nan  # and this one nothing
    features[3, :, 1] = features[4, :, 1]
    samples = replace(samples, features=features)
    rows = ablate(samples, FOREST, random_split(samples, 2, 0), ["bands"], threads=1)
    assert {row.name for row in rows} == {"", "red", "nir", "swir"}
    assert looks == [samples.id]


def test_the_same_content_is_looked_at_once_and_changed_content_again(looks, tmp_path):
    samples = make_samples("series", gaps=0.0)
    folder = samples.save(tmp_path)
    for _ in range(2):
        train(Samples.load(folder), FOREST)
    evaluate(samples, FOREST, {"block": block_split(samples, 2, 100, 0)})
    assert looks == [samples.id]
    labels = np.where(np.arange(len(samples)) == 7, 3, samples.labels)
    assert labels[7] != samples.labels[7]
    other = replace(samples, labels=labels)
    train(other, FOREST)
    assert looks == [samples.id, other.id]


def test_reports_are_not_kept_without_end(looks, monkeypatch):
    monkeypatch.setattr(admission, "_MOST", 2)
    several = [make_samples("rows", 20 + n, gaps=0.0) for n in range(3)]
    for samples in [*several, several[2], several[0]]:
        admission.find_proofs(samples)
    assert looks == [*(each.id for each in several), several[0].id]


def test_a_refusal_is_kept_too(scaled, looks):
    for _ in range(2):
        with pytest.raises(ConflictError, match="5 samples with scale"):
            train(scaled, FOREST)
    assert looks == [scaled.id]


def test_the_forest_beside_a_model_learns_statistics_that_are_equal_where_chips_are_not():
    samples = make_samples("chips", 40, gaps=0.0)
    features = np.clip(np.rint(4 + samples.features), 0, 7)
    features[:, 1] += 8  # whole numbers add up alike in any order
    features[1] = features[0, :, ::-1]
    labels = np.where(np.arange(40) == 1, samples.labels[0] % 3 + 1, samples.labels)
    turned = replace(samples, features=features, labels=labels)
    assert check_samples(make_rows(turned), kinds=["conflicts"]).faults == {"conflicts": 2}
    spec = ModelSpec("chip_texture", settings={"knots": 2, "families": "distribution"})
    report = evaluate(turned, spec, {"random": random_split(turned, 2, 0)})
    assert 0 < report.splits["random"].forest["accuracy"] <= 1


def test_an_update_remembers_what_was_kept_of_both_sides(scaled):
    sound = make_samples("series", 60, gaps=0.0)
    sound = replace(sound, features=sound.features + 0.5)
    kept = admit(scaled, ["scale"], REASON)
    model = train(kept, FOREST)
    _, told = update_model(model, FOREST, (kept, sound), (sound, sound), replay=len(kept))
    assert told.replayed == len(kept)
    with pytest.raises(ConflictError, match="5 samples with scale"):
        update_model(model, FOREST, (scaled, sound), (sound, sound), replay=len(scaled))

from __future__ import annotations

import pytest

from eocene.learn import ModelSpec
from eocene.learn.models import kind_names
from eocene.model import InputError


def test_a_spec_survives_json_and_yaml():
    settings = {"n_estimators": 30, "max_depth": 7, "min_samples_leaf": 2, "class_weight": "balanced"}
    spec = ModelSpec("random_forest", seed=5, settings=settings)
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert ModelSpec.from_yaml(spec.to_yaml()) == spec
    assert ModelSpec.from_yaml(spec.to_json()) == spec
    assert ModelSpec.from_json("{}") == ModelSpec.from_yaml("") == ModelSpec()


@pytest.mark.parametrize("kind", kind_names())
def test_every_kind_has_defaults_that_are_told_in_full(kind):
    spec = ModelSpec(kind)
    assert spec.settings
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert spec.described.title
    assert spec.described.takes


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ("[" * 100_000, "no JSON"),
        ('{"trees": 3}', "has no trees"),
        ('{"kind": "oracle"}', "kind 'oracle' is unknown"),
        ('{"seed": -1}', "seed is -1"),
        ('{"settings": 3}', "settings is 3"),
        ('{"settings": {"trees": 3}}', "random_forest has no setting trees"),
        ('{"settings": {"n_estimators": 0}}', "n_estimators is 0"),
        ('{"settings": {"n_estimators": true}}', "n_estimators is True"),
        ('{"settings": {"n_estimators": null}}', "n_estimators is None"),
        ('{"settings": {"max_depth": 2.5}}', "max_depth is 2.5"),
        ('{"settings": {"class_weight": "heavy"}}', "class_weight is 'heavy'"),
        ('{"kind": "lightgbm", "settings": {"learning_rate": NaN}}', "learning_rate is nan"),
        ('{"kind": "lightgbm", "settings": {"extra_trees": 1}}', "extra_trees is 1"),
    ],
)
def test_a_wrong_spec_names_the_fault(text, fault):
    with pytest.raises(InputError, match=fault):
        ModelSpec.from_json(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("kind: [", "no YAML"),
        ("kind: !!python/name:os.system", "no YAML"),
        ("settings: &a {n_estimators: 3}\nseed: *a", "aliases"),
        ("# " + "x" * 2**20, "1048578 characters"),
        ("- 1", "no JSON object"),
    ],
)
def test_yaml_is_read_as_plain_values_only(text, fault):
    with pytest.raises(InputError, match=fault):
        ModelSpec.from_yaml(text)

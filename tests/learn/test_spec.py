from __future__ import annotations

import pytest

from eocene.learn import ModelSpec
from eocene.model import InputError


def test_a_spec_survives_json():
    spec = ModelSpec(n_estimators=30, max_depth=7, min_samples_leaf=2, class_weight="balanced", seed=5)
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert ModelSpec.from_json("{}") == ModelSpec()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ('{"trees": 3}', "has no .'trees'."),
        ('{"kind": "oracle"}', "kind 'oracle' is unknown"),
        ('{"n_estimators": 0}', "n_estimators is 0"),
        ('{"n_estimators": true}', "n_estimators is True"),
        ('{"max_depth": 2.5}', "max_depth is 2.5"),
        ('{"seed": -1}', "seed is -1"),
        ('{"class_weight": "heavy"}', "class weight 'heavy'"),
    ],
)
def test_a_wrong_spec_names_the_fault(text, fault):
    with pytest.raises(InputError, match=fault):
        ModelSpec.from_json(text)

"""A graph's training set is held to the gate, and may keep a fault if it says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.learn.training.conftest import make_samples

from eocene.learn import ModelSpec
from eocene.learn.processes.faults import settle_faults
from eocene.model import ConflictError, InputError
from eocene.process import make_plan

REASON = "two sensors saw one place"


def geojson(copied: int = 1) -> dict:
    """40 points of 10 numbers, two classes in turn; one of them is a copy of the first."""
    table = np.random.default_rng(0).normal(size=(40, 10))
    table[1::2] += 3
    table[copied] = table[0]
    features = []
    for number, values in enumerate(table):
        kind = "wheat" if number % 2 else "maize"
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [5 + 0.01 * number, 50.0]},
                "properties": {"crop": kind, **{f"v{i}": float(v) for i, v in enumerate(values)}},
            }
        )
    return {"type": "FeatureCollection", "features": features}


def graph(process: str = "ml_fit", **arguments) -> dict:
    forest = {"process_id": "mlm_class_random_forest", "arguments": {"num_trees": 5, "max_variables": "sqrt"}}
    given = {"model": {"from_node": "forest"}, "training_set": geojson(), "target": "crop", **arguments}
    return {"forest": forest, "fit": {"process_id": process, "arguments": given, "result": True}}


@pytest.mark.parametrize("process", ["ml_fit", "ml_validate_kfold"])
def test_a_fault_stops_the_training_and_the_error_says_how_to_keep_it(process):
    with pytest.raises(
        ConflictError, match=r"2 samples with conflicts.*keep_faults\": {\"conflicts\""
    ) as told:
        make_plan(graph(process)).run()
    assert told.value.code == "ProcessParameterInvalid"


@pytest.mark.parametrize("process", ["ml_fit", "ml_validate_kfold"])
def test_a_fault_is_kept_with_its_reason(process):
    kept = {"keep_faults": {"conflicts": REASON, "nodata": "there is none"}}
    told = make_plan(graph(process, options=kept)).run().describe()
    assert told["state"] == "trained"
    assert told["samples"] == 40


def test_the_reason_is_part_of_what_the_model_was_trained_on():

    samples = make_samples("rows", 30, gaps=0)
    features = samples.features.copy()
    features[5] = 0
    kept = settle_faults(replace(samples, features=features), {"nodata": REASON}, ModelSpec())
    (record,) = kept.sources["gate"]["resolved"]
    assert (record["action"], record["reason"], record["samples"]) == ("keep", REASON, 1)
    assert settle_faults(samples, {"nodata": REASON}, ModelSpec()) is samples


@pytest.mark.parametrize("process", ["ml_fit", "ml_validate_kfold"])
def test_all_that_is_proved_stops_the_training_and_can_be_kept(process):
    copies = geojson(copied=2)
    with pytest.raises(ConflictError, match=r"2 samples with duplicates.*\"duplicates\": \"…\""):
        make_plan(graph(process, training_set=copies)).run()
    kept = {"keep_faults": {"duplicates": REASON}}
    told = make_plan(graph(process, training_set=copies, options=kept)).run().describe()
    assert told["state"] == "trained"


def test_a_process_without_such_an_option_names_the_one_that_has_it():
    given = {"predictors": geojson(), "target": geojson(), "num_trees": 5, "target_column": "crop"}
    with pytest.raises(ConflictError, match=r"train by ml_fit with options=.*conflicts"):
        make_plan(
            {"fit": {"process_id": "fit_class_random_forest", "arguments": given, "result": True}}
        ).run()


def test_keeping_one_kind_lets_no_other_pass():
    with pytest.raises(ConflictError, match="conflicts"):
        make_plan(graph(options={"keep_faults": {"nodata": "known"}})).run()


@pytest.mark.parametrize(
    "options", [{"keep": {}}, {"keep_faults": {"smell": "x"}}, {"keep_faults": {"nodata": " "}}, "all"]
)
def test_other_options_are_refused_before_anything_is_trained(options):
    with pytest.raises(InputError, match="options"):
        make_plan(graph(options=options))

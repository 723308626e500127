from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.learn.training.conftest import make_samples
from tests.learn.training.virtual_time import VirtualWorkers

from eocene.learn import ModelSpec
from eocene.learn.training.search import Plan, choose_rungs, search
from eocene.learn.training.space import check_space
from eocene.learn.training.tuning import tune
from eocene.model import InputError

pytest.importorskip("optuna")

SPACE = {"rate": {"low": 1e-4, "high": 1.0, "log": True}, "width": [16, 64, 256, 1024]}


def measure(number, settings, epochs):
    """The loss of a training that would be best at a rate of 0.01: it falls towards a floor."""
    floor = abs(math.log10(settings["rate"]) + 2)
    return floor + 3 / epochs


def seconds(settings, epochs):
    """Wide networks take long: one trial takes sixty-four times as long as another."""
    return settings["width"] * epochs


def run(**changed):
    workers = VirtualWorkers(seconds)
    plan = Plan(SPACE, trials=40, workers=8, guided=False, **{"rungs": (3, 9, 27), **changed})
    trials = search(measure, plan, workers, wait_for=workers.wait_for)
    return trials, workers.now


@pytest.mark.parametrize("seed", range(5))
def test_who_waits_for_nobody_is_done_in_six_tenths_of_the_time_with_the_same_best(seed):
    patient, long = run(seed=seed, rungs=(27,), synchronous=True)
    eager, short = run(seed=seed, rungs=(27,))
    assert eager[0].settings == patient[0].settings
    assert sorted(t.number for t in eager) == sorted(t.number for t in patient) == list(range(40))
    assert short <= 0.6 * long


@pytest.mark.parametrize("seed", range(5))
def test_stopping_weak_trials_saves_more_and_keeps_the_best(seed):
    everything, long = run(seed=seed, rungs=(27,))
    halved, short = run(seed=seed)
    assert halved[0].score <= everything[0].score + 0.05
    assert halved[0].state == "complete"
    assert {t.state for t in halved} == {"complete", "stopped"}
    assert short <= 0.7 * long


def test_the_record_tells_every_trial(tmp_path):
    plan = Plan({"rate": {"low": 0.001, "high": 0.1}}, trials=4, workers=2, rungs=(2,))
    with ThreadPoolExecutor(2) as pool:
        trials = search(measure, plan, pool, folder=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    assert sorted(line["number"] for line in lines) == [0, 1, 2, 3]
    assert min(line["score"] for line in lines) == trials[0].score


def test_a_trial_that_fails_ends_the_search():
    def fail(number, settings, epochs):
        raise InputError("No.", "Never.")

    with ThreadPoolExecutor(1) as pool, pytest.raises(InputError, match="No"):
        search(fail, Plan(SPACE, trials=2, workers=1, rungs=(1,)), pool)


def test_a_network_is_tuned_from_checkpoint_to_checkpoint(tmp_path):
    pytest.importorskip("torch")
    samples = make_samples("rows")
    spec = ModelSpec("mlp", settings={"width": 8, "epochs": 9})
    space = {"learning_rate": [1e-6, 0.02]}
    with ThreadPoolExecutor(1) as pool:
        best, trials = tune(samples, spec, space, tmp_path, trials=5, workers=1, executor=pool)
    assert best.settings["learning_rate"] == 0.02
    assert best.settings["width"] == 8
    assert trials[0].epochs == 9
    assert any(t.state == "stopped" for t in trials)
    assert (tmp_path / "trials" / str(trials[0].number) / "mlp-0" / "checkpoint.safetensors").is_file()


def test_trees_are_tuned_by_what_they_score_once(tmp_path):
    spec = ModelSpec("lightgbm", settings={"min_child_samples": 5})
    with ThreadPoolExecutor(1) as pool:
        best, trials = tune(
            make_samples("rows"),
            spec,
            {"n_estimators": [1, 30]},
            tmp_path,
            trials=4,
            workers=1,
            executor=pool,
        )
    assert best.settings["n_estimators"] == 30
    assert {t.state for t in trials} == {"complete"}


@pytest.mark.long
def test_workers_of_a_dask_cluster_tune_as_processes_do(tmp_path):
    distributed = pytest.importorskip("distributed")
    spec = ModelSpec("mlp", settings={"width": 8, "epochs": 3})
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        best, trials = tune(
            make_samples("rows"), spec, {"learning_rate": [1e-6, 0.02]}, tmp_path, trials=4, workers=2,
            executor=client.get_executor(),
        )  # fmt: skip
    assert best.settings["learning_rate"] == 0.02
    assert len(trials) == 4


@pytest.mark.parametrize(
    ("space", "fault"),
    [
        ({}, "no mapping"),
        ([1], "no mapping"),
        ({"a": []}, "'a' has the range"),
        ({"a": {"low": 1}}, "'a' has the range"),
        ({"a": {"low": 2, "high": 1}}, "'a' has the range"),
        ({"a": {"low": 0, "high": 1, "log": True}}, "logarithm of 'a'"),
        ({"a": {"low": 0, "high": 1, "step": 2}}, "'a' has the range"),
    ],
)
def test_a_space_that_says_nothing_is_refused(space, fault):
    with pytest.raises(InputError, match=fault):
        check_space(space)


def test_rungs_grow_to_all_epochs():
    assert choose_rungs(90) == (10, 30, 90)
    assert choose_rungs(2) == (1, 2)
    assert choose_rungs(1) == (1,)

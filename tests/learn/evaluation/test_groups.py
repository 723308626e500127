from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eocene.curate import Samples, leave_region, random_split
from eocene.learn import ModelSpec, evaluate
from eocene.learn.evaluation.baselines import make_rows
from eocene.learn.evaluation.groups import group_samples


def test_months_fall_into_seasons_and_clouds_into_levels():
    time = np.array(["2020-12-31", "2021-02-01", "2021-03-01", "2021-08-31", "1969-11-05", "NaT"], "M8[D]")
    groups = group_samples({"time": time, "cloud": np.array([0, 0.05, 0.1, 0.39, 0.9, np.nan])})
    assert groups["season"].tolist() == ["Dec–Feb", "Dec–Feb", "Mar–May", "Jun–Aug", "Sep–Nov", ""]
    assert [name[:4] for name in groups["cloud"]] == ["clea", "clea", "some", "some", "clou", ""]


@pytest.fixture(scope="module")
def two_worlds():
    """Classes by the first feature; in the south the other way round, which north and east cannot know."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(450, 3)).astype(np.float32)
    region = np.repeat(["north", "east", "south"], 150)
    labels = ((features[:, 0] > 0) ^ (region == "south")).astype(int)
    columns = {"region": region, "time": np.tile(np.array(["2020-01-15", "2020-07-15"], "M8[D]"), 225)}
    x = 1000.0 * np.arange(450)
    axes = {"features": ("a", "b", "c")}
    return Samples(features, labels, x, np.zeros(450), 32631, axes, columns=columns)


def test_the_report_has_random_beside_out_of_distribution_and_names_the_worst_region(two_worlds):
    spec = ModelSpec("lightgbm", seed=1, settings={"n_estimators": 20})
    splits = {"random": random_split(two_worlds, 2, 0), "region": leave_region(two_worlds)}
    report = evaluate(two_worlds, spec, splits, threads=1)
    random, region = report.splits["random"], report.splits["region"]
    assert region.groups["region"][0]["name"] == "south"
    assert region.groups["region"][0]["accuracy"] < 0.3
    assert sum(line["support"] for line in region.groups["season"]) == 450
    assert region.calibration["ece"] > random.calibration["ece"]
    assert random.conformal["coverage"] == pytest.approx(0.9, abs=0.06)
    assert random.baseline["accuracy"] < random.forest["accuracy"]


def test_a_forest_is_its_own_baseline(two_worlds):
    spec = ModelSpec("random_forest", settings={"n_estimators": 10})
    score = evaluate(two_worlds, spec, {"random": random_split(two_worlds, 2, 0)}).splits["random"]
    assert score.forest == score.pooled


def test_a_forest_learns_of_chips_by_their_statistics(two_worlds):
    rng = np.random.default_rng(1)
    chips = rng.normal(size=(450, 2, 4, 4)).astype(np.float32)
    chips[0, 1] = np.nan
    axes = {"bands": ("vv", "vh"), "y": tuple("abcd"), "x": tuple("abcd")}
    rows = make_rows(replace(two_worlds, features=chips, axes=axes))
    assert rows.features.shape == (450, 14)
    np.testing.assert_allclose(rows.features[5, 1], chips[5, 1].mean(), rtol=1e-5)
    assert np.isnan(rows.features[0, 1::2]).all()

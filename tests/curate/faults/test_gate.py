"""The gate finds what was planted, and nothing in what is sound."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from eocene.curate import faults
from eocene.curate.faults import FaultReport, GateSettings, Material, check_samples
from eocene.model import InputError
from eocene.testing.simulate.labelled import simulate_samples
from eocene.testing.simulate.planting import FAULT_KINDS


@pytest.fixture(scope="module")
def chip_report(planted_chips) -> FaultReport:
    return check_samples(planted_chips.samples)


@pytest.fixture(scope="module")
def series_report(planted_series) -> FaultReport:
    return check_samples(planted_series.samples)


def test_sound_samples_have_no_fault_and_hardly_a_suspicion(sound_chips):
    report = check_samples(sound_chips)
    assert report.faults == {}
    assert len(report.rows()) <= 0.01 * len(sound_chips)
    assert report.skipped == {}


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_planted_faults_of_chips_are_found(kind, planted_chips, chip_report):
    recall, precision = _measure(kind, planted_chips, chip_report)
    assert recall >= 0.85
    assert precision >= 0.85


@pytest.mark.parametrize("kind", FAULT_KINDS[:-1])
def test_planted_faults_of_series_are_found(kind, planted_series, series_report):
    recall, precision = _measure(kind, planted_series, series_report)
    assert recall >= 0.85
    assert precision >= 0.85


def test_proposed_labels_are_the_right_ones(sound_chips, planted_chips, chip_report):
    found = chip_report.find("mislabels")[0]
    right = [sound_chips.labels[row] == new for row, new in zip(found.samples, found.labels, strict=True)]
    assert np.mean(right) >= 0.9


def test_a_report_comes_back_from_its_json_the_same(chip_report):
    assert FaultReport.from_json(json.dumps(chip_report.to_json())) == chip_report


def test_a_report_names_samples_by_their_names(planted_chips, chip_report):
    told = chip_report.to_json()["findings"][0]
    assert told["names"] == [planted_chips.samples.columns["sample"][row] for row in told["samples"]]


def test_the_same_samples_give_the_same_findings(planted_chips, chip_report):
    again = check_samples(planted_chips.samples, kinds=["nodata", "missing", "scale", "stripes", "outliers"])
    assert again.find("outliers") == chip_report.find("outliers")


def test_what_cannot_be_checked_is_listed_with_why(planted_series, series_report):
    assert series_report.skipped == {"stripes": "only chips of 8 pixels and more have lines"}
    bare = replace(planted_series.samples, columns={})
    report = check_samples(bare, kinds=["time", "leakage"])
    assert set(report.skipped) == {"time", "leakage"}


def test_an_unknown_check_is_refused_with_those_there_are(sound_chips):
    with pytest.raises(InputError, match="nodata"):
        check_samples(sound_chips, kinds=["smell"])


def test_a_tenth_of_the_samples_in_another_unit_does_not_make_the_others_constant(sound_chips):
    features = np.array(sound_chips.features)
    features[::10] *= 10_000
    report = check_samples(replace(sound_chips, features=features), kinds=["scale", "nodata"])
    assert report.faults == {"scale": 60}
    assert faults.check_quickly(replace(sound_chips, features=features)).faults == {}


def test_a_few_samples_in_a_smaller_unit_are_not_called_empty(sound_chips):
    features = np.array(sound_chips.features)
    features[:5] /= 10_000
    samples = replace(sound_chips, features=features)
    assert check_samples(samples).faults == {"scale": 5}
    assert faults.check_proofs(samples).faults == {"scale": 5}
    assert faults.check_quickly(samples).faults == {}


def test_local_metres_that_begin_at_zero_are_no_degrees(sound_chips):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 3000, (2, len(sound_chips)))
    local = replace(sound_chips, x=x, y=y, epsg=3857)
    assert check_samples(local, kinds=["crs"]).faults == {}
    x[:3], y[:3] = 9.1, 48.2
    assert check_samples(replace(local, x=x + 400_000, y=y), kinds=["crs"]).faults == {}
    x[3:] += 400_000
    assert check_samples(replace(local, x=x, y=y), kinds=["crs"]).rows("crs") == [0, 1, 2]


def test_what_is_known_to_lie_under_clouds_is_no_fault():
    sound_series = simulate_samples(200, seed=2, kind="series")
    features = np.array(sound_series.features)
    features[:6, :13] = np.nan  # of 20 dates
    cloud = np.isnan(features).all(axis=2).mean(axis=1)
    cloud[:2] = 0.1  # lack what clouds do not explain
    samples = replace(sound_series, features=features, columns={**sound_series.columns, "cloud": cloud})
    report = check_samples(samples, kinds=["missing"])
    assert report.rows("missing", severity="fault") == [0, 1]
    assert report.rows("missing", severity="suspicion") == [2, 3, 4, 5]
    assert check_samples(replace(sound_series, features=features), kinds=["missing"]).faults == {"missing": 6}


def test_nothing_is_found_in_no_samples(sound_chips):
    assert check_samples(sound_chips.take(np.array([], int))).findings == ()


def test_a_check_of_ones_own_is_run_like_the_others(sound_chips, monkeypatch):
    monkeypatch.setitem(faults.CHECKS, "first", _first_check())
    report = check_samples(sound_chips, kinds=["first"])
    assert report.rows("first") == [0]


def test_gaps_of_a_series_are_bridged_as_by_interpolation():
    from eocene.curate.faults.arrays import bridge_gaps

    rng = np.random.default_rng(1)
    series = rng.normal(size=(40, 12, 3)).astype(np.float32)
    series[rng.random(series.shape) < 0.5] = np.nan
    bridged = bridge_gaps(series)
    for row, band in np.ndindex(40, 3):
        held = np.flatnonzero(~np.isnan(series[row, :, band]))
        if len(held):
            expected = np.interp(np.arange(12), held, series[row, held, band])
            assert np.allclose(bridged[row, :, band], expected, atol=1e-5)


def test_chips_are_never_further_apart_in_their_descriptors_than_in_their_pixels(sound_chips):
    material = Material(sound_chips, GateSettings())
    one, two = np.arange(0, 200), np.arange(200, 400)
    pixels = material.standardise(one) - material.standardise(two)
    cells = material.describe(one) - material.describe(two)
    assert ((cells**2).mean(axis=1) <= (pixels**2).mean(axis=1) * 1.0001).all()


def _measure(kind, planted, report):
    found, true = set(report.rows(kind)), planted.rows[kind]
    return len(found & true) / len(true), len(found & true) / max(len(found), 1)


def _first_check():
    from eocene.curate.faults import Check, Finding

    return Check(
        "first", "the first sample", lambda material: [Finding("first", (0,), "It is.", "suspicion")]
    )

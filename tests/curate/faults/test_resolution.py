"""Faults stop training until they are dropped, relabelled or kept with a reason, and the data set says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.curate.faults import Resolution, check_samples, draw_report, require_resolved, resolve
from eocene.learn import ModelSpec, train
from eocene.model import ConflictError, InputError


@pytest.fixture(scope="module")
def faulty() -> Samples:
    """200 rows of 12 features: four hold nothing, two equal a sample of the other class."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 12)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(int)
    features[:4] = 0.0
    one, zero = np.flatnonzero(labels[4:] == 1)[:2] + 4, np.flatnonzero(labels[4:] == 0)[:2] + 4
    features[one] = features[zero]
    return Samples(
        features=features,
        labels=labels,
        x=500_000 + 100.0 * np.arange(200),
        y=np.full(200, 5_000_000.0),
        epsg=32631,
        axes={"features": tuple(f"f{i}" for i in range(12))},
        class_names={0: "no", 1: "yes"},
    )


@pytest.fixture(scope="module")
def report(faulty):
    return check_samples(faulty, kinds=["nodata", "conflicts"])


def test_training_refuses_faults_and_names_them(faulty):
    with pytest.raises(ConflictError, match="4 samples with nodata"):
        train(faulty, ModelSpec(seed=0))


def test_what_is_dropped_is_gone_and_recorded(faulty, report):
    sound = resolve(faulty, report, [Resolution("nodata", "drop"), Resolution("conflicts", "drop")])
    assert len(sound) == 200 - 4 - 4
    assert sound.faults == {"nodata_dropped": 4, "conflicts_dropped": len(report.rows("conflicts"))}
    assert [r["of"] for r in sound.sources["gate"]["resolved"]] == [faulty.id] * 2
    assert sound.id != faulty.id
    require_resolved(sound)
    assert set(train(sound, ModelSpec(seed=0)).classes) == {0, 1}


def test_what_is_kept_with_a_reason_trains_and_is_recorded(faulty, report):
    kinds = ("nodata", "conflicts")
    kept = resolve(faulty, report, [Resolution(kind, "keep", "they are what we study") for kind in kinds])
    assert len(kept) == len(faulty)
    require_resolved(kept)
    assert kept.sources["gate"]["resolved"][0]["reason"] == "they are what we study"


def test_keeping_some_does_not_let_others_pass(faulty, report):
    some = report.rows("nodata")[:2]
    kept = resolve(faulty, report, [Resolution("nodata", "keep", "known", rows=tuple(some))])
    with pytest.raises(ConflictError, match="4 samples with nodata"):
        require_resolved(kept, kinds={"nodata"})
    rest = resolve(kept, check_samples(kept), [Resolution("nodata", "drop", rows=(2, 3))])
    require_resolved(rest, kinds={"nodata"})


def test_the_record_survives_storing(faulty, report, tmp_path):
    kinds = ("nodata", "conflicts")
    kept = resolve(faulty, report, [Resolution(kind, "keep", "known") for kind in kinds])
    again = Samples.load(kept.save(tmp_path))
    require_resolved(again)


def test_relabelling_takes_the_label_that_most_bear(faulty):
    labels = np.array(faulty.labels)
    features = np.array(faulty.features)
    features[10:13] = features[9]
    labels[9:12], labels[12] = 1, 0
    samples = replace(faulty, features=features, labels=labels).take(np.arange(9, 200))
    report = check_samples(samples, kinds=["conflicts"])
    clear = [f for f in report.find("conflicts") if f.labels]
    assert [f.samples for f in clear] == [(0, 1, 2, 3)]
    right = resolve(samples, report, [Resolution("conflicts", "relabel", rows=clear[0].samples)])
    assert right.labels[:4].tolist() == [1, 1, 1, 1]
    assert right.faults == {"conflicts_relabelled": 4}


def test_nothing_is_relabelled_whose_label_nobody_knows(faulty, report):
    with pytest.raises(InputError, match="Nobody knows the right labels"):
        resolve(faulty, report, [Resolution("nodata", "relabel")])


def test_a_report_of_other_samples_is_refused(faulty, report):
    other = faulty.take(np.arange(100))
    with pytest.raises(InputError, match="Check them again"):
        resolve(other, report, [Resolution("nodata", "drop")])
    with pytest.raises(InputError, match="Check them again"):
        require_resolved(other, report)


def test_nothing_is_kept_without_a_reason():
    with pytest.raises(InputError, match="reason"):
        Resolution("nodata", "keep", " ")


def test_few_coarse_numbers_that_agree_are_suspicions_only(make_samples):
    samples = make_samples([1.0, 1.0, 2.0], [0.0, 0.0, 0.0], [1, 1, 2])
    samples = replace(samples, features=np.ones((3, 2), np.float32))
    report = check_samples(samples, kinds=["conflicts"])
    assert report.faults == {}
    assert report.suspicions == {"conflicts": 3}
    require_resolved(samples)


def test_the_page_shows_every_kind_found_and_fetches_nothing(planted_chips, planted_series):
    for planted in (planted_chips, planted_series):
        report = check_samples(planted.samples, kinds=["nodata", "duplicates", "crs"])
        page = draw_report(planted.samples, report)
        for kind in ("nodata", "duplicates", "crs"):
            assert f"<h2>{kind}:" in page
        assert "http" not in page.replace("http-equiv", "")
        assert "<script" not in page
    assert "data:image/png" in draw_report(planted_chips.samples, report=_check(planted_chips))


def test_names_of_classes_are_text_on_the_page(faulty):
    odd = replace(faulty, class_names={0: "<b>no</b>", 1: "yes"})
    page = draw_report(odd, check_samples(odd, kinds=["nodata"]))
    assert "<b>no" not in page
    assert "&lt;b&gt;no" in page


def _check(planted):
    return check_samples(planted.samples, kinds=["nodata"])

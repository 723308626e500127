from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from defusedxml import ElementTree

from eocene.curate import block_split, leave_region, random_split
from eocene.learn import ModelSpec, evaluate
from eocene.learn.evaluation.page import save_report, write_page
from eocene.learn.evaluation.pictures import draw_reliability


@pytest.fixture(scope="module")
def report(samples):
    named = replace(
        samples,
        class_names={**samples.class_names, 99: "<script>alert(1)</script>"},
        columns={"region": np.where(samples.x > samples.x.mean(), "east & far", "west")},
    )
    splits = {
        "random": random_split(named, 2, 0),
        "block": block_split(named, 2, 160, 0),
        "region": leave_region(named),
    }
    return evaluate(named, ModelSpec(settings={"n_estimators": 5}), splits)


def test_the_page_shows_each_split_with_well_formed_pictures(report, tmp_path):
    page = save_report(report, tmp_path / "new").read_text(encoding="utf-8")
    pictures = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(pictures) == 1 + 3 * 3
    for picture in pictures:
        ElementTree.fromstring(picture)
    for name, score in report.splits.items():
        assert f"<h2>{name} split</h2>" in page
        assert f"<td class=n>{score.pooled['macro_f1']:.3f}</td>" in page
    told = json.loads((tmp_path / "new" / "report.json").read_text())
    assert told["splits"]["region"]["groups"]["region"][0]["name"] in ("east & far", "west")


def test_names_are_text_and_nothing_is_loaded(report):
    page = write_page(report.to_dict())
    assert "<script" not in page
    assert "&lt;script" in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=", page)


def test_points_of_reliability_stand_where_confidence_and_accuracy_say():
    rows = [{"low": 0.4, "confidence": 0.5, "accuracy": 0.25, "count": 3}]
    picture = ElementTree.fromstring(draw_reliability({"reliability": rows}, "R"))
    (point,) = picture.findall("{*}circle")
    (box,) = [r for r in picture.findall("{*}rect") if r.get("fill") == "none"]
    x, y, side = (float(box.get(key)) for key in ("x", "y", "width"))
    assert float(point.get("cx")) == pytest.approx(x + 0.5 * side)
    assert float(point.get("cy")) == pytest.approx(y + 0.75 * side)

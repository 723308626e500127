"""Models that learn shares of classes, from the columns of the samples to the registered model."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics
from tests.learn.mixtures import CLASSES, simulate_mixtures
from tests.learn.mlm_rules import find_breaches
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Draw, Samples, block_split, random_split
from eocene.learn import ModelRegistry, ModelSpec, evaluate, train
from eocene.learn.answering import answer_rows
from eocene.learn.evaluation.elsewhere import add_elsewhere
from eocene.learn.evaluation.page import write_page
from eocene.learn.fractions import find_fractions
from eocene.learn.models.kind import find_kind, kind_names
from eocene.learn.score import score_shares
from eocene.learn.training.tuning import measure_trial
from eocene.model import InputError
from eocene.model.files import write_json

TEXTURE = ModelSpec("chip_texture", settings={"penalty": 0.05}, target="fractions")


@pytest.fixture(scope="module")
def chips() -> Samples:
    return simulate_mixtures("chips", 160)


@pytest.fixture(scope="module")
def report(chips):
    splits = {"random": random_split(chips, 2, 0), "block": block_split(chips, 2, 250, 0)}
    return evaluate(chips, TEXTURE, splits, threads=1)


def with_columns(samples: Samples, **changed: object) -> Samples:
    return replace(samples, columns={**samples.columns, **changed})


def test_shares_of_known_classes_add_up_and_a_sample_counts_as_much_as_is_known_of_it():
    columns = {
        "fraction_7": np.array([0.5, 0.0, 0.2]),
        "fraction_-1": np.array([0.25, 1.0, 0.2]),
        "fraction_cloud": np.array([1.0, 1.0, 1.0]),
        "labelled": np.array([0.8, 0.1, 1.0]),
    }
    told = find_fractions(columns)
    assert told.classes.tolist() == [-1, 7]
    np.testing.assert_allclose(told.values, [[1 / 3, 2 / 3], [1, 0], [0.5, 0.5]])
    np.testing.assert_allclose(told.known, [0.6, 0.1, 0.4])
    np.testing.assert_allclose(told.weigh(np.array([2, 1, 0])), [1.2, 0.1, 0])
    some = find_fractions(columns, np.array([2, 0]))
    np.testing.assert_array_equal(some.values, told.values[[2, 0]])
    np.testing.assert_array_equal(some.known, told.known[[2, 0]])


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"fraction_5": np.full(160, -0.1)}, "fraction_5 of sample 0 is -0.1"),
        ({"fraction_5": np.full(160, np.nan)}, "fraction_5 of sample 0 is nan"),
        ({"labelled": np.full(160, 40.0)}, "labelled of sample 0 is 40"),
        ({f"fraction_{v}": np.arange(160) / 160 / 3 for v in CLASSES}, "Sample 0 has a share of no class"),
        ({"labelled": np.zeros(160)}, "Sample 0 has a share of no class"),
        ({f"fraction_{v}": np.full(160, 0.5) for v in CLASSES}, "sample 0 add up to 1.5"),
        ({"fraction_2": np.ones(160), "fraction_5": np.zeros(160), "fraction_7": np.zeros(160)}, "1 class"),
    ],
)
def test_columns_that_are_no_shares_are_refused_and_named(chips, changed, fault):
    with pytest.raises(InputError, match=fault):
        train(with_columns(chips, **changed), TEXTURE)


def test_only_samples_that_are_learnt_are_looked_at_and_named_by_their_own_number(chips):
    shares = chips.columns["fraction_5"].copy()
    shares[[20, 90]] = -0.5
    samples = with_columns(chips, fraction_5=shares)
    train(samples, TEXTURE, rows=np.arange(21, 90))
    with pytest.raises(InputError, match="fraction_5 of sample 90"):
        train(samples, TEXTURE, rows=np.arange(50, 120))


def test_samples_without_shares_and_labels_of_pixels_are_refused(chips):
    plain = replace(chips, columns={"fraction_2": chips.columns["fraction_2"]})
    for act in (lambda: train(plain, TEXTURE), lambda: evaluate(plain, TEXTURE, {})):
        with pytest.raises(InputError, match="two classes or more; these samples have 1"):
            act()
    with pytest.raises(InputError, match="Labels of pixels are classes"):
        train(chips, TEXTURE, pixel_labels=np.ones((160, 8, 8), np.int64))


@pytest.mark.parametrize("kind", kind_names())
def test_a_spec_takes_the_target_that_its_kind_can_learn(kind):
    able = {"mlp", "lstm", "temp_cnn", "l_tae", "small_cnn", "u_net", "u_tae", "chip_texture"}
    assert find_kind(kind).fractions == (kind in able)
    assert "target" not in ModelSpec(kind).to_dict()  # ids of models that are registered stay
    if kind in able:
        spec = ModelSpec(kind, target="fractions")
        assert ModelSpec.from_json(spec.to_json()) == spec != ModelSpec(kind)
        return
    with pytest.raises(InputError, match="learns no shares") as refused:
        ModelSpec(kind, target="fractions")
    assert all(name in refused.value.remedy for name in able)


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"target": "shares"}, "target is 'shares'"),
        ({"settings": {"class_weight": "balanced"}}, "With class_weight"),
        ({"settings": {"label_smoothing": 0.1}}, "With label_smoothing"),
    ],
)
def test_a_spec_whose_answers_would_be_no_shares_is_refused(told, fault):
    with pytest.raises(InputError, match=fault):
        ModelSpec.from_dict({"kind": "mlp", "target": "fractions", **told})


def test_scores_of_shares_are_those_of_scikit_learn_and_of_the_definition():
    rng = np.random.default_rng(0)
    truth, answer = rng.dirichlet([1, 1, 1], 50), rng.dirichlet([1, 1, 1], 50)
    truth[0], weights = [0, 1, 0], rng.uniform(0.1, 1, 50)
    told = score_shares(truth, answer, weights)
    weighed = {"sample_weight": weights}
    assert told["mae"] == pytest.approx(metrics.mean_absolute_error(truth, answer, **weighed))
    assert told["rmse"] == pytest.approx(metrics.mean_squared_error(truth, answer, **weighed) ** 0.5)
    r2 = metrics.r2_score(truth, answer, multioutput="variance_weighted", **weighed)
    assert told["r2"] == pytest.approx(r2)
    rows = [
        sum(t * np.log(t / a) for t, a in zip(*pair, strict=True) if t > 0)
        for pair in zip(truth, answer, strict=True)
    ]
    assert told["kl"] == pytest.approx(np.average(rows, weights=weights))
    assert score_shares(truth, truth, weights) == {"mae": 0, "rmse": 0, "r2": 1, "kl": pytest.approx(0)}


def test_the_report_scores_shares_of_the_tested_samples_beside_the_mean_shares(chips, report):
    told, values = find_fractions(chips.columns), list(CLASSES)
    for name, folds in (
        ("random", random_split(chips, 2, 0)),
        ("block", block_split(chips, 2, 250, 0)),
    ):
        answer, naive, rows = [], [], np.concatenate([tested for _, tested in folds])
        for learnt, tested in folds:
            answer.append(train(chips, TEXTURE, rows=learnt).estimate_probabilities(chips.features[tested]))
            mean = np.average(told.values[learnt], axis=0, weights=told.known[learnt])
            naive.append(np.tile(mean, (len(tested), 1)))
        truth, weights, shares = told.values[rows], told.known[rows], report.splits[name].fractions
        for key, given in (("pooled", np.concatenate(answer)), ("baseline", np.concatenate(naive))):
            mae = metrics.mean_absolute_error(truth, given, sample_weight=weights)
            assert shares[key]["mae"] == pytest.approx(mae)
        each = metrics.mean_absolute_error(
            truth, np.concatenate(answer), sample_weight=weights, multioutput="raw_values"
        )
        assert [row["mae"] for row in shares["classes"]] == pytest.approx(each.tolist())
        assert [row["class"] for row in shares["classes"]] == values
        main = np.array(values)[np.concatenate(answer).argmax(axis=1)]
        assert report.accuracy(name) == pytest.approx((main == chips.labels[rows]).mean())
        assert len(shares["folds"]) == 2
        assert not report.splits[name].calibration


def test_shares_in_left_out_blocks_are_told_far_better_than_by_their_mean(report):
    shares = report.splits["block"].fractions
    assert shares["baseline"]["r2"] < 0.1
    assert shares["pooled"]["mae"] < 0.35 * shares["baseline"]["mae"]
    assert shares["pooled"]["kl"] < 0.25 * shares["baseline"]["kl"]
    assert shares["pooled"]["r2"] > 0.85
    assert all(row["mae"] < 0.4 * row["baseline_mae"] for row in shares["classes"])


def test_shares_are_told_better_by_who_learnt_them_than_by_who_learnt_main_classes(chips):
    (learnt, tested), *_ = block_split(chips, 2, 250, 0)
    told = find_fractions(chips.columns)
    errors = {}
    for target in ("fractions", "label"):
        model = train(chips, replace(TEXTURE, target=target), rows=learnt)
        answer = model.estimate_probabilities(chips.features[tested])
        errors[target] = score_shares(told.values[tested], answer, told.known[tested])["mae"]
    assert errors["fractions"] < 0.7 * errors["label"]


def test_samples_of_which_little_is_known_count_little(chips):
    """Shares of half of the chips are wrong, but nearly nothing of these is labelled."""
    wrong = np.arange(160) % 2 == 0
    turned = {f"fraction_{v}": chips.columns[f"fraction_{v}"].copy() for v in CLASSES}
    turned["fraction_2"][wrong], turned["fraction_7"][wrong] = 0.0, 1.0
    turned["fraction_5"][wrong] = 0.0
    told = find_fractions(chips.columns)
    errors = []
    for labelled in (1.0, 1e-4):
        samples = with_columns(chips, **turned, labelled=np.where(wrong, labelled, 1.0))
        answer = train(samples, TEXTURE).estimate_probabilities(chips.features)
        errors.append(score_shares(told.values, answer, told.known)["mae"])
    assert errors[1] < 0.4 * errors[0]


def test_the_page_tells_shares_and_their_baseline_and_none_of_models_of_labels(chips, report):
    page, shares = write_page(report.to_dict()), report.splits["block"].fractions
    assert f"<td class=n>{shares['baseline']['mae']:.3f}</td>" in page
    assert f"<td class=n>{shares['classes'][1]['mae']:.3f}</td>" in page
    assert page.count("MAE of mean shares") == 3
    plain = evaluate(
        chips, replace(TEXTURE, target="label"), {"block": block_split(chips, 2, 250, 0)}, forest=False
    )
    assert plain.splits["block"].fractions is None
    assert "mean shares" not in write_page(plain.to_dict())


def test_a_split_whose_main_class_is_always_the_same_is_scored(chips):
    """Where one class leads everywhere shares still differ, though there are no classes to tell apart."""
    even = {f"fraction_{v}": (0.1 + 0.2 * chips.columns[f"fraction_{v}"]) for v in CLASSES}
    even["fraction_5"] = 1 - even["fraction_2"] - even["fraction_7"]
    samples = replace(with_columns(chips, **even), labels=np.full(160, 5))
    report = evaluate(samples, TEXTURE, {"block": block_split(samples, 2, 250, 0)})
    assert report.classes == tuple(CLASSES)
    assert report.splits["block"].fractions["pooled"]["r2"] > 0.7


def test_the_registered_model_says_that_it_gives_shares_and_gives_them(chips, report, layout):
    registry, model = ModelRegistry(layout), train(chips, TEXTURE)
    model_id = registry.register(model, report, chips)
    item = registry.item(model_id)
    assert find_breaches(item) == []
    properties = item["properties"]
    made = properties["mlm:output"][0]
    assert properties["mlm:tasks"] == made["tasks"] == ["regression"]
    assert [c["title"] for c in made["classification:classes"]] == list(CLASSES.values())
    assert "share" in made["description"]
    assert properties["mlm:hyperparameters"]["target"] == "fractions"
    assert properties["title"].endswith("for shares of water, forest, bare soil")
    assert properties["eocene:onnx_difference"] <= 1e-5
    assert registry.report(model_id)["spec"]["target"] == "fractions"
    predictor, ours = registry.load(model_id), model.estimate_probabilities(chips.features)
    assert np.abs(predictor.estimate_probabilities(chips.features) - ours).max() <= 1e-5
    answer = answer_rows(predictor, chips.features[:3].tolist())
    for told, row in zip(answer, ours, strict=False):
        assert list(told["probabilities"]) == list(CLASSES.values())
        assert list(told["probabilities"].values()) == pytest.approx(row.tolist(), abs=1e-5)
    label = train(chips, replace(TEXTURE, target="label"))
    plain = registry.item(registry.register(label, replace(report, spec=label.spec), chips))
    assert plain["properties"]["mlm:tasks"] == ["classification"]
    assert "target" not in plain["properties"]["mlm:hyperparameters"]


def test_the_card_tells_how_far_off_the_shares_are(chips, report, layout):
    registry = ModelRegistry(layout)
    made = {}
    for target in ("fractions", "label"):
        spec = replace(TEXTURE, target=target)
        scored = report if target == "fractions" else evaluate(chips, spec, {}, forest=False)
        model_id = registry.register(train(chips, spec), scored, chips, name=f"of-{target}")
        made[target] = (layout.models / model_id / "card.md").read_text()
    shares = report.splits["block"].fractions
    own, naive = shares["pooled"], shares["baseline"]
    line = f"| block | {own['mae']:.3f} | {naive['mae']:.3f} | {own['rmse']:.3f} | {own['r2']:.3f} |"
    assert line in made["fractions"]
    for row in shares["classes"]:
        name = CLASSES[row["class"]]
        cells = (row["share"], row["mae"], row["baseline_mae"], row["r2"])
        assert f"| {name} | {' | '.join(f'{v:.3f}' for v in cells)} |" in made["fractions"]
    assert "share" not in made["label"].lower().replace(chips.name, "")


def test_a_model_of_shares_is_scored_on_those_of_elsewhere(chips, report, layout):
    registry = ModelRegistry(layout)
    model_id = registry.register(train(chips, TEXTURE), report, chips)
    away = simulate_mixtures("chips", 80, seed=9)
    predictor = registry.load(model_id)
    told = add_elsewhere(registry.report(model_id), predictor, away)["splits"][f"on {away.id}"]
    truth = find_fractions(away.columns)
    answer = predictor.estimate_probabilities(away.features)
    expected = metrics.mean_absolute_error(truth.values, answer, sample_weight=truth.known)
    assert told["fractions"]["pooled"]["mae"] == pytest.approx(expected)
    assert told["fractions"]["baseline"]["r2"] == pytest.approx(0, abs=1e-9)
    assert expected < 0.4 * told["fractions"]["baseline"]["mae"]
    with pytest.raises(InputError, match="fraction_<class>"):
        add_elsewhere(registry.report(model_id), predictor, replace(away, columns={}))


def test_a_trial_of_a_search_is_scored_by_the_cross_entropy_of_shares(chips, tmp_path):
    chips.save(tmp_path)
    write_json(tmp_path / "task.json", {"samples": chips.id, "spec": TEXTURE.to_dict()})
    loss = measure_trial(str(tmp_path), 0, {}, 1)
    told = find_fractions(chips.columns)
    least = -(told.values * np.log(np.where(told.values > 0, told.values, 1))).sum(axis=1).mean()
    naive = -(told.mean(np.arange(160)) * np.log(told.mean(np.arange(160)))).sum()
    assert least < loss < least + 0.3 * (naive - least)


def test_shares_are_learnt_scored_and_registered_by_one_command(chips, tmp_path):
    with eocene.open(tmp_path / "desk") as ws:
        chips.save(ws.layout.datasets)
    spec = TEXTURE.to_json()
    words = ["train", chips.id, "-w", tmp_path / "desk", "--spec", spec, "--block-m", 250, "--folds", 2]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    with eocene.open(tmp_path / "desk") as ws:
        shares = ws.models.report(told["model"])["splits"]["block"]["fractions"]
    assert shares["pooled"]["mae"] < 0.35 * shares["baseline"]["mae"]


def test_chips_of_an_archive_become_a_map_of_shares(world):
    graph = {
        "load": {
            "process_id": "load_collection",
            "arguments": {"id": "sentinel-2-l2a", "bands": ["B04", "B08"],
                          "temporal_extent": ["2024-06-01", "2024-07-01"]},
        },
        "mean": {
            "process_id": "reduce_dimension",
            "arguments": {"data": {"from_node": "load"}, "dimension": "t", "reducer": {"process_graph": {
                "m": {"process_id": "mean", "arguments": {"data": {"from_parameter": "data"}}, "result": True}
            }}},
            "result": True,
        },
    }  # fmt: skip
    samples = world.sample(graph, "reference:classes", Draw("chips", 16), name="shares").read()
    model, none = train(samples, TEXTURE), evaluate(samples, TEXTURE, {})
    model_id = world.models.register(model, none, samples)
    asked = copy.deepcopy(graph)
    del asked["mean"]["result"]
    asked["model"] = {"process_id": "load_ml_model", "arguments": {"id": model_id}}
    asked["shares"] = {
        "process_id": "ml_predict_probabilities",
        "arguments": {"data": {"from_node": "mean"}, "model": {"from_node": "model"}},
        "result": True,
    }
    made = world.plan(asked).read()
    names = [samples.class_names.get(v, str(v)) for v in model.classes]
    assert made["bands"].to_numpy().tolist() == names
    answer = model.estimate_probabilities(samples.features)
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
    for row in range(0, len(samples), 9):
        there = made.sel(x=samples.x[row], y=samples.y[row], method="nearest").to_numpy()
        np.testing.assert_allclose(there, answer[row], atol=1e-5)

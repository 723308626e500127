"""A kernel machine on texture: what it measures, what it tells apart, and what it promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from eocene.curate import Samples
from eocene.curate.faults import admit
from eocene.learn import ModelSpec, train
from eocene.learn.models.chip_texture import ChipTextureSettings, fit_kernels, measure_texture
from eocene.learn.models.texture_graph import GraphWriter, find_limits
from eocene.learn.models.texture_onnx import FAMILIES, write_texture
from eocene.learn.onnx_check import check_onnx
from eocene.learn.onnx_file import export_onnx, measure_difference, open_session, signature_of
from eocene.model import InputError

EDGE = 16


def make_chips(count: int, seed: int) -> Samples:
    """Two classes of noise, equal in mean and variance: rough, and smooth."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    chips = random.normal(size=(count, 2, EDGE, EDGE)).astype(np.float32)
    coarse = random.normal(size=(count, 2, EDGE // 4, EDGE // 4)).astype(np.float32)
    smooth = coarse.repeat(4, axis=2).repeat(4, axis=3)
    chips = np.where(labels[:, None, None, None] == 1, smooth, chips)
    chips -= chips.mean(axis=(2, 3), keepdims=True)
    chips /= chips.std(axis=(2, 3), keepdims=True)
    chips[:3, :, :4, :4] = np.nan
    places = np.arange(count) * 1000.0
    pixels = tuple(str(i) for i in range(EDGE))
    return Samples(
        features=chips, labels=labels, x=places, y=places, epsg=32627, class_names={0: "rough", 1: "smooth"},
        axes={"bands": ("HH", "HV"), "y": pixels, "x": pixels},
    )  # fmt: skip


def measure(chips: np.ndarray) -> dict[str, np.ndarray]:
    graph = GraphWriter()
    families = write_texture(graph, chips.shape[1:], find_limits(chips), FAMILIES)
    made = {graph("Identity", name, to=family): None for family, name in families.items()}
    session = open_session(graph.write(made, chips.shape[1:]))
    return dict(zip(made, session.run(list(made), {"features": chips}), strict=True))


def test_the_numbers_of_a_chip_are_those_that_numpy_finds() -> None:
    chips = np.random.default_rng(1).normal(3, 2, (5, 2, 8, 8)).astype(np.float32)
    found = measure(chips)
    flat = chips.reshape(5, 2, 64)
    assert np.allclose(found["distribution"][:, :2], flat.mean(axis=2), atol=1e-5)
    assert np.allclose(found["distribution"][:, 2:4], flat.std(axis=2), atol=1e-5)
    ordered = np.sort(flat, axis=2)[..., ::-1]
    places = [round((1 - share) * 63) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    assert np.allclose(found["distribution"][:, 4:], ordered[..., places].reshape(5, -1))
    assert np.allclose(found["extremes"][:, :2], flat.max(axis=2) - flat.mean(axis=2), atol=1e-5)
    paired = [np.corrcoef(*chip)[0, 1] for chip in flat]
    assert np.allclose(found["correlation"][:, 0], paired, atol=0.02)
    across = (
        chips[..., ::2, ::2] - chips[..., ::2, 1::2] + chips[..., 1::2, ::2] - chips[..., 1::2, 1::2]
    ) / 2
    along = (
        chips[..., ::2, ::2] + chips[..., ::2, 1::2] - chips[..., 1::2, ::2] - chips[..., 1::2, 1::2]
    ) / 2
    straight = (np.abs(across).mean(axis=(2, 3)) + np.abs(along).mean(axis=(2, 3))) / 2
    assert np.allclose(found["variation"][:, [0, 2]], straight, atol=1e-5)


def test_turning_or_mirroring_a_chip_changes_no_number() -> None:
    chips = np.random.default_rng(2).normal(size=(4, 3, 16, 16)).astype(np.float32)
    plain = measure(chips)
    for turned in (np.rot90(chips, axes=(2, 3)), chips[..., ::-1], chips[..., ::-1, :]):
        other = measure(np.ascontiguousarray(turned))
        assert all(np.allclose(plain[name], other[name], atol=1e-4) for name in plain)


def test_textures_of_equal_mean_and_variance_are_told_apart() -> None:
    samples = make_chips(80, seed=3)
    model = train(samples, ModelSpec("chip_texture"), rows=np.arange(60))
    unseen = samples.take(np.arange(60, 80))
    assert (model.classify(unseen.features) == unseen.labels).all()
    chances = model.estimate_probabilities(samples.features)
    assert np.isfinite(chances).all()
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)


def test_the_registered_form_passes_the_check_and_answers_alike() -> None:
    samples = make_chips(40, seed=4)
    model = train(samples, ModelSpec("chip_texture"))
    data = export_onnx(model)
    check_onnx(data, signature_of(model, data), "chips")
    assert measure_difference(model, data, samples.features) <= 1e-5


def test_few_centres_answer_nearly_as_all_do_and_the_seed_draws_them() -> None:
    samples = make_chips(60, seed=5)
    every = train(samples, ModelSpec("chip_texture")).estimate_probabilities(samples.features)
    few = [
        train(samples, ModelSpec("chip_texture", seed=seed, settings={"centres": 20})) for seed in (1, 1, 2)
    ]
    first, again, other = (model.estimate_probabilities(samples.features) for model in few)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.abs(first - every).mean() < 0.1


def test_a_sample_of_weight_two_counts_as_two() -> None:
    samples = make_chips(30, seed=6)
    twice = admit(samples.take(np.r_[np.arange(30), 5]), ["duplicates"], "One stands there twice.")
    weighted = Samples(
        features=samples.features, labels=samples.labels, x=samples.x, y=samples.y, epsg=samples.epsg,
        axes=samples.axes, class_names=samples.class_names,
        columns={"weight": np.where(np.arange(30) == 5, 2.0, 1.0)},
    )  # fmt: skip
    some = "distribution+variation+spectrum+spots"  # those of grey levels hang on how many samples there are
    spec = ModelSpec("chip_texture", settings={"knots": 2, "families": some})
    answers = [train(s, spec).estimate_probabilities(samples.features) for s in (twice, weighted)]
    assert np.allclose(answers[0], answers[1], atol=1e-4)


def test_kernels_on_texture_measured_once_answer_as_the_model_of_chips_does() -> None:
    samples = make_chips(50, seed=8)
    texture = measure_texture(samples.features)
    classes, machine = fit_kernels(texture, samples.labels, ChipTextureSettings(), 0)
    answers = train(samples, ModelSpec("chip_texture")).estimate_probabilities(samples.features)
    assert classes.tolist() == [0, 1]
    assert np.allclose(machine.estimate_probabilities(texture), answers, atol=1e-5)


def test_the_coefficients_solve_the_regression_that_is_written_in_the_books() -> None:
    samples = make_chips(20, seed=9)
    texture = measure_texture(samples.features, "variation")
    weights = np.random.default_rng(9).uniform(0.5, 2, 20)
    settings = ChipTextureSettings(penalty=0.7, sharpness=0.2)
    _, machine = fit_kernels(texture, samples.labels, settings, 0, weights)
    ranks = machine.centres["variation"].astype(np.float64)
    apart = ((ranks[:, None] - ranks[None]) ** 2).mean(axis=2)
    kernel, penalty = np.exp(-0.2 * apart), 0.7 * np.diag(1 / weights)
    targets = np.eye(2)[samples.labels] - machine.shares
    assert np.allclose((kernel + penalty) @ machine.solution, targets, atol=1e-4)


def test_a_model_of_some_families_holds_no_others() -> None:
    samples = make_chips(40, seed=10)
    some = train(samples, ModelSpec("chip_texture", settings={"families": "distribution+extremes"}))
    whole = train(samples, ModelSpec("chip_texture"))
    assert len(export_onnx(some)) < len(export_onnx(whole)) / 2
    assert list(measure_texture(samples.features, "correlation+extremes")) == ["correlation", "extremes"]
    axes = {**samples.axes, "bands": ("HH",)}
    single = replace(samples, features=samples.features[:, :1], axes=axes)
    with pytest.raises(InputError, match="goes with no other"):
        train(single, ModelSpec("chip_texture", settings={"families": "correlation"}))
    with pytest.raises(InputError, match="families is 'colour'"):
        ModelSpec("chip_texture", settings={"families": "colour"})


def test_chips_without_room_for_texture_are_refused() -> None:
    chips = make_chips(10, seed=7)
    small = Samples(
        features=chips.features[:, :, 3:5, 3:5], labels=chips.labels, x=chips.x, y=chips.y, epsg=32627,
        axes={"bands": ("HH", "HV"), "y": ("0", "1"), "x": ("0", "1")},
    )  # fmt: skip
    with pytest.raises(InputError, match="at least 4 × 4 pixels"):
        train(small, ModelSpec("chip_texture"))

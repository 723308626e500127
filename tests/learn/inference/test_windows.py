from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.learn.inference import Reach, Tiling, choose_tiling, measure_reach, predict_window
from eocene.learn.inference.windows import crop
from eocene.learn.onnx_file import open_session
from eocene.learn.predict import Predictor
from eocene.model import Grid, InputError, Lattice

from .nets import chip_signature, make_chip_net, make_net

LATTICE = Lattice(32631, (10.0, 10.0))
EXTENT = Grid(LATTICE, 1003, -517, 150, 131)
"""Neither its corner nor its size is a multiple of anything that networks like."""


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    field = np.random.default_rng(0).normal(size=(3, *EXTENT.shape)).astype(np.float32)
    field[:, 40:60, 70:90] = np.nan
    field[1, :, 5] = np.nan
    return field


def load(data: bytes, edge: int = 32, **form) -> Predictor:
    signature = chip_signature(edge, **form)
    samples = np.random.default_rng(1).normal(size=(20, 3, edge, edge)).astype(np.float32)
    reach = measure_reach(open_session(data), signature, samples) if signature.dense else None
    return Predictor(data, signature, reach=reach)


def read(predictor, values, window, tiling) -> np.ndarray:
    """Predict a window from what it needs of the cube, as the engine does."""
    known = tiling.cover(window, EXTENT).intersect(EXTENT)
    return predict_window(predictor, crop(values, EXTENT, known), known, window, EXTENT, tiling)


@pytest.mark.parametrize(("pooled", "stride", "halo"), [(False, 1, 2), (True, 2, 4)])
def test_reach_is_what_the_layers_add_up_to(pooled, stride, halo):
    found = load(make_net(pooled=pooled)).reach
    assert found.stride == stride
    # Two convolutions of 3 look 2 pixels far; behind pooling by 2 the second and the pool look twice as far.
    assert found.halo == halo - (1 if pooled else 0) or found.halo == halo


def test_a_network_that_looks_at_all_has_no_reach():
    assert load(make_net(bottleneck=True)).reach.halo is None


def test_an_exact_window_is_the_untiled_answer(values):
    predictor = load(make_net())
    tiling = choose_tiling(predictor.signature, predictor.reach, free=predictor.is_free)
    assert tiling.exact
    whole = tiling.snap(EXTENT)
    untiled = crop(predictor.run(crop(values, EXTENT, whole)[None])[0], whole, EXTENT)
    untiled[:, np.isnan(values).all(axis=0)] = np.nan
    for window in EXTENT.blocks(50, 37):
        part = read(predictor, values, window, tiling)
        np.testing.assert_allclose(part, crop(untiled, EXTENT, window), atol=2e-6)


@pytest.mark.parametrize("blend", ["crop", "linear", "cosine"])
@pytest.mark.parametrize("edge", [None, 32])
def test_tiles_do_not_depend_on_the_window(values, blend, edge):
    predictor = load(make_net(edge=edge, bottleneck=True))
    tiling = choose_tiling(predictor.signature, predictor.reach, free=False, blend=blend)
    assert not tiling.exact
    whole = read(predictor, values, EXTENT, tiling)
    assert np.isnan(whole).any()
    for window in EXTENT.blocks(61, 44):
        np.testing.assert_array_equal(read(predictor, values, window, tiling), crop(whole, EXTENT, window))


@pytest.mark.parametrize("blend", ["crop", "linear"])
def test_tiles_equal_the_untiled_answer_where_the_network_looks_no_further_than_the_overlap(values, blend):
    predictor = load(make_net())
    tiling = choose_tiling(predictor.signature, predictor.reach, free=False, overlap=8, blend=blend)
    exact = choose_tiling(predictor.signature, predictor.reach, free=True)
    inner = EXTENT.pad(-16)  # at the edge tiles see missing values where the plane at once sees nothing
    far = {"crop": 2e-6, "linear": 1.0}[blend]
    tiled, untiled = (read(predictor, values, inner, way) for way in (tiling, exact))
    np.testing.assert_allclose(tiled, untiled, atol=far)
    assert np.nanmax(np.abs(tiled.sum(axis=0) - 1)) < 1e-5


def test_a_model_of_whole_chips_answers_for_squares_of_the_absolute_grid(values):
    predictor = load(make_chip_net(32), dense=False)
    tiling = choose_tiling(predictor.signature, None, free=predictor.is_free)
    answer = read(predictor, values, EXTENT, tiling)
    square = Grid(LATTICE, 1024, -512, 32, 32)
    inside = crop(answer, EXTENT, square)
    chip = np.nan_to_num(crop(values, EXTENT, square))
    np.testing.assert_allclose(
        inside, np.broadcast_to(predictor.run(chip[None])[0][:, None, None], inside.shape)
    )
    with pytest.raises(InputError, match="cannot be blended"):
        choose_tiling(predictor.signature, None, free=False, blend="linear")


@settings(max_examples=60, deadline=None)
@given(
    halo=st.integers(0, 20),
    core=st.integers(1, 90),
    blend=st.sampled_from(["crop", "linear", "cosine"]),
    left=st.integers(-300, 300),
    top=st.integers(-300, 300),
    width=st.integers(1, 120),
    height=st.integers(1, 90),
)
def test_weights_add_up_to_one_and_tiles_cover_every_window(halo, core, blend, left, top, width, height):
    tiling = Tiling(min(halo, core // 2), core, blend=blend if min(halo, core // 2) else "crop")
    window = Grid(LATTICE, left, top, width, height)
    total = np.zeros(window.shape)
    ramp = tiling.ramp() if tiling.blend != "crop" else np.ones(tiling.edge)
    for tile in tiling.tiles(window):
        inner = tile if tiling.blend != "crop" else tile.pad(-tiling.halo)
        common = inner.intersect(window)
        assert (tile.left + tiling.halo) % core == (tile.top + tiling.halo) % core == 0
        assert tiling.cover(window, window).intersect(tile) == tile
        if common:
            total[common.slices_in(window)] += np.outer(ramp, ramp)[common.slices_in(tile)]
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize(("overlap", "blend", "fault"), [(20, "linear", "no core"), (4, "wavy", "no blend")])
def test_what_cannot_be_cut_is_refused(overlap, blend, fault):
    with pytest.raises(InputError, match=fault):
        choose_tiling(chip_signature(32), Reach(1, 2), free=False, overlap=overlap, blend=blend)


def test_a_window_without_data_is_not_asked_about(values):
    predictor = load(make_net())
    tiling = choose_tiling(predictor.signature, predictor.reach, free=True)
    window = replace(EXTENT, width=20, height=20)
    predictor.run = None  # it would fail if it were
    assert np.isnan(read(predictor, np.full_like(values, np.nan), window, tiling)).all()

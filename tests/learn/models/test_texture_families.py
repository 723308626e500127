"""Each family of texture is what numpy and scipy find by other ways, and what it is said to be."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import ndimage

pytest.importorskip("onnxruntime")

from eocene.learn import ModelSpec
from eocene.learn.models.chip_texture import measure_texture
from eocene.learn.models.texture_graph import find_limits
from eocene.learn.models.texture_onnx import FAMILIES
from eocene.model import InputError

EDGE = 16
OLD = "distribution+variation+correlation+extremes"


@pytest.fixture(scope="module")
def chips() -> np.ndarray:
    """Three chips of two bands: 8-bit values, so that many are equal; the second band hangs on the first."""
    random = np.random.default_rng(1)
    first = ndimage.gaussian_filter(random.normal(0, 90, (3, EDGE, EDGE)), (0, 1, 0.5))
    second = np.abs(first) + random.normal(0, 20, first.shape)
    return np.clip(np.stack([first, second], axis=1) + 120, 0, 255).round().astype(np.float32)


def find_greys(chips: np.ndarray) -> np.ndarray:
    """Levels of 0 to 7, each of as many values of a band of all chips as ties allow, lowest first."""
    greys = np.empty(chips.shape, int)
    for band in range(chips.shape[1]):
        ordered = np.sort(chips[:, band].ravel())
        limits = np.interp(np.arange(1, 8) / 8, np.linspace(0, 1, len(ordered)), ordered)
        greys[:, band] = np.searchsorted(limits, chips[:, band].ravel()).reshape(chips[:, band].shape)
    return greys


def each_band(chips: np.ndarray, describe) -> np.ndarray:
    """(n, numbers of the first band, then of the second) by a description of one band."""
    return np.array([np.concatenate([describe(band) for band in chip]) for chip in chips])


def by_part(found: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Numbers that lie part by part, of (bands, size) each, as they lie band by band."""
    starts = np.cumsum([0, *(2 * size for size in sizes)])
    parts = [
        found[:, at : at + 2 * size].reshape(-1, 2, size) for at, size in zip(starts, sizes, strict=False)
    ]
    return np.concatenate(parts, axis=2).reshape(len(found), -1)


def test_the_spectrum_is_that_of_the_fourier_transform(chips) -> None:
    window = np.sin(np.pi * (np.arange(EDGE) + 0.5) / EDGE) ** 2
    window = window[:, None] * window

    def describe(band: np.ndarray) -> list[float]:
        power = np.abs(np.fft.fft2((band - band.mean()) * window)) ** 2 / (window**2).sum()
        rings: dict[int, list[float]] = {}
        for (row, column), value in np.ndenumerate(power):
            down, right = min(row, EDGE - row), min(column, EDGE - column)
            if down or right:
                rings.setdefault(math.floor(math.log2(down**2 + right**2) + 1e-12), []).append(value)
        return [math.log(np.mean(rings[ring]) + 1e-4) for ring in sorted(rings)]

    assert np.allclose(measure_texture(chips, "spectrum")["spectrum"], each_band(chips, describe), atol=1e-4)


def test_noise_has_its_variance_at_all_frequencies_and_a_wave_its_power_at_its_own() -> None:
    noise = np.random.default_rng(2).normal(5, 2, (200, 1, 32, 32)).astype(np.float32)
    rings = np.exp(measure_texture(noise, "spectrum")["spectrum"]).mean(axis=0)
    assert np.allclose(rings[2:], 4, rtol=0.1)
    wave = np.sin(2 * np.pi * np.arange(32) / 8) * np.ones((1, 1, 32, 1))
    found = measure_texture(wave.astype(np.float32), "spectrum")["spectrum"][0]
    assert found.argmax() == 4  # rings begin at 1/32, √2/32, 2/32, 2√2/32, 4/32 of a turn per pixel


def test_directions_are_those_of_the_eigenvalues_of_structure_tensors(chips) -> None:
    def describe(band: np.ndarray) -> list[float]:
        found = []
        for scale in (1, 2, 4):
            small = band.reshape(EDGE // scale, scale, EDGE // scale, scale).mean(axis=(1, 3))
            down, right = (slope[1:-1, 1:-1] for slope in np.gradient(small))
            tensor = np.array([[down * down, down * right], [down * right, right * right]])
            side = min(5, len(small) - 2)
            windows = np.lib.stride_tricks.sliding_window_view(tensor, (side, side), (2, 3)).mean(axis=(4, 5))
            small_one, large_one = np.moveaxis(np.linalg.eigvalsh(windows.transpose(2, 3, 0, 1)), 2, 0)
            coherence = (large_one - small_one) / (large_one + small_one + 1e-4)
            least, most = np.linalg.eigvalsh(tensor.mean(axis=(2, 3)))
            trace = math.log((small_one + large_one).mean() + 1e-4)
            found += [trace, coherence.mean(), coherence.std(), (most - least) / (most + least + 1e-4)]
        return found

    found = by_part(measure_texture(chips, "direction")["direction"], [1] * 12)
    assert np.allclose(found, each_band(chips, describe), atol=1e-3)


def test_spots_are_the_top_hats_of_scipy(chips) -> None:
    def describe(band: np.ndarray) -> list[float]:
        found = []
        for side in (3, 5, 9):
            for values in (band, -band):
                eroded = ndimage.grey_erosion(values, (side, side), mode="constant", cval=np.inf)
                opened = ndimage.grey_dilation(eroded, (side, side), mode="constant", cval=-np.inf)
                found += [(values - opened).mean(), np.sqrt(((values - opened) ** 2).mean())]
        return found

    found = by_part(measure_texture(chips, "spots")["spots"], [1] * 12)
    assert np.allclose(found, each_band(chips, describe), rtol=1e-4)


def test_a_bright_spot_is_seen_by_squares_that_are_larger_and_by_no_others() -> None:
    chip = np.zeros((1, 1, 16, 16), np.float32)
    chip[0, 0, 5:9, 5:9] = 1
    found = measure_texture(chip, "spots")["spots"][0].reshape(3, 2, 2)
    assert found[:, 0].tolist() == [[0, 0], [0.0625, 0.25], [0.0625, 0.25]]
    assert not found[:, 1].any()


def test_cooccurrence_is_what_counting_all_neighbours_gives(chips) -> None:
    around = [step for step in itertools.product((-1, 0, 1), repeat=2) if step != (0, 0)]

    def describe(grey: np.ndarray) -> list[float]:
        found = []
        for reach in (1, 2, 4):
            shares, inner = np.zeros((8, 8)), range(reach, EDGE - reach)
            for row, column, (down, right) in itertools.product(inner, inner, around):
                shares[grey[row, column], grey[row + reach * down, column + reach * right]] += 1
            shares /= shares.sum()
            apart = np.subtract.outer(np.arange(8), np.arange(8)) ** 2
            some = shares[shares > 0]
            found += [(shares * apart).sum(), (shares / (1 + apart)).sum(), (some**2).sum()]
            found.append(-(some * np.log(some)).sum())
        return found

    found = by_part(measure_texture(chips, "cooccurrence")["cooccurrence"], [2, 1, 1] * 3)
    assert np.allclose(found, each_band(find_greys(chips), describe), rtol=1e-4)


def test_patterns_are_the_uniform_ones_of_the_eight_neighbours(chips) -> None:
    ring = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]

    def describe(band: np.ndarray) -> list[float]:
        found: list[float] = []
        for reach in (1, 2, 4):
            counts, inner = [0] * 10, range(reach, EDGE - reach)
            for row, column in itertools.product(inner, inner):
                near = (band[row + reach * down, column + reach * right] for down, right in ring)
                bits = "".join(str(int(value >= band[row, column])) for value in near)
                turns = (bits[at:] + bits[:at] for at in range(8))
                uniform = any(turned == "1" * turned.count("1") + "0" * turned.count("0") for turned in turns)
                counts[bits.count("1") if uniform else 9] += 1
            found += [count / sum(counts) for count in counts]
        return found

    found = by_part(measure_texture(chips, "patterns")["patterns"], [10] * 3)
    assert np.allclose(found, each_band(chips, describe), atol=1e-6)


def test_dependence_is_the_joint_histogram_of_levels_of_grey(chips) -> None:
    shares = [
        np.histogram2d(*grey.reshape(2, -1), bins=np.arange(9) - 0.5)[0] / EDGE**2
        for grey in find_greys(chips)
    ]
    found = measure_texture(chips, "dependence")["dependence"]
    assert np.allclose(found, np.reshape(shares, (len(chips), 64)), atol=1e-6)


def test_a_model_keeps_the_levels_of_grey_of_the_chips_that_it_learnt_from(chips) -> None:
    assert find_limits(np.full((2, 1, 4, 4), np.nan, np.float32)).tolist() == [[0] * 7]
    limits = find_limits(chips)
    alone = measure_texture(chips[:1], "cooccurrence+dependence", limits)
    beside = measure_texture(chips, "cooccurrence+dependence", limits)
    own = measure_texture(chips[:1], "cooccurrence+dependence")
    for name, values in alone.items():
        assert np.allclose(values, beside[name][:1], atol=1e-6)
        assert not np.allclose(values, own[name], atol=1e-3)
    brighter = measure_texture(chips + 300, "dependence", limits)["dependence"]
    assert np.array_equal(brighter[:, -1], np.ones(len(chips)))


@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 5, 7), (3, 33, 20)])
def test_chips_of_all_sizes_and_without_any_texture_have_finite_numbers(shape) -> None:
    noise = np.random.default_rng(3).normal(size=shape)
    gaps = np.where(noise > 0.5, np.nan, noise)
    chips = np.stack([noise, gaps, np.full(shape, 7), np.full(shape, np.nan)]).astype(np.float32)
    found = measure_texture(chips)
    assert set(FAMILIES) - set(found) == ({"correlation", "dependence"} if shape[0] == 1 else set())
    assert all(np.isfinite(values).all() for values in found.values())


def test_a_spec_from_before_the_further_families_still_means_its_four() -> None:
    kept = {"centres": 4000, "families": OLD, "knots": 33, "penalty": 0.5, "sharpness": 0.3}
    spec = ModelSpec.from_dict({"kind": "chip_texture", "seed": 0, "settings": kept})
    assert spec.settings == kept
    assert ModelSpec("chip_texture").settings["families"] == "+".join(FAMILIES)


@pytest.mark.parametrize("told", ["", "colour", "spots+spots", "spots+", "spots,patterns"])
def test_families_that_are_not_there_or_twice_are_refused(told) -> None:
    with pytest.raises(InputError, match="families is") as raised:
        ModelSpec("chip_texture", settings={"families": told})
    assert "dependence" in raised.value.remedy

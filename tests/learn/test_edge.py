from __future__ import annotations

import numpy as np
import pytest

from eocene.learn.edge import quantize, run_bounded
from eocene.learn.onnx_file import export_onnx, open_session, signature_of
from eocene.model import InputError

from .inference.nets import chip_signature, make_net


@pytest.fixture(scope="module")
def chips() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(40, 3, 16, 16)).astype(np.float32)


def test_weights_of_8_bits_lose_little_and_say_how_much(chips):
    signature = chip_signature(16)
    data = make_net()
    small = quantize(data, signature, chips)
    held = chips[1::2]
    before, after = (
        open_session(d).run(["probabilities"], {"features": held})[0] for d in (data, small.data)
    )
    assert small.difference == pytest.approx(np.abs(before - after).max())
    assert small.agreement == pytest.approx((before.argmax(1) == after.argmax(1)).mean())
    assert small.agreement > 0.95
    assert 0 < small.difference < 0.2


def test_trees_have_no_weights_to_make_smaller(model, samples):
    data = export_onnx(model)
    with pytest.raises(InputError, match="no layers of weights"):
        quantize(data, signature_of(model, data), samples.features)


def test_a_run_stays_within_its_memory_and_time(chips):
    signature = chip_signature(16)
    data = make_net()
    answers, taken = run_bounded(data, signature, chips, memory_bytes=512 * 2**20, seconds=60)
    (own,) = open_session(data).run(["probabilities"], {"features": chips})
    np.testing.assert_array_equal(answers, own)
    assert 0 < taken["peak_bytes"] < 512 * 2**20
    with pytest.raises(InputError, match="more than 8 MiB"):
        run_bounded(data, signature, chips, memory_bytes=8 * 2**20, seconds=60)

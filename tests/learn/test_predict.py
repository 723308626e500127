from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from eocene.learn import Predictor, onnx_check
from eocene.learn.onnx_file import export_onnx, measure_difference
from eocene.learn.signature import Signature
from eocene.model import DamageError, InputError, UnavailableError


def signature(model, names=None, classes=None) -> Signature:
    return Signature({"features": names or model.feature_names}, classes or dict(model.class_names))


@pytest.fixture(scope="module")
def data(model) -> bytes:
    return export_onnx(model)


@pytest.fixture(scope="module")
def predictor(model, data) -> Predictor:
    return Predictor(data, signature(model))


def test_onnx_gives_the_probabilities_of_the_trained_model(model, data, samples):
    assert measure_difference(model, data, samples.features) <= 1e-5
    unseen = np.random.default_rng(3).normal(size=(5000, 4)).astype(np.float32) * 3
    unseen[::7, 1] = np.nan
    assert measure_difference(model, data, unseen) <= 1e-5


def test_class_and_confidence_are_the_largest_probability(model, predictor, samples):
    answer, confidence = predictor.predict(samples.features)
    expected = model.fitted.estimate_probabilities(samples.features)
    present = ~np.isnan(samples.features).all(axis=1)
    np.testing.assert_allclose(confidence[present], expected.max(axis=1)[present], atol=1e-5)
    ranked = np.sort(expected, axis=1)
    clear = present & (ranked[:, -1] - ranked[:, -2] > 1e-4)
    assert clear.sum() > 500
    np.testing.assert_array_equal(answer[clear], model.classify(samples.features)[clear])
    assert answer.dtype == confidence.dtype == np.float32


def test_rows_without_any_value_get_no_answer(predictor):
    answer, confidence = predictor.predict(np.array([[np.nan] * 4, [1, np.nan, 0, 0]], np.float32))
    np.testing.assert_array_equal(np.isnan(answer), [True, False])
    np.testing.assert_array_equal(np.isnan(confidence), [True, False])


def test_the_answer_depends_neither_on_batch_size_nor_on_threads(model, data):
    rows = np.random.default_rng(1).normal(size=(40_000, 4)).astype(np.float32)
    one, four = (Predictor(data, signature(model), threads=t) for t in (1, 4))
    whole = one.estimate_probabilities(rows)
    np.testing.assert_array_equal(four.estimate_probabilities(rows), whole)
    for size in (1, 2, 49, 50, 51, 129):
        np.testing.assert_array_equal(one.estimate_probabilities(rows[:size]), whole[:size])


def test_no_rows_give_no_answers(predictor):
    assert predictor.estimate_probabilities(np.empty((0, 4), np.float32)).shape == (0, 3)


def test_a_wrong_number_of_features_is_refused(predictor):
    with pytest.raises(InputError, match="takes 4 features"):
        predictor.predict(np.zeros((2, 3), np.float32))


def fault_of(data, model) -> str:
    """Return what is said of a file that is refused."""
    with pytest.raises(DamageError) as caught:
        Predictor(data, signature(model))
    return str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused(model, data, share):
    with pytest.raises(DamageError, match="refused"):
        Predictor(data[: int(len(data) * share)], signature(model))


def test_noise_and_pickles_are_refused(model):
    assert "refused" in fault_of(b"\x80\x04\x95\x10\x00\x00\x00cposix\nsystem\n", model)
    assert "refused" in fault_of(np.random.default_rng(0).bytes(4000), model)


def test_external_data_is_refused_wherever_it_hides(model, data):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    at_the_top = onnx.ModelProto.FromString(data)
    at_the_top.graph.initializer.append(tensor)
    assert "other files" in fault_of(at_the_top.SerializeToString(), model)
    nested = onnx.ModelProto.FromString(data)
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor)], "inner", [], [])
    nested.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))
    assert "other files" in fault_of(nested.SerializeToString(), model)


def test_foreign_operators_are_refused(model, data):
    changed = onnx.ModelProto.FromString(data)
    changed.graph.node.append(helper.make_node("Loop", ["features"], ["z"]))
    assert "uses Loop" in fault_of(changed.SerializeToString(), model)
    changed.graph.node[-1].op_type = "Identity"
    changed.graph.node[-1].domain = "com.evil"
    assert "uses com.evil" in fault_of(changed.SerializeToString(), model)


def test_another_shape_than_promised_is_refused(model, data):
    with pytest.raises(DamageError, match="not 3 features"):
        Predictor(data, signature(model, model.feature_names[:3]))
    with pytest.raises(DamageError, match="2 probabilities"):
        Predictor(data, signature(model, classes={11: "a", 13: "b"}))


def test_an_oversized_file_is_refused(model, data, monkeypatch):
    monkeypatch.setattr(onnx_check, "MAX_BYTES", 1000)
    assert "the limit is 1000" in fault_of(data, model)


def test_a_missing_package_names_the_extra(model, data, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UnavailableError, match=r'pip install "eocene\[learn\]"'):
        Predictor(data, signature(model))

"""Every kind: trained, registered, loaded in a fresh process, and asked by ONNX runtime alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pystac
import pytest
from pystac.extensions.mlm import MLMExtension

from eocene.curate import Samples
from eocene.learn import ModelRegistry, ModelSpec, train
from eocene.learn.models.kind import find_kind, kind_names
from eocene.learn.validation import validate

KINDS = [name for name in kind_names() if find_kind(name).in_graphs]
"""All but those that are tuned from an encoder, see tests/learn/pretraining."""
NETWORKS = [name for name in KINDS if "epochs" in {f.name for f in fields(find_kind(name).settings)}]
OTHERS = [name for name in KINDS if name not in NETWORKS]
AXES = {
    "features": ("a", "b", "c", "d", "e", "f"),
    "t": tuple(f"2024-{m:02d}-01" for m in range(1, 7)),
    "bands": ("B04", "B08"),
    "y": tuple(map(str, range(16))),
    "x": tuple(map(str, range(16))),
}
ASK = """
import sys, numpy as np
from pathlib import Path
from eocene.learn import ModelRegistry
from eocene.model import Layout
model = ModelRegistry(Layout(Path(sys.argv[1]))).load(sys.argv[2])
np.save(sys.argv[4], model.estimate_probabilities(np.load(sys.argv[3])))
print(sorted(m for m in ("torch", "sklearn", "lightgbm", "skl2onnx") if m in sys.modules))
"""


def make_samples(form: tuple[str, ...]) -> Samples:
    random = np.random.default_rng(0)
    axes = {dim: AXES[dim] for dim in form}
    features = random.normal(size=(60, *map(len, axes.values()))).astype(np.float32)
    labels = (features.reshape(60, -1)[:, 0] > 0).astype(int) + 3
    features[random.random(features.shape) < 0.05] = np.nan
    return Samples(
        features, labels, 574_680 + 10.0 * np.arange(60), np.full(60, 5_621_800.0), 32631, axes,
        {3: "low", 4: "high"}, sources={"items": ["s2-1"], "graph": {"l": {}}, "label": "made"},
        columns={"target": 100 + 7 * np.nan_to_num(features.reshape(60, -1)[:, 0])},
    )  # fmt: skip


def small_settings(name: str) -> dict[str, object]:
    known = {f.name for f in fields(find_kind(name).settings)}
    small = {"epochs": 1, "n_estimators": 10, "width": 8, "filters": 8, "dense": 16}
    return {key: value for key, value in small.items() if key in known}


def check_round_trip(name: str, layout, tmp_path) -> None:
    samples = make_samples(find_kind(name).takes[-1])
    spec = ModelSpec(name, settings=small_settings(name))
    model, registry = train(samples, spec), ModelRegistry(layout)
    model_id = registry.register(model, validate(samples, spec, 0), samples)
    np.save(tmp_path / "rows.npy", samples.features)
    arguments = [str(layout.root), model_id, str(tmp_path / "rows.npy"), str(tmp_path / "out.npy")]
    done = subprocess.run([sys.executable, "-c", ASK, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    ours, theirs = model.estimate_probabilities(samples.features), np.load(tmp_path / "out.npy")
    scale = ours.std() if find_kind(name).task == "regression" else 1
    assert np.abs(ours - theirs).max() / scale <= 1e-5
    item = pystac.Item.from_dict(registry.item(model_id))
    assert MLMExtension.ext(item).input[0].input.shape[1:] == list(registry.load(model_id).signature.sample)
    assert json.loads(json.dumps(item.properties["eocene:lineage"]))["dataset"] == samples.id
    held = {p.name for p in (registry.root / model_id).iterdir()}
    assert ("model.safetensors" in held) == (model.fitted.export_tensors() is not None)
    assert not [n for n in held if not n.endswith((".json", ".onnx", ".safetensors", ".md", ".svg", ".html"))]


@pytest.mark.parametrize("name", OTHERS)
def test_models_answer_alike_in_a_fresh_process(name, layout, tmp_path):
    check_round_trip(name, layout, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_answer_alike_in_a_fresh_process_without_torch(name, layout, tmp_path):
    pytest.importorskip("torch")
    check_round_trip(name, layout, tmp_path)

"""Boosted trees as one TreeEnsembleRegressor node of ONNX, from LightGBM's description of its trees.

Source: LightGBM's ``Booster.dump_model``; operators TreeEnsembleRegressor (ai.onnx.ml 3) and Softmax.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

Columns = defaultdict[str, list[Any]]


def export_boosted_trees(described: Mapping[str, Any], classes: int) -> bytes:
    """Return trees as ONNX bytes: scores of the classes are summed, and a softmax follows.

    Parameters
    ----------
    described : mapping
        As ``Booster.dump_model`` gives it, of a softmax over ``classes`` or of one logistic output.
    classes : int
        Two classes have one tree a round, whose score stands beside a constant 0 of the first class:
        softmax(0, s) is (1 − logistic(s), logistic(s)).
    """
    helper = import_extra("onnx").helper
    columns: Columns = defaultdict(list)
    outputs = int(described["num_tree_per_iteration"])
    for number, tree in enumerate(described["tree_info"]):
        target = number % outputs if outputs > 1 else classes - 1
        _write_tree(columns, number, tree["tree_structure"], target)
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["scores"],
        domain="ai.onnx.ml",
        n_targets=classes,
        base_values=[0.0] * classes,
        aggregate_function="SUM",
        **columns,
    )
    softmax = helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1)
    return _write_graph([trees, softmax], int(described["max_feature_idx"]) + 1, classes)


def export_boosted_values(described: Mapping[str, Any], base: float) -> bytes:
    """Return regression trees as ONNX bytes: their values are added to ``base``."""
    helper = import_extra("onnx").helper
    columns: Columns = defaultdict(list)
    for number, tree in enumerate(described["tree_info"]):
        _write_tree(columns, number, tree["tree_structure"], 0)
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["values"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[base],
        aggregate_function="SUM",
        **columns,
    )
    return _write_graph([trees], int(described["max_feature_idx"]) + 1, 1, "values")


def _write_graph(nodes: list[Any], features: int, outputs: int, output: str = "probabilities") -> bytes:
    onnx = import_extra("onnx")
    number = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "boosted_trees",
        [onnx.helper.make_tensor_value_info("features", number, [None, features])],
        [onnx.helper.make_tensor_value_info(output, number, [None, outputs])],
    )
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="eocene")
    return bytes(model.SerializeToString())


def _write_tree(columns: Columns, tree: int, root: Mapping[str, Any], target: int) -> None:
    """Append the nodes of a tree, numbered from its root on."""
    pending = [(root, 0)]
    count = 1
    while pending:
        node, own = pending.pop()
        if "leaf_value" in node:
            _append(columns, tree, own, "LEAF", {})
            for key, value in zip(
                ("target_treeids", "target_nodeids", "target_ids", "target_weights"),
                (tree, own, target, float(node["leaf_value"])),
                strict=True,
            ):
                columns[key].append(value)
            continue
        if node["decision_type"] != "<=":
            raise InputError(f"A tree splits by {node['decision_type']!r}.", "Train without categories.")
        left, right = count, count + 1
        count += 2
        split = {
            "featureids": int(node["split_feature"]),
            "values": round_down(float(node["threshold"])),
            "truenodeids": left,
            "falsenodeids": right,
            "missing_value_tracks_true": int(_missing_left(node)),
        }
        _append(columns, tree, own, "BRANCH_LEQ", split)
        pending += [(node["left_child"], left), (node["right_child"], right)]


def _append(columns: Columns, tree: int, own: int, mode: str, split: Mapping[str, Any]) -> None:
    told = {
        "treeids": tree,
        "nodeids": own,
        "modes": mode,
        "featureids": 0,
        "values": 0.0,
        "truenodeids": 0,
        "falsenodeids": 0,
        "missing_value_tracks_true": 0,
    }
    for key, entry in (told | dict(split)).items():
        columns[f"nodes_{key}"].append(entry)


def round_down(threshold: float) -> float:
    """Return the largest float32 not above a threshold, which splits float32 values alike."""
    rounded = np.float32(threshold)
    return float(rounded if rounded <= threshold else np.nextafter(rounded, np.float32(-np.inf)))


def _missing_left(node: Mapping[str, Any]) -> bool:
    """Whether a missing value goes left: as learnt, or as a zero where none was met in training."""
    if node["missing_type"] == "NaN":
        return bool(node["default_left"])
    return float(node["threshold"]) >= 0.0

"""What the texture of a chip is, in numbers, written as ONNX: one description for teaching and for use.

Four families of numbers, each over all bands: how values are distributed; how much they vary from one scale
to the next, and how unevenly (Haar wavelets); how bands go together at each scale; how far the brightest and
darkest places stand out at each scale. None knows where in the chip something is, or which way it runs.

Source: Mallat 1989, doi:10.1109/34.192463 (wavelets); the rest are moments and order statistics.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

FAMILIES = ("distribution", "variation", "correlation", "extremes")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SMALLEST = 4
"""Pixels along the shorter edge below which there is no texture left to describe."""
_FLOOR = 1e-4
"""Added before logarithms, so that a chip without any texture stays finite."""


class GraphWriter:
    """Nodes and constants of an ONNX graph in the making; each call adds a node and returns its name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: Any, dtype: type = np.float32) -> str:
        """Add a constant."""
        name = f"c{len(self.constants)}"
        array: NDArray[Any] = np.array(values, dtype=dtype, order="C")
        self.constants.append(import_extra("onnx").numpy_helper.from_array(array, name))
        return name

    def __call__(self, operator: str, *inputs: str | float, to: str = "", **attributes: Any) -> str:
        """Add a node; a number among its inputs becomes a constant."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        name = to or f"n{len(self.nodes)}"
        made = import_extra("onnx").helper.make_node(operator, names, [name], **attributes)
        self.nodes.append(made)
        return name

    def top(self, values: str, count: int) -> str:
        """Add the sorting of the last axis, largest first."""
        helper, name = import_extra("onnx").helper, f"n{len(self.nodes)}"
        inputs = [values, self.constant([count], np.int64)]
        self.nodes.append(helper.make_node("TopK", inputs, [name, f"{name}_order"], axis=-1))
        return name

    def mean(self, values: str, *axes: int, keep: bool = False) -> str:
        """Add the mean over some axes."""
        return self("ReduceMean", values, axes=list(axes), keepdims=int(keep))

    def reshape(self, values: str, *shape: int) -> str:
        """Add a reshape; 0 keeps a length, -1 is what is left."""
        return self("Reshape", values, self.constant(shape, np.int64))

    def write(self, outputs: dict[str, int | None], sample: tuple[int, ...]) -> bytes:
        """Return the graph from (n, …) "features" to (n, length) outputs as ONNX bytes."""
        onnx = import_extra("onnx")
        number, declare = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            self.nodes,
            "chip_texture",
            [declare("features", number, [None, *sample])],
            [declare(name, number, [None, length]) for name, length in outputs.items()],
            self.constants,
        )
        opsets = [onnx.helper.make_opsetid("", 17)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="eocene")
        return bytes(model.SerializeToString())


def write_texture(
    graph: GraphWriter, sample: tuple[int, ...], wanted: Collection[str] = FAMILIES
) -> dict[str, str]:
    """Add the wanted families of numbers of (n, bands, y, x) chips "features" and return the name of each.

    Missing values are filled by their chip's mean of the band, and by 0 where it has none.
    """
    bands, height, width = sample
    scene = _fill(graph)
    families: dict[str, list[str]] = {name: [] for name in FAMILIES if name in wanted}
    if "distribution" in families:
        families["distribution"] = _describe_distribution(graph, scene, bands, height * width)
    at_scales = families.keys() - {"distribution"}
    while at_scales and min(height, width) >= SMALLEST:
        if "correlation" in families:
            families["correlation"] += _describe_correlation(graph, scene, bands)
        if "extremes" in families:
            families["extremes"] += _describe_extremes(graph, scene)
        height, width = height // 2, width // 2
        halves = graph("Conv", scene, graph.constant(_haar(bands)), strides=[2, 2], group=bands)
        parts = graph.reshape(halves, 0, bands, 4, height, width)
        if "variation" in families:
            details = graph("Gather", parts, graph.constant([1, 2, 3], np.int64), axis=2)
            families["variation"] += _describe_variation(graph, details, bands)
        scene = graph("Gather", parts, graph.constant(0, np.int64), axis=2)
    return {name: graph("Concat", *parts, axis=1) for name, parts in families.items() if parts}


def _fill(graph: GraphWriter) -> str:
    missing = graph("IsNaN", "features")
    part = graph.mean(graph("Where", missing, 0.0, 1.0), 2, 3, keep=True)
    known = graph.mean(graph("Where", missing, 0.0, "features"), 2, 3, keep=True)
    mean = graph("Div", known, graph("Max", part, 1e-9))
    return graph("Where", missing, mean, "features")


def _haar(bands: int) -> NDArray[np.float64]:
    """Return (4 × bands, 1, 2, 2) filters: the mean, and details across, along and over corners."""
    mean = [[0.25, 0.25], [0.25, 0.25]]
    across, along, corners = (
        [[0.5, -0.5], [0.5, -0.5]],
        [[0.5, 0.5], [-0.5, -0.5]],
        [[0.5, -0.5], [-0.5, 0.5]],
    )
    return np.tile(np.array([mean, across, along, corners])[:, None], (bands, 1, 1, 1))


def _describe_distribution(graph: GraphWriter, scene: str, bands: int, pixels: int) -> list[str]:
    """Add mean, standard deviation and quantiles of each band."""
    mean = graph.mean(scene, 2, 3, keep=True)
    off = graph("Sub", scene, mean)
    spread = graph("Sqrt", graph.mean(graph("Mul", off, off), 2, 3))
    ranked = graph.top(graph.reshape(scene, 0, bands, pixels), pixels)
    places = [round((1 - share) * (pixels - 1)) for share in QUANTILES]
    taken = graph("Gather", ranked, graph.constant(places, np.int64), axis=2)
    return [graph.reshape(mean, 0, bands), spread, graph.reshape(taken, 0, bands * len(QUANTILES))]


def _describe_variation(graph: GraphWriter, details: str, bands: int) -> list[str]:
    """Add sizes of (n, bands, 3, y, x) details along the axes and over corners, energy and unevenness."""
    sizes = graph.mean(graph("Abs", details), 3, 4)
    straight = graph("MatMul", sizes, graph.constant([[0.5, 0.0], [0.5, 0.0], [0.0, 1.0]]))
    squares = graph("Mul", details, details)
    energy = graph("ReduceSum", squares, graph.constant([2], np.int64), keepdims=0)
    mean = graph.mean(energy, 2, 3)
    uneven = graph(
        "Div", graph.mean(graph("Mul", energy, energy), 2, 3), graph("Add", graph("Mul", mean, mean), 1e-6)
    )
    logarithms = [graph("Log", graph("Add", mean, _FLOOR)), graph("Log", graph("Add", uneven, _FLOOR))]
    return [graph.reshape(straight, 0, bands * 2), *logarithms]


def _describe_correlation(graph: GraphWriter, scene: str, bands: int) -> list[str]:
    """Add the correlation of each pair of bands."""
    if bands == 1:
        return []
    off = graph("Sub", scene, graph.mean(scene, 2, 3, keep=True))
    spread = graph("Add", graph("Sqrt", graph.mean(graph("Mul", off, off), 2, 3)), 1e-2)
    first, second = (
        graph.constant(side, np.int64) for side in zip(*combinations(range(bands), 2), strict=True)
    )
    product = graph("Mul", graph("Gather", off, first, axis=1), graph("Gather", off, second, axis=1))
    scale = graph("Mul", graph("Gather", spread, first, axis=1), graph("Gather", spread, second, axis=1))
    return [graph("Div", graph.mean(product, 2, 3), scale)]


def _describe_extremes(graph: GraphWriter, scene: str) -> list[str]:
    """Add how far the largest and the smallest value of each band are from its mean."""
    mean = graph.mean(scene, 2, 3)
    above = graph("Sub", graph("ReduceMax", scene, axes=[2, 3], keepdims=0), mean)
    return [above, graph("Sub", mean, graph("ReduceMin", scene, axes=[2, 3], keepdims=0))]

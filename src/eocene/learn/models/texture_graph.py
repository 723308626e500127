"""An ONNX graph in the making, and the chips in it as families of texture look at them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 4
"""Pixels along the shorter edge below which there is no texture left to describe."""
FLOOR = 1e-4
"""Added before logarithms and below ratios, so that a chip without any texture stays finite."""
GREYS = 8
"""Levels of grey that values are sorted into where places are counted."""
_MOST_VALUES = 1_000_000


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

    def sum(self, values: str, axis: int) -> str:
        """Add the sum over an axis, which is dropped."""
        return self("ReduceSum", values, self.constant([axis], np.int64), keepdims=0)

    def take(self, values: str, places: int | list[int], axis: int) -> str:
        """Add what lies at some places of an axis; at a single number the axis is dropped."""
        return self("Gather", values, self.constant(places, np.int64), axis=axis)

    def square(self, values: str) -> str:
        """Add the square of each value."""
        return self("Mul", values, values)

    def number(self, truth: str) -> str:
        """Add 1 where something is true and 0 where it is not."""
        return self("Where", truth, 1.0, 0.0)

    def reshape(self, values: str, *shape: int) -> str:
        """Add a reshape; 0 keeps a length, -1 is what is left."""
        return self("Reshape", values, self.constant(shape, np.int64))

    def crop(self, values: str, edge: int) -> str:
        """Add what is left without some pixels along each edge of the last two axes."""
        places = ([edge, edge], [-edge, -edge], [-2, -1])
        return self("Slice", values, *(self.constant(place, np.int64) for place in places))

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


@dataclass(frozen=True)
class Scene:
    """The (n, bands, y, x) "features" of a graph without gaps; what several families need is written once.

    Parameters
    ----------
    graph : GraphWriter
    bands, height, width : int
    limits : (bands, 7) float
        Values between the levels of grey.
    """

    graph: GraphWriter
    bands: int
    height: int
    width: int
    limits: NDArray[np.float32]
    _halved: dict[str, str] = field(default_factory=dict)

    @property
    def edge(self) -> int:
        """Pixels along the shorter edge."""
        return min(self.height, self.width)

    @property
    def pixels(self) -> int:
        """Pixels of a band."""
        return self.height * self.width

    @cached_property
    def values(self) -> str:
        """The chips; missing values are their chip's mean of the band, and 0 where it has none."""
        graph = self.graph
        missing = graph("IsNaN", "features")
        part = graph.mean(graph("Where", missing, 0.0, 1.0), 2, 3, keep=True)
        known = graph.mean(graph("Where", missing, 0.0, "features"), 2, 3, keep=True)
        mean = graph("Div", known, graph("Max", part, 1e-9))
        return graph("Where", missing, mean, "features")

    @cached_property
    def scales(self) -> list[str]:
        """The chips at scales 1, 2, 4, …: means of squares, down to 4 pixels along the shorter edge."""
        found = [self.values]
        while self.edge >> len(found) >= SMALLEST:
            found.append(self.graph.take(self.halve(len(found) - 1, found[-1]), 0, axis=2))
        return found

    def halve(self, scale: int, values: str) -> str:
        """Add, or find, the (n, bands, 4, y / 2, x / 2) Haar wavelets: the mean, and three details."""
        if values not in self._halved:
            height, width = self.height >> scale + 1, self.width >> scale + 1
            filters = self.graph.constant(_haar(self.bands))
            parts = self.graph("Conv", values, filters, strides=[2, 2], group=self.bands)
            self._halved[values] = self.graph.reshape(parts, 0, self.bands, 4, height, width)
        return self._halved[values]

    @cached_property
    def ranked(self) -> str:
        """The (n, bands, pixels) values, largest first."""
        return self.graph.top(self.graph.reshape(self.values, 0, self.bands, self.pixels), self.pixels)

    def place(self, share: float) -> int:
        """Return where a quantile is in ``ranked``."""
        return round((1 - share) * (self.pixels - 1))

    @cached_property
    def greys(self) -> str:
        """Which (n, bands, 8, pixels) are of each level of grey."""
        graph = self.graph
        values = graph.reshape(self.values, 0, self.bands, 1, self.pixels)
        above = graph.number(graph("Greater", values, graph.constant(self.limits[:, :, None])))
        at_least, more = ([0, 0, first, 0, 0, 0, 1 - first, 0] for first in (1, 0))
        lower = graph("Pad", above, graph.constant(at_least, np.int64), 1.0)
        return graph("Sub", lower, graph("Pad", above, graph.constant(more, np.int64), 0.0))


def _haar(bands: int) -> NDArray[np.float64]:
    """Return (4 × bands, 1, 2, 2) filters: the mean, and details across, along and over corners."""
    mean = [[0.25, 0.25], [0.25, 0.25]]
    across, along, corners = (
        [[0.5, -0.5], [0.5, -0.5]],
        [[0.5, 0.5], [-0.5, -0.5]],
        [[0.5, -0.5], [-0.5, 0.5]],
    )
    return np.tile(np.array([mean, across, along, corners])[:, None], (bands, 1, 1, 1))


def find_limits(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (bands, 7) values between eight levels that are equally frequent in (n, bands, y, x) chips.

    Of many values about a million are looked at, evenly drawn; a band without any has limits of 0.
    """
    limits = np.zeros((features.shape[1], GREYS - 1), np.float32)
    for band, own in enumerate(limits):
        values = features[:, band].reshape(-1)
        values = values[:: -(-values.size // _MOST_VALUES)]
        known = values[~np.isnan(values)]
        if known.size:
            own[:] = np.quantile(known, np.arange(1, GREYS) / GREYS)
    return limits


def centre(graph: GraphWriter, values: str) -> tuple[str, str]:
    """Add the (n, bands, 1, 1) mean of (n, bands, y, x) values, and what they are off it."""
    mean = graph.mean(values, 2, 3, keep=True)
    return mean, graph("Sub", values, mean)


def log(graph: GraphWriter, values: str) -> str:
    """Add the logarithm of values that are at least 0."""
    return graph("Log", graph("Add", values, FLOOR))

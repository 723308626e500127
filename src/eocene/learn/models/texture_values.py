"""Families of texture that ask how large values are and how they vary, at each scale.

Source: Mallat 1989, doi:10.1109/34.192463 (wavelets); the rest are moments and order statistics.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from eocene.learn.models.texture_graph import centre, log

if TYPE_CHECKING:
    from eocene.learn.models.texture_graph import GraphWriter, Scene

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def describe_distribution(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add mean, standard deviation and quantiles of each band."""
    mean, off = centre(graph, scene.values)
    spread = graph("Sqrt", graph.mean(graph.square(off), 2, 3))
    taken = graph.take(scene.ranked, [scene.place(share) for share in QUANTILES], axis=2)
    return [
        graph.reshape(mean, 0, scene.bands),
        spread,
        graph.reshape(taken, 0, scene.bands * len(QUANTILES)),
    ]


def describe_variation(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add sizes of Haar wavelets along the axes and over corners, energy and unevenness, at each scale."""
    found = []
    for scale, values in enumerate(scene.scales):
        details = graph.take(scene.halve(scale, values), [1, 2, 3], axis=2)
        sizes = graph.mean(graph("Abs", details), 3, 4)
        straight = graph("MatMul", sizes, graph.constant([[0.5, 0.0], [0.5, 0.0], [0.0, 1.0]]))
        energy = graph.sum(graph.square(details), 2)
        mean = graph.mean(energy, 2, 3)
        uneven = graph("Div", graph.mean(graph.square(energy), 2, 3), graph("Add", graph.square(mean), 1e-6))
        found += [graph.reshape(straight, 0, scene.bands * 2), log(graph, mean), log(graph, uneven)]
    return found


def describe_correlation(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add the correlation of each pair of bands, at each scale."""
    pairs = list(combinations(range(scene.bands), 2))
    found = []
    for values in scene.scales if pairs else ():
        _, off = centre(graph, values)
        spread = graph("Add", graph("Sqrt", graph.mean(graph.square(off), 2, 3)), 1e-2)
        first, second = (list(side) for side in zip(*pairs, strict=True))
        product = graph("Mul", graph.take(off, first, axis=1), graph.take(off, second, axis=1))
        scale = graph("Mul", graph.take(spread, first, axis=1), graph.take(spread, second, axis=1))
        found.append(graph("Div", graph.mean(product, 2, 3), scale))
    return found


def describe_extremes(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add how far the largest and the smallest value of each band are from its mean, at each scale."""
    found = []
    for values in scene.scales:
        mean = graph.mean(values, 2, 3)
        found.append(graph("Sub", graph("ReduceMax", values, axes=[2, 3], keepdims=0), mean))
        found.append(graph("Sub", mean, graph("ReduceMin", values, axes=[2, 3], keepdims=0)))
    return found

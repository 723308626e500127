"""Families of texture that ask how what is at one place goes with what is beside it.

Each is the textbook's form of its idea. Where one asks for widths or distances, they are powers of two, as
far as the chip has room for them.

Source: Bracewell 1983, doi:10.1364/JOSA.73.001832 (the Hartley transform); Bigün & Granlund 1987, "Optimal
orientation detection of linear symmetry" (structure tensors); Serra 1982, "Image analysis and mathematical
morphology" (top-hats); Haralick, Shanmugam & Dinstein 1973, doi:10.1109/TSMC.1973.4309314 (co-occurrence of
equally frequent levels); Ojala, Pietikäinen & Mäenpää 2002, doi:10.1109/TPAMI.2002.1017623 (patterns).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.learn.models.texture_graph import FLOOR, GREYS, centre, log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.learn.models.texture_graph import GraphWriter, Scene

_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""The eight neighbours, row and column, one after the other around."""


def describe_spectrum(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add the logarithm of the mean power in rings of frequency half an octave wide, under a Hann window.

    The square of the Hartley transform is the power once both signs of each frequency are averaged, and a
    ring holds both.
    """
    along, across = (np.arange(length) / length for length in (scene.height, scene.width))
    window = np.outer(*(np.sin(np.pi * (turn + 0.5 / len(turn))) ** 2 for turn in (along, across)))
    _, off = centre(graph, scene.values)
    waves = graph("Mul", off, graph.constant(window / np.sqrt((window**2).sum())))
    waves = graph("MatMul", graph.constant(_hartley(scene.height)), waves)
    waves = graph("MatMul", waves, graph.constant(_hartley(scene.width)))
    power = graph.reshape(graph.square(waves), 0, scene.bands, scene.pixels)
    rings = graph("MatMul", power, graph.constant(_rings(scene.height, scene.width)))
    return [graph.reshape(log(graph, rings), 0, -1)]


def describe_direction(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add how much of its gradients a chip has, and how far they run one way, at the first three scales.

    By structure tensors of squares of 5 pixels: the logarithm of their mean trace, mean and standard
    deviation of their coherence (0 for all ways alike, 1 for one way), and the coherence of the whole chip.
    """
    slopes = np.zeros((2 * scene.bands, 1, 3, 3))
    slopes[::2, 0, 1, ::2] = slopes[1::2, 0, ::2, 1] = -0.5, 0.5
    found = []
    for scale, values in enumerate(scene.scales[:3]):
        height, width = (scene.height >> scale) - 2, (scene.width >> scale) - 2
        slope = graph("Conv", values, graph.constant(slopes), group=scene.bands)
        parts = graph.reshape(slope, 0, scene.bands, 2, height, width)
        x, y = graph.take(parts, 0, axis=2), graph.take(parts, 1, axis=2)
        tensor = [graph.square(x), graph.square(y), graph("Mul", x, y)]
        side = min(5, height, width)
        near = [graph("AveragePool", part, kernel_shape=[side, side]) for part in tensor]
        trace, coherence = _read_tensor(graph, near)
        mean, off = centre(graph, coherence)
        spread = graph("Sqrt", graph.mean(graph.square(off), 2, 3))
        _, whole = _read_tensor(graph, [graph.mean(part, 2, 3) for part in tensor])
        found += [log(graph, graph.mean(trace, 2, 3)), graph.reshape(mean, 0, scene.bands), spread, whole]
    return found


def describe_spots(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add mean and root mean square of what is brighter, and darker, than squares of 3, 5 and 9 pixels allow.

    Top-hats: the values less their opening, and their closing less the values.
    """
    found = []
    dark = graph("Neg", scene.values)
    for reach in _reaches(scene, 1, 2, 4):
        for values in (scene.values, dark):
            eroded = graph("Neg", _dilate(graph, graph("Neg", values), reach))
            hat = graph("Sub", values, _dilate(graph, eroded, reach))
            found += [graph.mean(hat, 2, 3), graph("Sqrt", graph.mean(graph.square(hat), 2, 3))]
    return found


def describe_cooccurrence(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add contrast, homogeneity, energy and entropy of pairs of grey levels 1, 2, 4 and 8 pixels apart.

    A matrix counts all eight neighbours at a distance of each pixel that has them.
    """
    bands, levels = scene.bands, np.arange(GREYS)
    apart = (levels[:, None] - levels).reshape(-1, 1) ** 2
    read = graph.constant(np.hstack([apart, 1 / (1 + apart)]))
    planes = graph.reshape(scene.greys, 0, bands * GREYS, scene.height, scene.width)
    around = np.ones((bands * GREYS, 1, 3, 3))
    around[:, :, 1, 1] = 0
    found = []
    for reach in _reaches(scene, 1, 2, 4, 8):
        pixels = (scene.height - 2 * reach) * (scene.width - 2 * reach)
        near = graph("Conv", planes, graph.constant(around), dilations=[reach] * 2, group=bands * GREYS)
        pair = [graph.reshape(part, 0, bands, GREYS, pixels) for part in (graph.crop(planes, reach), near)]
        counts = graph("MatMul", pair[0], graph("Transpose", pair[1], perm=[0, 1, 3, 2]))
        shares = graph("Div", graph.reshape(counts, 0, bands, GREYS**2), 8.0 * pixels)
        entropy = graph("Neg", graph.sum(graph("Mul", shares, graph("Log", graph("Add", shares, 1e-9))), 2))
        energy = graph.sum(graph.square(shares), 2)
        found += [graph.reshape(graph("MatMul", shares, read), 0, bands * 2), energy, entropy]
    return found


def describe_patterns(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add how often 0 to 8 of eight neighbours 1, 2 and 4 pixels off are as bright as the pixel, or brighter.

    Those must follow each other around it; the tenth share is of all other patterns.
    """
    bands = scene.bands
    filters = np.zeros((8, 1, 3, 3))
    filters[:, 0, 1, 1] = -1
    for number, (down, right) in enumerate(_RING):
        filters[number, 0, 1 + down, 1 + right] = 1
    found = []
    for reach in _reaches(scene, 1, 2, 4):
        pixels = (scene.height - 2 * reach) * (scene.width - 2 * reach)
        weights = graph.constant(np.tile(filters, (bands, 1, 1, 1)))
        more = graph("Conv", scene.values, weights, dilations=[reach] * 2, group=bands)
        bits = graph.number(graph("GreaterOrEqual", graph.reshape(more, 0, bands, 8, pixels), 0.0))
        turned = graph.take(bits, [7, 0, 1, 2, 3, 4, 5, 6], axis=2)
        changes = graph.sum(graph("Abs", graph("Sub", bits, turned)), 2)
        code = graph("Where", graph("LessOrEqual", changes, 2.0), graph.sum(bits, 2), 9.0)
        equal = graph(
            "Equal", graph.reshape(code, 0, bands, 1, pixels), graph.constant(np.arange(10)[:, None])
        )
        found.append(graph.reshape(graph.mean(graph.number(equal), 3), 0, bands * 10))
    return found


def describe_dependence(graph: GraphWriter, scene: Scene) -> list[str]:
    """Add the shares of pixels at each pair of levels of grey of each pair of bands."""
    count = scene.bands * GREYS
    greys = graph.reshape(scene.greys, 0, count, scene.pixels)
    both = graph("MatMul", greys, graph("Transpose", greys, perm=[0, 2, 1]))
    shares = graph("Div", graph.reshape(both, 0, count**2), float(scene.pixels))
    band = np.arange(count) // GREYS
    places = np.flatnonzero((band[:, None] < band).reshape(-1))
    return [graph.take(shares, places.tolist(), axis=1)] if len(places) else []


def _hartley(length: int) -> NDArray[np.float64]:
    """Return the (length, length) cosines plus sines of all whole numbers of turns."""
    turns = 2 * np.pi * np.outer(np.arange(length), np.arange(length)) / length
    return np.cos(turns) + np.sin(turns)


def _rings(height: int, width: int) -> NDArray[np.float64]:
    """Return (height × width, rings) weights that average the frequencies of each half octave."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)).reshape(-1) * min(height, width)
    ring = np.floor(2 * np.log2(np.maximum(radius, 0.1)) + 1e-9)
    inside = (ring[:, None] == np.unique(ring[ring >= 0])).astype(np.float64)
    weights: NDArray[np.float64] = inside / inside.sum(axis=0)
    return weights


def _read_tensor(graph: GraphWriter, tensor: list[str]) -> tuple[str, str]:
    """Add trace and coherence of symmetric tensors, given as xx, yy and xy."""
    trace, apart = graph("Add", *tensor[:2]), graph("Sub", *tensor[:2])
    length = graph("Sqrt", graph("Add", graph.square(apart), graph.square(graph("Mul", tensor[2], 2.0))))
    return trace, graph("Div", length, graph("Add", trace, FLOOR))


def _reaches(scene: Scene, *reaches: int) -> list[int]:
    """Return how far to look on either side, as far as there is a pixel that has such neighbours."""
    return [reach for reach in reaches if 2 * reach < scene.edge]


def _dilate(graph: GraphWriter, values: str, reach: int) -> str:
    """Add the largest value in the square around each pixel, by its columns and then by its rows."""
    side = 2 * reach + 1
    columns = graph("MaxPool", values, kernel_shape=[side, 1], pads=[reach, 0, reach, 0])
    return graph("MaxPool", columns, kernel_shape=[1, side], pads=[0, reach, 0, reach])

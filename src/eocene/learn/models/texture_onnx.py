"""What the texture of a chip is, in numbers, written as ONNX: one description for teaching and for use.

Ten families of numbers, each over all bands. None knows where in the chip something is, or which way it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eocene.learn.models import texture_places, texture_values
from eocene.learn.models.texture_graph import Scene

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    from numpy.typing import NDArray

    from eocene.learn.models.texture_graph import GraphWriter

FAMILIES = {
    "distribution": texture_values.describe_distribution,
    "variation": texture_values.describe_variation,
    "correlation": texture_values.describe_correlation,
    "extremes": texture_values.describe_extremes,
    "spectrum": texture_places.describe_spectrum,
    "direction": texture_places.describe_direction,
    "spots": texture_places.describe_spots,
    "cooccurrence": texture_places.describe_cooccurrence,
    "patterns": texture_places.describe_patterns,
    "dependence": texture_places.describe_dependence,
}
"""Name of a family → what adds its (n, …) numbers to a graph, some at a time."""


def write_texture(
    graph: GraphWriter, sample: tuple[int, ...], limits: NDArray[np.float32], wanted: Collection[str]
) -> dict[str, str]:
    """Add families of numbers of (n, bands, y, x) chips "features" and return the name of each.

    ``limits`` are the (bands, 7) values between levels of grey. A family that the chips give no numbers for,
    as a single band does for those of pairs, is left out.
    """
    bands, height, width = sample
    scene = Scene(graph, bands, height, width, limits)
    parts = {name: describe(graph, scene) for name, describe in FAMILIES.items() if name in wanted}
    return {name: graph("Concat", *some, axis=1) for name, some in parts.items() if some}

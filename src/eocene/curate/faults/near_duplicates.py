"""Samples that are nearly copies: noise, a rounding or another compression apart.

Candidates are the five nearest neighbours in an embedding (chips: the means of 8 × 8 cells, as perceptual
hashes take them), which brings no pair further apart. A pair is named when it is closer than chance explains:
by the density around the sample and the dimension of the data, fewer than one such pair is expected in the
whole data set (the a-contrario rule of Desolneux, Moisan & Morel 2000, doi:10.1023/A:1026593302236; the
dimension by Levina & Bickel 2004).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.arrays import chunked
from eocene.curate.faults.check import NotApplicable, check, import_science
from eocene.curate.faults.finding import Finding
from eocene.curate.faults.sketch import Sketch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material

_RADIUS = 0.25
"""Root mean square difference in units of the spread beyond which nothing is nearly equal."""
_NEIGHBOURS = 6
_BACKGROUND = 2_000
_DENSITY = 10
_MAX_DIMENSION = 30.0
_CLOSE = 0.5
_ALIKE = 0.5


@check(
    "near_duplicates",
    "samples that are nearly equal",
    after=("nodata", "missing", "scale", "stripes"),
    suspects=True,
)
def find_near_duplicates(material: Material) -> Iterator[Finding]:
    """Name groups of samples that are nearly equal, but not quite; the first of each stays."""
    rows = material.without("nodata", "missing", "scale", "stripes")
    # Of equal samples one stands for all.
    rows = rows[np.unique(material.groups[rows], return_index=True)[1]]
    if len(rows) < 4 * _DENSITY:
        raise NotApplicable(f"{len(rows)} different samples are too few to tell what is near")
    pairs, distance = _find_pairs(material, rows)
    if not len(pairs):
        return
    close = _judge(material, rows, pairs, distance)
    for members, far in _join(pairs[close], distance[close], len(material)):
        yield Finding(
            "near_duplicates",
            members,
            f"{len(members)} samples differ by {far:.3g} of the spread, closer than chance explains.",
            "suspicion",
            drop=members[1:],
            evidence={"rms_difference": round(far, 5)},
        )


def _find_pairs(material: Material, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return (m, 2) pairs of rows within the radius, and their root mean square difference."""
    tree = import_science("scipy.spatial").cKDTree(material.embedding[rows])
    reach = _RADIUS * np.sqrt(material.described)
    near, at = tree.query(material.embedding[rows], k=_NEIGHBOURS, distance_upper_bound=reach)
    one, which = np.nonzero(np.isfinite(near))
    two = at[one, which]
    pairs = np.unique(np.sort(np.stack([rows[one], rows[two]], axis=1), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    distance = np.empty(len(pairs))
    for part in chunked(len(pairs), material.width):
        here, which = np.unique(pairs[part], return_inverse=True)
        one, two = material.standardise(here)[which.reshape(-1, 2).T]
        difference = one - two
        distance[part] = np.sqrt((difference**2).mean(axis=1, dtype=np.float64))
    within = distance <= _RADIUS
    return pairs[within], distance[within]


def _judge(
    material: Material, rows: NDArray[np.intp], pairs: NDArray[np.intp], distance: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which pairs are closer than chance explains."""
    rng = np.random.default_rng(material.settings.seed)
    others = np.sort(rng.permutation(rows)[:_BACKGROUND])
    members, which = np.unique(pairs, return_inverse=True)
    # The sample itself and its copies may stand among the others; beyond them begins what is usual.
    some = rows[:: max(1, len(rows) // 500)]
    asked, at = np.unique(np.concatenate([members, some]), return_inverse=True)
    reach = _measure_neighbours(material, asked, others)[at]
    usual = reach[: len(members), -1][which.reshape(pairs.shape)].min(axis=1)
    dimension = _estimate_dimension(reach[len(members) :])
    with np.errstate(divide="ignore"):
        ratio = distance / np.maximum(usual, 1e-12)
    n = len(rows)
    expected = n * (_DENSITY / len(others)) * ratio**dimension
    close: NDArray[np.bool_] = (n * expected <= 1.0) & (ratio <= _CLOSE)
    if material.is_image:
        close[close] = _correlate(material, pairs[close]) >= _ALIKE
    return close


def _correlate(material: Material, pairs: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the (m,) correlation of what two chips show beside the means of their bands.

    Chips of flat surfaces are near each other, but their noise differs.
    """
    answer = np.empty(len(pairs))
    for part in chunked(len(pairs), material.width):
        one, two = (_centre(material, pairs[part, side]) for side in (0, 1))
        size = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
        answer[part] = (one * two).sum(axis=1) / np.maximum(size, 1e-12)
    return answer


def _centre(material: Material, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    held = material.standardise(rows).reshape(len(rows), material.plane_count, -1).astype(np.float64)
    centred: NDArray[np.float64] = (held - held.mean(axis=2, keepdims=True)).reshape(len(rows), -1)
    return centred


def _measure_neighbours(
    material: Material, rows: NDArray[np.intp], others: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the root mean square distances to the nearest of the others, ascending, (k, density + 1).

    Long rows are sketched, so that each is read once and the others stay in memory.
    """
    sketch = Sketch(material.width, material.settings.seed)
    held = _read_sketches(material, sketch, others)
    squares = _sum_squares(held)
    nearest = min(_DENSITY + 1, len(others))
    near = np.empty((len(rows), nearest))
    for part in chunked(len(rows), max(sketch.size, len(others))):
        own = _read_sketches(material, sketch, rows[part])
        apart = _sum_squares(own)[:, None] + squares - 2.0 * (own @ held.T)
        near[part] = np.sort(np.partition(apart, nearest - 1, axis=1)[:, :nearest], axis=1)
    return np.asarray(np.sqrt(np.maximum(near / material.width, 0.0)))


def _read_sketches(material: Material, sketch: Sketch, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    found = np.empty((len(rows), sketch.size), np.float32)
    for part in chunked(len(rows), material.width):
        found[part] = sketch.take(material.standardise(rows[part]))
    return found


def _sum_squares(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return squares


def _estimate_dimension(reach: NDArray[np.float64]) -> float:
    """Return the dimension of the data by distances to neighbours but the nearest, maybe itself."""
    inner, outer = np.maximum(reach[:, 1:-1], 1e-12), np.maximum(reach[:, -1:], 1e-12)
    logs = np.log(outer / inner).mean(axis=1)
    return float(np.clip(1.0 / max(float(np.median(logs)), 1e-3), 1.0, _MAX_DIMENSION))


def _join(
    pairs: NDArray[np.intp], distance: NDArray[np.float64], n: int
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield groups of rows that pairs connect, each with its widest pair."""
    sparse = import_science("scipy.sparse")
    graph = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, group = import_science("scipy.sparse.csgraph").connected_components(graph, directed=False)
    order = np.argsort(group[pairs[:, 0]], kind="stable")
    starts = np.flatnonzero(np.diff(group[pairs[order, 0]])) + 1
    for mine in np.split(order, starts) if len(order) else ():
        yield tuple(int(row) for row in np.unique(pairs[mine])), float(distance[mine].max())

"""Searching vectors by lists of neighbours: faiss's inverted files, in the one form that is used here.

Vectors are put into the list of the nearest of some centres; a search looks only into the lists whose centres
are nearest to what is asked. How many lists that must be is measured when they are built, on the vectors
themselves. Numbers are kept in 2 bytes. Few vectors are kept as they are, and all compared.

Source: Jégou, Douze & Schmid 2011, "Product quantization for nearest neighbor search",
doi:10.1109/TPAMI.2010.57 (inverted files); Douze et al. 2024, "The Faiss library", arXiv:2401.08281.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FEW = 20_000
"""So many vectors or fewer are all compared."""
GOAL = 0.98
"""Recall of the first 10 that the number of lists is chosen for, when building."""
_PROBES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_QUERIES, _FIRST = 256, 10
_PER_CENTRE = 64


@dataclass(frozen=True)
class Measured:
    """What building found out.

    Parameters
    ----------
    probes : int
        Lists that a search looks into.
    recall : float
        Part of the true first 10 that these give, on vectors of the index; itself left out.
    """

    probes: int
    recall: float


def build_lists(vectors: NDArray[np.float32], seed: int = 0) -> tuple[Any, Measured]:
    """Return a faiss index of vectors (n, d) of length 1 by inner product, and how it must be asked."""
    faiss = import_extra("faiss")
    n, d = vectors.shape
    if n <= FEW:
        index = faiss.IndexFlatIP(d)
        index.add(vectors)
        return index, Measured(1, 1.0)
    centres = 2 ** round(np.log2(np.sqrt(n)))
    index = faiss.index_factory(d, f"IVF{centres},SQfp16", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.seed, index.cp.max_points_per_centroid = 10, seed + 1, _PER_CENTRE
    random = np.random.default_rng(seed)
    drawn = np.sort(random.choice(n, size=min(n, centres * _PER_CENTRE), replace=False))
    index.train(vectors[drawn])
    index.add(vectors)
    return index, _choose_probes(index, vectors, random)


def _choose_probes(index: Any, vectors: NDArray[np.float32], random: np.random.Generator) -> Measured:
    """Return the fewest lists by which the goal is reached on some of the vectors."""
    faiss = import_extra("faiss")
    asked = vectors[np.sort(random.choice(len(vectors), size=_QUERIES, replace=False))]
    # One more than wanted: the first is the vector itself.
    _, truth = faiss.knn(asked, vectors, _FIRST + 1, faiss.METRIC_INNER_PRODUCT)
    measured = Measured(index.nlist, 1.0)
    for probes in (p for p in _PROBES if p < index.nlist):
        _, found = index.search(asked, _FIRST + 1, params=faiss.SearchParametersIVF(nprobe=probes))
        hits = [len(set(t[1:]) & set(f)) for t, f in zip(truth.tolist(), found.tolist(), strict=True)]
        measured = Measured(probes, sum(hits) / (_FIRST * _QUERIES))
        if measured.recall >= GOAL:
            break
    return measured


def write_lists(index: Any, path: Path) -> None:
    """Write an index to a new file."""
    import_extra("faiss").write_index(index, str(path))


def open_lists(path: Path) -> Any:
    """Map an index into memory: pages are read when they are looked into."""
    faiss = import_extra("faiss")
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    if hasattr(index, "nlist"):
        index.make_direct_map()  # by which the vector of a row is found
    return index


def search_lists(
    index: Any,
    asked: NDArray[np.float32],
    count: int,
    probes: int,
    wanted: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the (q, count) scores and rows of the nearest, −1 where there are no more.

    Parameters
    ----------
    asked : (q, d) float32
    count : int
    probes : int
        Lists to look into; the fewer a filter leaves, the more.
    wanted : (n,) bool, optional
        Which rows may be found.
    """
    faiss = import_extra("faiss")
    options: dict[str, Any] = {}
    if wanted is not None:
        bits = np.packbits(wanted, bitorder="little")
        options["sel"] = faiss.IDSelectorBitmap(bits)
        # So many lists that as many vectors are compared as without a filter; of few, all.
        probes = -(-probes * index.ntotal // max(1, int(np.count_nonzero(wanted))))
    if hasattr(index, "nlist"):
        parameters = faiss.SearchParametersIVF(nprobe=min(probes, index.nlist), **options)
    else:
        parameters = faiss.SearchParameters(**options)
    scores, rows = index.search(np.ascontiguousarray(asked, np.float32), count, params=parameters)
    return scores, rows


def take_vectors(index: Any, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the kept vectors of rows, (k, d); in lists they are exact to 11 bits."""
    found: NDArray[np.float32] = index.reconstruct_batch(np.asarray(rows, np.int64))
    return found

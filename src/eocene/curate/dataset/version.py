"""A new version of a stored data set, written part by part: some of its rows, other labels, more columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.dataset.identity import column_array
from eocene.curate.dataset.store import Dataset
from eocene.curate.dataset.writer import DatasetWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_NUMBERS = 4_000_000
"""Numbers of pixels that are in memory at a time."""


def write_version(
    dataset: Dataset,
    folder: Path | str,
    rows: NDArray[np.intp],
    *,
    labels: NDArray[np.int64] | None = None,
    columns: Mapping[str, NDArray[Any]] | None = None,
    sources: Mapping[str, Any] | None = None,
    faults: Mapping[str, int] | None = None,
) -> Dataset:
    """Store ``folder/<id>`` with all layers of a data set, in the order of ``rows``.

    Parameters
    ----------
    dataset : Dataset
    folder : Path or str
        Where data sets lie.
    rows : (k,) int
        Which samples stay.
    labels : (n,) int64, optional
        Class values in place of those of ``dataset``, for all its rows.
    columns : mapping of str to (n,) array, optional
        More columns, or others in place of those of a name.
    sources, faults : mapping, optional
        In place of those of ``dataset``.

    Raises
    ------
    InputError
        If no row is told.
    """
    stored = [dataset.pixels(name) for name in dataset.layers]
    known = dataset.labels if labels is None else labels
    more = dict(columns or {})
    with DatasetWriter(
        folder, dataset.layers, epsg=dataset.epsg, name=dataset.name, class_names=dataset.class_names,
        sources=dataset.sources if sources is None else sources, seed=None,
    ) as writer:  # fmt: skip
        for part in _cut(rows, sum(math.prod(each.layer.shape) for each in stored)):
            pixels = {each.name: each.layer.as_given(each.read(part)) for each in stored}
            table = dataset.table.take(part)
            held = {key: column_array(table[key]) for key in dataset.columns if key not in more}
            x, y = (table[key].to_numpy() for key in ("x", "y"))
            writer.append(pixels, known[part], x, y, held | {key: more[key][part] for key in more})
        for fault, count in (dataset.faults if faults is None else faults).items():
            writer.count_fault(fault, count)
        return Dataset.open(writer.finish())


def _cut(rows: NDArray[np.intp], width: int) -> Iterator[NDArray[np.intp]]:
    step = max(1, _NUMBERS // max(width, 1))
    for first in range(0, len(rows), step):
        yield rows[first : first + step]

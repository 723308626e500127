"""Samples name the cell of the global grid that they lie in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import shapely
from pyproj import Transformer

from eocene.archive.majortom import find_cells
from eocene.curate import Samples

if TYPE_CHECKING:
    from pathlib import Path


def make_samples(x: list[float], y: list[float]) -> Samples:
    count = len(x)
    return Samples(
        features=np.zeros((count, 1), np.float32), labels=np.arange(count), x=np.array(x), y=np.array(y),
        epsg=32632, axes={"features": ("B04",)},
    )  # fmt: skip


def test_a_sample_names_the_cell_that_an_item_around_it_names(tmp_path: Path) -> None:
    x, y = [600_005.0, 600_015.0, 655_005.0], [5_100_005.0, 5_100_005.0, 5_040_005.0]
    samples = make_samples(x, y)
    lon, lat = Transformer.from_crs(32632, 4326, always_xy=True).transform(x, y)
    expected = [find_cells(shapely.Point(*place))[0] for place in zip(lon, lat, strict=True)]
    assert [[cell] for cell in samples.cells] == expected
    saved = samples.save(tmp_path)
    assert pq.read_table(saved / "samples.parquet")["cell"].to_pylist() == list(samples.cells)
    assert Samples.load(saved).id == samples.id


def test_a_sample_beyond_the_globe_has_no_cell() -> None:
    assert list(make_samples([1e30], [1e30]).cells) == [""]
    assert list(make_samples([], []).cells) == []

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.curate.dataset import Dataset, DatasetWriter, Layer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Material:
    """Chips (n, 4, 64, 64) uint16 of two sensors with places: what the tests write and look for again."""

    def __init__(self, count: int = 300, edge: int = 64) -> None:
        rng = np.random.default_rng(5)
        self.numbers = rng.integers(1, 3000, (count, 4, edge, edge)).astype(np.uint16)
        self.radar = rng.normal(size=(count, 2, 8, 8)).astype(np.float32)
        self.labels = rng.integers(1, 4, count)
        self.x = 500_000.0 + 10 * np.arange(count)
        self.y = np.full(count, 5_000_000.0)
        self.items = np.array([f"s2/scene-{k % 7}" for k in range(count)])
        self.time = np.datetime64("2024-03-01", "s") + np.arange(count) * np.timedelta64(3600, "s")
        ticks = tuple(str(k) for k in range(edge))
        self.layers = {
            "s2": Layer(
                {"bands": ("B02", "B03", "B04", "B08"), "y": ticks, "x": ticks}, "uint16", 1e-4, 0, 0
            ),
            "s1": Layer({"bands": ("VV", "VH"), "y": ticks[:8], "x": ticks[:8]}),
        }

    def columns(self, part: slice) -> dict[str, NDArray[Any]]:
        return {"item": self.items[part], "time": self.time[part]}

    def write(self, folder: Path, seed: int | None = 0, step: int = 37, **others: Any) -> Dataset:
        others = {"sources": {"licence": "CC-BY-4.0"}, "class_names": {1: "wheat", 2: "maize"}} | others
        with DatasetWriter(folder, self.layers, epsg=32632, name="chips", seed=seed, **others) as writer:
            for first in range(0, len(self.labels), step):
                part = slice(first, first + step)
                pixels = {"s2": self.numbers[part], "s1": self.radar[part]}
                writer.append(pixels, self.labels[part], self.x[part], self.y[part], self.columns(part))
            return Dataset.open(writer.finish())

    def origin(self, dataset: Dataset) -> NDArray[np.int64]:
        """Return which of the samples here each stored row is, by its place."""
        return ((dataset.x - 500_000.0) / 10).astype(int)


@pytest.fixture(scope="session")
def material() -> Material:
    return Material()


@pytest.fixture(scope="session")
def dataset(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return material.write(tmp_path_factory.mktemp("datasets"))

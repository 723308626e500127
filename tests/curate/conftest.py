from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from eocene.archive import Archive
from eocene.curate import Samples
from eocene.model import Layout
from eocene.testing.simulate import simulate_archive


@pytest.fixture
def cube() -> xr.DataArray:
    """Two months × two bands × 8 × 8 pixels of 20 m."""
    rng = np.random.default_rng(7)
    return xr.DataArray(
        rng.normal(size=(2, 2, 8, 8)).astype(np.float32),
        dims=("t", "bands", "y", "x"),
        coords={
            "t": np.array(["2024-05-01", "2024-06-01"], "datetime64[ns]"),
            "bands": ["B04", "B08"],
            "y": 5_000_150.0 - 20 * np.arange(8),
            "x": 400_010.0 + 20 * np.arange(8),
        },
        attrs={"crs": 32631},
    )


@pytest.fixture
def labels(cube: xr.DataArray) -> xr.DataArray:
    """Left half 1, right half 2, the first row without a label."""
    values = np.where(np.arange(8) < 4, 1.0, 2.0) * np.ones((8, 1))
    values[0] = np.nan
    return xr.DataArray(values, dims=("y", "x"), coords={"y": cube["y"], "x": cube["x"]})


@pytest.fixture(scope="session")
def make_samples():
    """A function that makes samples at given places."""

    def make_samples(x, y, label, epsg=32631, **others) -> Samples:
        label = np.asarray(label)
        return Samples(
            features=np.stack([np.asarray(x, float), label], axis=1).astype(np.float32),
            labels=label,
            x=np.asarray(x, float),
            y=np.asarray(y, float),
            epsg=epsg,
            axes={"features": ("a", "b")},
            **others,
        )

    return make_samples


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Two tiles of 128 pixels, four dates of Sentinel-2, radar and reference classes."""
    folder = tmp_path_factory.mktemp("world")
    simulate_archive(folder / "products", size=128, dates=4, seed=3)
    (folder / "workspace").mkdir()
    archive = Archive(Layout(folder / "workspace"))
    archive.ingest(folder / "products")
    return archive

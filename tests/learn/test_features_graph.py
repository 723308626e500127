from __future__ import annotations

import warnings

import h5py
import numpy as np
import pytest

from eocene.archive import Archive
from eocene.learn.features import BANDS, make_feature_graph
from eocene.model import Layout
from eocene.process import make_plan


@pytest.fixture
def patch(real_data):
    folders = sorted((real_data / "worldcereal-minicubes" / "worldcerealtraining").glob("*/S2_L2A_10m*.nc"))
    if not folders:
        pytest.skip("the minicube is not there")
    return folders[0].parent


def read_plain(patch) -> dict[str, np.ndarray]:
    """Every band at 10 m as reflectance with NaN for no data, SCL as it is, by h5py alone."""
    cube = {}
    for path, factor in ((next(patch.glob("S2_L2A_10m*")), 1), (next(patch.glob("S2_L2A_20m*")), 2)):
        with h5py.File(path) as file:
            for name in set(file) & {*BANDS, "SCL"}:
                raw = file[name][...].repeat(factor, 1).repeat(factor, 2)
                cube[name] = raw if name == "SCL" else np.where(raw == 0, np.nan, raw * np.float32(1e-4))
            seconds = file["timestamp"][...]
            start = np.datetime64(file["timestamp"].attrs["units"].split("since ")[1].replace(" ", "T"))
    cube["month"] = (start + seconds.astype("timedelta64[s]")).astype("datetime64[M]")
    return cube


def test_the_graph_gives_the_composites_of_plain_numpy(patch, tmp_path):
    archive = Archive(Layout(tmp_path))
    archive.ingest(patch.parents[1])
    features = make_plan(make_feature_graph(["2018-08-01", "2019-12-01"]), archive).read()
    plain = read_plain(patch)
    clear = np.isin(plain["SCL"], (4, 5, 6, 7))
    months = np.arange("2018-08", "2019-12", dtype="datetime64[M]")
    expected = np.full((len(months), len(BANDS) + 1, 64, 64), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # months without a clear view
        for m, month in enumerate(months):
            for b, band in enumerate(BANDS):
                there = np.where(clear, plain[band], np.nan)[plain["month"] == month]
                expected[m, b] = np.nanmedian(there, axis=0)
    red, nir = expected[:, BANDS.index("B04")], expected[:, BANDS.index("B08")]
    expected[:, -1] = (nir - red) / (nir + red)
    assert features.shape == expected.shape
    np.testing.assert_array_equal(features["t"].to_numpy().astype("datetime64[M]"), months)
    np.testing.assert_allclose(features.to_numpy(), expected, atol=1e-6)
    assert 0 < np.isnan(expected).mean() < 0.02

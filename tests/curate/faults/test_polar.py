"""On real patches of sea ice the gate names the patches without data and nothing else."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.curate.faults import check_quickly


@pytest.fixture(scope="module")
def patches(real_data) -> Samples:
    image = pytest.importorskip("PIL.Image")
    folder = real_data / "seaice-polar-patch"
    rows = list(csv.DictReader(io.StringIO((folder / "meta.csv").read_text())))
    with zipfile.ZipFile(folder / "patches.zip") as archive:
        images = [
            np.asarray(image.open(io.BytesIO(archive.read(f"images/{row['image_id']}.png")))) for row in rows
        ]
    pixels = tuple(str(i) for i in range(64))
    return Samples(
        features=np.stack(images).transpose(0, 3, 1, 2),
        labels=np.array(["ILW".index(row["label"]) for row in rows]),
        x=np.array([float(row["x"]) for row in rows]),
        y=np.array([float(row["y"]) for row in rows]),
        epsg=3413,
        axes={"bands": ("r", "g", "b"), "y": pixels, "x": pixels},
        class_names={0: "ice", 1: "land", 2: "water"},
        columns={"sample": np.array([row["image_id"] for row in rows])},
    )


def test_all_patches_without_data_and_their_labels_are_named_and_nothing_else(patches):
    report = check_quickly(patches)
    dark = (patches.features.max(axis=1) <= 4).mean(axis=(1, 2))
    named = report.rows("nodata")
    assert set(np.flatnonzero(dark >= 0.95)) <= set(named)
    assert dark[named].min() >= 0.9
    (conflict,) = report.find("conflicts")
    assert conflict.evidence["labels"] == {"ice": 364, "land": 104, "water": 433}
    assert set(report.faults) == {"nodata", "conflicts"}
    assert set(conflict.samples) <= set(named)

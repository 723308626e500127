from __future__ import annotations

import numpy as np
import pytest

from eocene.curate import name_features, sample_pixels
from eocene.model import InputError


def test_each_row_holds_its_pixels_values_label_and_place(cube, labels):
    samples = sample_pixels(cube, labels, classes={1: "wheat", 2: "maize", 3: "absent"})
    assert len(samples) == 7 * 8
    assert samples.feature_names == ("2024-05/B04", "2024-05/B08", "2024-06/B04", "2024-06/B08")
    assert dict(samples.class_names) == {1: "wheat", 2: "maize"}
    for row in range(len(samples)):
        pixel = cube.sel(x=samples.x[row], y=samples.y[row])
        expected = [pixel.sel(t="2024-05", bands=b).item() for b in ("B04", "B08")]
        expected += [pixel.sel(t="2024-06", bands=b).item() for b in ("B04", "B08")]
        assert samples.features[row].tolist() == expected
        assert samples.labels[row] == (1 if samples.x[row] < 400_080 else 2)


def test_the_order_of_the_cubes_dimensions_does_not_matter(cube, labels):
    turned = sample_pixels(cube.transpose("x", "bands", "y", "t"), labels.T)
    assert turned.id == sample_pixels(cube, labels).id


def test_at_most_per_class_pixels_are_drawn_and_the_seed_decides_which(cube, labels):
    first, again = (sample_pixels(cube, labels, per_class=10, seed=3) for _ in range(2))
    other = sample_pixels(cube, labels, per_class=10, seed=4)
    assert first.counts == {1: 10, 2: 10}
    assert first.id == again.id != other.id


def test_a_further_class_does_not_change_which_pixels_of_the_others_are_drawn(cube, labels):
    more = labels.copy()
    more[0] = 3
    plain, mixed = (sample_pixels(cube, given, per_class=5, seed=0) for given in (labels, more))
    of_class_1 = mixed.labels == 1
    np.testing.assert_array_equal(mixed.x[of_class_1], plain.x[plain.labels == 1])


def test_missing_values_stay_missing_and_empty_pixels_are_dropped_and_counted(cube, labels):
    cube[:, :, 3, 3] = np.nan
    cube[0, 0, 4, 4] = np.nan
    samples = sample_pixels(cube, labels)
    assert len(samples) == 7 * 8 - 1
    assert samples.faults["without_any_value_dropped"] == 1
    assert np.isnan(samples.features).sum() == 1


def test_duplicates_are_counted_with_missing_values_equal(cube, labels):
    cube[:, 0, 5, :3] = np.nan
    cube[:, 1, 5, :3] = 0.25
    cube[:, :, 5, 7] = cube[:, :, 5, 0]
    faults = sample_pixels(cube, labels).faults
    assert faults["duplicates"] == 3
    assert faults["contradicting_duplicates"] == 1


def test_the_nodata_number_of_the_labels_is_no_label(cube, labels):
    whole = labels.fillna(0).astype(int)
    whole.attrs["nodata"] = 0
    assert sample_pixels(cube, whole).id == sample_pixels(cube, labels).id


def test_names_tell_months_dates_and_instants_apart(cube):
    times = np.array(["2024-05-01", "2024-05-02", "2024-05-02T10:30"], "datetime64[ns]")
    assert name_features(cube.isel(t=[0, 0, 0], bands=[0]).assign_coords(t=times)) == (
        "2024-05/B04",
        "2024-05-02/B04",
        "2024-05-02T10:30:00Z/B04",
    )


def test_labels_on_other_pixels_are_refused(cube, labels):
    with pytest.raises(InputError, match="different pixels along x"):
        sample_pixels(cube, labels.assign_coords(x=labels["x"] + 10))


def test_labels_that_are_not_whole_are_refused(cube, labels):
    with pytest.raises(InputError, match="whole number"):
        sample_pixels(cube, labels * 0.5)


def test_a_cube_without_crs_is_refused(cube, labels):
    del cube.attrs["crs"]
    with pytest.raises(InputError, match="CRS"):
        sample_pixels(cube, labels)


def test_a_cube_without_common_pixels_is_refused(cube, labels):
    with pytest.raises(InputError, match="both a label and a value"):
        sample_pixels(cube * np.nan, labels.assign_attrs())


@pytest.mark.parametrize("told", [32631, "EPSG:32631"])
def test_the_crs_is_read_however_it_is_written(cube, labels, told):
    cube.attrs["crs"] = told
    assert sample_pixels(cube, labels).epsg == 32631


def test_another_crs_of_the_labels_and_one_without_number_are_refused(cube, labels):
    with pytest.raises(InputError, match="labels in EPSG:32632"):
        sample_pixels(cube, labels.assign_attrs(crs="EPSG:32632"))
    with pytest.raises(InputError, match="no EPSG number"):
        sample_pixels(cube.assign_attrs(crs="the usual one"), labels)

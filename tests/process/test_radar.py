"""sar_backscatter: the coefficient of a cube is that of the tables its images are read by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eocene
from eocene.model import InputError, UnavailableError
from tests.archive.readers.sentinel1_safe import TABLES, SmallProduct, write_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from eocene.workspace import Workspace

TAGS = {"sigma0-ellipsoid": "sigmaNought", "beta0": "betaNought", "gamma0-ellipsoid": "gamma"}


@pytest.fixture(scope="module")
def radar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("radar")
    with eocene.open(folder / "workspace") as workspace:
        workspace.ingest(write_safe(folder / "products", SmallProduct(shape=(70, 90))))
        yield workspace


def run(workspace: Workspace, *steps: tuple[str, dict[str, Any]], **arguments: Any) -> xr.DataArray:
    """Run load → sar_backscatter(arguments) → steps."""
    graph: dict[str, Any] = {"load": {"process_id": "load_collection", "arguments": {"id": "sentinel-1-grd"}}}
    last = "load"
    for name, given in (("sar_backscatter", arguments), *steps):
        graph[name] = {"process_id": name, "arguments": {"data": {"from_node": last}, **given}}
        last = name
    graph[last]["result"] = True
    return eocene.run(graph, workspace=workspace)


def load(workspace: Workspace) -> xr.DataArray:
    return workspace.load("sentinel-1-grd")


@pytest.mark.parametrize("coefficient", TAGS)
def test_coefficients_stand_to_each_other_as_their_tables_do(radar: Workspace, coefficient: str) -> None:
    loaded, asked = load(radar), run(radar, coefficient=coefficient)
    assert asked.dims == loaded.dims
    ratio = (TABLES["sigmaNought"] / TABLES[TAGS[coefficient]]) ** 2
    np.testing.assert_allclose(asked.values, ratio * loaded.values, rtol=2e-3)
    if coefficient == "sigma0-ellipsoid":
        np.testing.assert_array_equal(asked.values, loaded.values)


def test_null_is_power_in_squared_numbers(radar: Workspace) -> None:
    power = run(radar, coefficient=None, noise_removal=False)
    numbers = SmallProduct(shape=(70, 90)).numbers["vv"].astype(float)
    vv = power.sel(bands="vv").values
    assert np.nanmax(vv) <= numbers.max() ** 2
    assert np.nanmean(vv) == pytest.approx((numbers[numbers > 0] ** 2).mean(), rel=0.03)


def test_noise_makes_power_larger_everywhere(radar: Workspace) -> None:
    clean, noisy = (run(radar, coefficient="beta0", noise_removal=removed) for removed in (True, False))
    there = np.isfinite(clean.values)
    assert there.any()
    assert (noisy.values[there] > clean.values[there]).all()


def test_added_bands_say_where_there_is_data_and_under_which_angle(radar: Workspace) -> None:
    cube = run(radar, coefficient="beta0", mask=True, ellipsoid_incidence_angle=True)
    assert cube.bands.values.tolist() == ["vv", "vh", "mask", "ellipsoid_incidence_angle"]
    vv, mask, angle = (cube.sel(bands=name).values for name in ("vv", "mask", "ellipsoid_incidence_angle"))
    np.testing.assert_array_equal(mask == 1, np.isfinite(vv))
    assert (mask == 0).any()  # the near edge of the image, which has no data
    np.testing.assert_array_equal(np.isnan(mask), np.isnan(angle))
    assert 30 < np.nanmin(angle) < np.nanmax(angle) < 47


def test_filters_after_it_are_done_by_the_load(radar: Workspace) -> None:
    whole = run(radar, coefficient="gamma0-ellipsoid")
    picked = run(radar, ("filter_bands", {"bands": ["vh"]}), coefficient="gamma0-ellipsoid")
    np.testing.assert_array_equal(picked.sel(bands="vh").values, whole.sel(bands="vh").values)
    west, south = 8.05, 46.9
    box = {"west": west, "south": south, "east": west + 0.1, "north": south + 0.1}
    inside = run(radar, ("filter_bbox", {"extent": box}), coefficient="gamma0-ellipsoid")
    there = whole.sel(x=inside.x, y=inside.y)
    np.testing.assert_array_equal(inside.values, there.values)
    assert inside.size < whole.size


def test_its_cost_is_estimated_before_it_runs(radar: Workspace) -> None:
    graph = {
        "load": {"process_id": "load_collection", "arguments": {"id": "sentinel-1-grd"}},
        "sar": {
            "process_id": "sar_backscatter",
            "arguments": {"data": {"from_node": "load"}, "coefficient": "beta0"},
            "result": True,
        },
    }
    assert eocene.estimate(graph, workspace=radar).peak_memory > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "gamma0-terrain"),
        ({"coefficient": "sigma0-terrain"}, "sigma0-terrain"),
        ({"coefficient": "beta0", "contributing_area": True}, "contributing_area"),
        ({"coefficient": "beta0", "local_incidence_angle": True}, "local_incidence_angle"),
    ],
)
def test_what_needs_the_terrain_is_said_to_be_missing(
    radar: Workspace, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(UnavailableError, match=said) as caught:
        run(radar, **arguments)
    assert caught.value.code == "FeatureUnsupported"
    assert "gamma0-ellipsoid" in caught.value.remedy


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"coefficient": "sigma1"}, "ProcessParameterInvalid"),
        ({"coefficient": "beta0", "elevation_model": "cop-dem"}, "DigitalElevationModelInvalid"),
        ({"coefficient": "beta0", "options": {"tile": 3}}, "ProcessParameterInvalid"),
    ],
)
def test_wrong_arguments_have_the_codes_of_the_specification(
    radar: Workspace, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        run(radar, **arguments)
    assert caught.value.code == code


def test_a_cube_that_was_computed_is_refused_with_a_remedy(radar: Workspace) -> None:
    graph = {
        "load": {"process_id": "load_collection", "arguments": {"id": "sentinel-1-grd"}},
        "root": {
            "process_id": "apply",
            "arguments": {
                "data": {"from_node": "load"},
                "process": {
                    "process_graph": {
                        "r": {
                            "process_id": "sqrt",
                            "arguments": {"x": {"from_parameter": "x"}},
                            "result": True,
                        }
                    }
                },
            },
        },
        "sar": {
            "process_id": "sar_backscatter",
            "arguments": {"data": {"from_node": "root"}, "coefficient": "beta0"},
            "result": True,
        },
    }
    with pytest.raises(InputError, match="directly after load_collection"):
        eocene.run(graph, workspace=radar)


def test_images_that_do_not_tell_their_calibration_are_refused(world: Workspace) -> None:
    names = [c["id"] for c in world.archive.catalogue.collections()]
    optical = next(name for name in names if "sentinel-2" in name)
    graph = {
        "load": {"process_id": "load_collection", "arguments": {"id": optical}},
        "sar": {
            "process_id": "sar_backscatter",
            "arguments": {"data": {"from_node": "load"}, "coefficient": "beta0"},
            "result": True,
        },
    }
    with pytest.raises(InputError, match="does not say how it is calibrated"):
        eocene.run(graph, workspace=world)

"""cloud_detection beside s2cloudless' own classifier, and however the cube is given and cut."""

from __future__ import annotations

import ast
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.cube.block import Block
from eocene.learn import clouds
from eocene.learn.clouds import cloud_detection
from eocene.model import InputError, UnavailableError
from eocene.process import make_plan, registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytest.importorskip("lightgbm", reason="needs lightgbm")
pytestmark = pytest.mark.skipif(find_spec("s2cloudless") is None, reason="needs the package s2cloudless")

ALL = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
GRAPH = {
    "clouds": {
        "process_id": "cloud_detection",
        "arguments": {"data": {"from_parameter": "data"}, "method": "s2cloudless"},
        "result": True,
    }
}
THRESHOLD = 0.4
"""Between clear and cloud, by default of the package."""
# Reflectances at the top of the atmosphere, B01 … B12 in the order of ALL.
CUMULUS = (0.55, 0.56, 0.54, 0.55, 0.56, 0.58, 0.59, 0.58, 0.6, 0.4, 0.02, 0.42, 0.33)
MEADOW = (0.13, 0.11, 0.10, 0.07, 0.11, 0.26, 0.31, 0.31, 0.34, 0.10, 0.002, 0.19, 0.10)
SEA = (0.13, 0.10, 0.07, 0.05, 0.04, 0.035, 0.03, 0.03, 0.025, 0.01, 0.001, 0.01, 0.008)


@pytest.fixture(scope="module")
def package() -> Path:
    spec = find_spec("s2cloudless")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@pytest.fixture(scope="module")
def peer(package: Path) -> Any:
    """The package's own classifier; its __init__, which needs OpenCV, is passed by."""
    from lightgbm import Booster

    spec = spec_from_file_location("pixel_classifier", package / "pixel_classifier.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    (model,) = (package / "models").iterdir()
    return module.PixelClassifier(Booster(model_file=str(model)))


@pytest.fixture(scope="module")
def model_bands(package: Path) -> list[str]:
    """The bands of the model's columns, as the package's source has them."""
    constants = {}
    for node in ast.parse((package / "utils.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            constants[name] = ast.literal_eval(node.value) if isinstance(node.value, ast.List) else None
    return [constants["S2_BANDS"][index] for index in constants["MODEL_BAND_IDS"]]


@pytest.fixture(scope="module")
def cube() -> xr.DataArray:
    """Mixtures of cloud and ground on three dates, with pixels that lack a band."""
    rng = np.random.default_rng(5)
    share = rng.random((3, 1, 40, 50))
    ends = np.array([CUMULUS, MEADOW, SEA])[:, None, :, None, None]
    ground = np.where(rng.random((3, 1, 40, 50)) < 0.5, ends[1], ends[2])
    values = (share * ends[0] + (1 - share) * ground) * rng.uniform(0.7, 1.3, (3, 13, 40, 50))
    values[rng.random(values.shape) < 0.02] = np.nan
    coords = {
        "t": np.array(["2024-05-01", "2024-05-06", "2024-05-11"], "datetime64[ns]"),
        "bands": list(ALL),
        "y": np.arange(5_300_595.0, 5_300_195, -10),
        "x": np.arange(600_005.0, 600_505, 10),
    }
    return xr.DataArray(
        values.astype(np.float32), coords, ("t", "bands", "y", "x"), attrs={"crs": "EPSG:32632"}
    )


@pytest.fixture(scope="module")
def scenes(real_data: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Five real Level-1C scenes, and Sentinel Hub's cloud probabilities of the same dates.

    Dates are matched by their NDVI. The probabilities were made on coarser pixels and enlarged.
    """
    folder = real_data / "eolearn-testeopatch"
    images = np.load(folder / "REFERENCE_SCENES.npy")
    red, nir = images[..., 3], images[..., 7]
    patch = {name: np.load(folder / f"TestEOPatch/data/{name}.npy")[..., 0] for name in ("NDVI", "CLP")}
    same = [np.isclose(patch["NDVI"], index).all(axis=(1, 2)) for index in (nir - red) / (nir + red)]
    assert all(matches.sum() == 1 for matches in same)
    return images, np.array([patch["CLP"][matches.argmax()] for matches in same])


def block_of(*spectra: tuple[float, ...], bands: tuple[str, ...] = ALL, **more: Any) -> Block:
    """Return a cube without pixels of one spectrum after another."""
    values = np.array(spectra, np.float32).T
    return Block(values, ("bands", "place"), {"bands": bands, "place": tuple(range(len(spectra)))}, **more)


def probabilities(data: Block, method: str | None = None) -> NDArray[Any]:
    return cloud_detection(data, method).filled()[0]


def test_each_pixel_has_the_probability_that_s2cloudless_gives(
    cube: xr.DataArray, peer: Any, model_bands: list[str]
) -> None:
    result = make_plan(GRAPH, parameters={"data": cube}).run()
    images = cube.sel(bands=model_bands).transpose("t", "y", "x", "bands").to_numpy()
    expected = peer.image_predict_proba(images)[..., 1].astype(np.float32)
    expected[np.isnan(images).any(axis=-1)] = np.nan
    assert 0.1 < np.isnan(expected).mean() < 0.3
    assert result.dims == ("t", "bands", "y", "x")
    assert result["bands"].to_numpy().tolist() == ["cloud"]
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result.sel(bands="cloud").to_numpy(), expected)


def test_real_scenes_are_as_cloudy_as_sentinel_hub_found_them(
    scenes: tuple[NDArray[Any], NDArray[Any]], peer: Any, model_bands: list[str]
) -> None:
    images, theirs = scenes
    data = Block(np.moveaxis(images, -1, 1), ("t", "bands", "y", "x"), {"t": tuple(range(5)), "bands": ALL})
    ours = cloud_detection(data, "s2cloudless").values[:, 0]
    columns = [ALL.index(band) for band in model_bands]
    np.testing.assert_array_equal(ours, peer.image_predict_proba(images[..., columns])[..., 1].astype("f4"))
    np.testing.assert_allclose(ours.mean(axis=(1, 2)), theirs.mean(axis=(1, 2)), atol=0.005)
    assert ((ours > THRESHOLD) == (theirs > THRESHOLD)).mean() > 0.98


def test_a_cumulus_is_cloud_and_meadow_and_sea_are_not() -> None:
    cumulus, meadow, sea = probabilities(block_of(CUMULUS, MEADOW, SEA))
    assert cumulus > THRESHOLD > max(meadow, sea)


def test_the_probability_does_not_depend_on_window_or_dates(cube: xr.DataArray) -> None:
    plan = make_plan(GRAPH, parameters={"data": cube})
    whole = plan.read()
    for window in plan.schema.grid.blocks(17, 11):
        part = plan.read(window)
        np.testing.assert_array_equal(part, whole.sel(x=part["x"], y=part["y"]))
    one = make_plan(GRAPH, parameters={"data": cube.isel(t=[1])}).read()
    np.testing.assert_array_equal(one, whole.isel(t=[1]))


def test_blocks_in_threads_side_by_side_give_the_same(cube: xr.DataArray) -> None:
    plan = make_plan(GRAPH, parameters={"data": cube})
    windows = list(plan.schema.grid.blocks(20, 20))
    alone = [plan.read(window).to_numpy() for window in windows]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda window: plan.read(window).to_numpy(), windows))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=25, deadline=None)
@given(
    lacking=st.lists(st.sampled_from(ALL), max_size=3, unique=True),
    nan=st.sampled_from([*ALL, None]),
    order=st.permutations(ALL),
)
def test_a_probability_is_there_exactly_where_all_ten_bands_are(
    lacking: list[str], nan: str | None, order: list[str]
) -> None:
    spectrum = dict(zip(ALL, MEADOW, strict=True))
    if nan is not None:
        spectrum[nan] = np.nan
    valid = np.array([[band not in lacking, True] for band in order])
    data = block_of(tuple(spectrum[b] for b in order), tuple(MEADOW[ALL.index(b)] for b in order))
    answer = cloud_detection(data.with_(labels={**data.labels, "bands": tuple(order)}, valid=valid), None)
    unused = {"B03", "B06", "B07"}
    assert answer.valid is not None
    assert answer.valid.tolist() == [[{*lacking, nan} - {None} <= unused, True]]
    assert answer.values[0, 1] == probabilities(block_of(MEADOW))[0]


def test_bands_are_found_by_their_common_names() -> None:
    common = {f"band {number}": clouds.BANDS.get(name, "") for number, name in enumerate(ALL)}
    renamed = block_of(CUMULUS, MEADOW, bands=tuple(common), common_names=common)
    assert probabilities(renamed).tolist() == probabilities(block_of(CUMULUS, MEADOW)).tolist()


def test_all_bands_that_a_level_2a_cube_lacks_are_named_before_a_pixel_is_read(cube: xr.DataArray) -> None:
    level_2a = cube.drop_sel(bands=["B09", "B10"])
    with pytest.raises(InputError, match=r"lacks: B09 \(nir09\), B10 \(cirrus\).*node 'clouds'") as caught:
        make_plan(GRAPH, parameters={"data": level_2a})
    assert caught.value.code == "BandNotAvailable"


@pytest.mark.parametrize(
    ("method", "options", "fault"),
    [("Fmask", {}, "'Fmask' is not offered"), (None, {"average_over": 4}, "no options.*average_over")],
)
def test_other_methods_and_options_are_refused(method: str | None, options: Any, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        cloud_detection(block_of(MEADOW), method, options)


def test_stored_integers_are_not_taken_for_reflectances() -> None:
    data = block_of(MEADOW)
    with pytest.raises(InputError, match="holds uint16, not reflectances"):
        cloud_detection(data.with_(values=(data.values * 10_000).astype(np.uint16)), None)


@pytest.mark.parametrize("absent", ["s2cloudless", "lightgbm"])
def test_the_process_is_listed_only_where_its_packages_are(
    absent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = registry.get("cloud_detection")
    registry.withdraw("cloud_detection")
    try:
        with monkeypatch.context() as patch:
            patch.setattr(clouds, "find_spec", lambda name: None if name == absent else find_spec(name))
            clouds.offer()
            with pytest.raises(InputError, match="no process 'cloud_detection'"):
                registry.get("cloud_detection")
        clouds.offer()
        assert registry.get("cloud_detection").spec == offered.spec
    finally:
        registry.register(offered)


def test_a_lightgbm_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clouds._load_model.cache_clear()
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(UnavailableError, match="LightGBM, which runs s2cloudless, cannot be loaded"):
        cloud_detection(block_of(MEADOW), None)

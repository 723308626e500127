"""Every error that the description of a process lists is raised, by a call that commits it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pytest
import shapely
import xarray as xr

from eocene.archive import Archive, Search
from eocene.model import EoceneError
from eocene.process import make_plan, registry
from eocene.process.output.results import save_file
from eocene.process.udf import offering
from tests.process.rasters import DATA, random_cube
from tests.process.runners import TrustingRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.workspace import Workspace

HERE, THERE = shapely.box(9, 48, 9.1, 48.1), shapely.box(8, 48, 8.1, 48.1)
CUBE = random_cube().isel(y=slice(0, 3), x=slice(0, 3))
GIVEN = {
    "data": CUBE,
    "bandless": CUBE.isel(bands=0, drop=True),
    "timeless": CUBE.isel(t=0, drop=True),
    "degrees": gpd.GeoDataFrame(geometry=[HERE, THERE], crs=4326),
    "points": gpd.GeoDataFrame(geometry=[HERE.centroid], crs=4326),
    "named": xr.DataArray([1.0, 2.0], dims="array", coords={"array": ["a", "b"]}),
    "other": xr.DataArray([1.0, 2.0], dims="array", coords={"array": ["c", "b"]}),
}  # fmt: skip
BANDLESS, TIMELESS, DEGREES, POINTS, NAMED, OTHER = (
    {"from_parameter": name} for name in ("bandless", "timeless", "degrees", "points", "named", "other")
)
SAME = {"process_graph": {"same": {"process_id": "first", "arguments": {"data": DATA}, "result": True}}}
NDVI = {"process_id": "ndvi", "arguments": {"data": DATA, "nir": "a", "red": "b"}, "result": True}
BANDS_GONE = {"process_graph": {"ndvi": NDVI}}
YEAR = ["2024-01-01", "2025-01-01"]
LONG_AGO = ["1999-01-01", "2000-01-01"]
EMPTY = ["2024-05-01", "2024-05-01"]
LABEL = {"from_parameter": "value"}
IS_ZERO = {"process_graph": {"eq": {"process_id": "eq", "arguments": {"x": LABEL, "y": 0}, "result": True}}}
PIXEL = {"dimension": "x", "value": 1, "unit": "px"}
AT = CUBE.x.values[1], CUBE.y.values[1]
POLYGON = gpd.GeoSeries([shapely.box(AT[0] - 9, AT[1] - 9, AT[0] + 9, AT[1] + 9)] * 2, crs=32632)
TWICE = POLYGON.to_crs(4326).__geo_interface__
NEW = {"data": DATA, "name": "v", "label": "2024-01-01", "type": "temporal"}
TWO_TIMES = {"both": {"process_id": "add_dimension", "arguments": NEW}}
TWO = {"from_node": "both"}

COMMITTED: dict[tuple[str, str], dict[str, Any]] = {
    ("run_udf", "FileNotFound"): {"udf": "none.py", "runtime": "Python"},
    ("run_udf", "InvalidRuntime"): {"udf": "\n", "runtime": "cobol"},
    ("run_udf", "InvalidVersion"): {"udf": "\n", "runtime": "Python", "version": "1"},
    ("add_dimension", "DimensionExists"): {"name": "t", "label": "a"},
    ("aggregate_spatial", "TargetDimensionExists"): {
        "geometries": TWICE, "reducer": SAME, "target_dimension": "bands",
    },
    ("aggregate_temporal", "DimensionNotAvailable"): {
        "intervals": [YEAR], "reducer": SAME, "dimension": "bands",
    },
    ("aggregate_temporal", "DistinctDimensionLabelsRequired"): {"intervals": [YEAR, YEAR], "reducer": SAME},
    ("aggregate_temporal", "TemporalExtentEmpty"): {"intervals": [EMPTY], "reducer": SAME},
    ("aggregate_temporal", "TooManyDimensions"): {"data": TWO, "intervals": [YEAR], "reducer": SAME},
    ("aggregate_temporal_period", "DimensionNotAvailable"): {
        "data": TIMELESS, "period": "month", "reducer": SAME,
    },
    ("aggregate_temporal_period", "TooManyDimensions"): {"data": TWO, "period": "month", "reducer": SAME},
    ("apply_dimension", "DimensionNotAvailable"): {"process": SAME, "dimension": "z"},
    ("apply_kernel", "KernelDimensionsUneven"): {"kernel": [[1, 1]]},
    ("apply_neighborhood", "DataCubePropertiesImmutable"): {
        "process": BANDS_GONE, "size": [PIXEL],
    },
    ("apply_neighborhood", "DimensionNotAvailable"): {
        "process": SAME, "size": [{**PIXEL, "dimension": "z"}],
    },
    ("apply_polygon", "GeometriesOverlap"): {"geometries": TWICE, "process": SAME},
    ("array_append", "ArrayNotLabeled"): {"data": [1], "value": 2, "label": "a"},
    ("array_append", "LabelExists"): {"data": NAMED, "value": 2, "label": "a"},
    ("array_concat", "ArrayLabelConflict"): {"array1": NAMED, "array2": OTHER},
    ("array_create_labeled", "ArrayLengthMismatch"): {"data": [1, 2], "labels": ["a"]},
    ("array_element", "ArrayElementNotAvailable"): {"data": [1], "index": 1},
    ("array_element", "ArrayElementParameterConflict"): {"data": NAMED, "index": 1, "label": "a"},
    ("array_element", "ArrayElementParameterMissing"): {"data": [1]},
    ("array_element", "ArrayNotLabeled"): {"data": [1], "label": "a"},
    ("array_modify", "ArrayElementNotAvailable"): {"data": [1], "values": [2], "index": 2},
    ("array_modify", "ArrayLabelConflict"): {"data": NAMED, "values": OTHER, "index": 0},
    ("clip", "MinMaxSwapped"): {"x": 1, "min": 2, "max": 1},
    ("dimension_labels", "DimensionNotAvailable"): {"dimension": "z"},
    ("drop_dimension", "DimensionLabelCountMismatch"): {"name": "t"},
    ("drop_dimension", "DimensionNotAvailable"): {"name": "z"},
    ("filter_bands", "BandFilterParameterMissing"): {},
    ("filter_bands", "DimensionMissing"): {"data": BANDLESS, "bands": ["a"]},
    ("filter_labels", "DimensionNotAvailable"): {"condition": IS_ZERO, "dimension": "z"},
    ("filter_temporal", "DimensionNotAvailable"): {"extent": YEAR, "dimension": "z"},
    ("filter_temporal", "TemporalExtentEmpty"): {"extent": EMPTY},
    ("flatten_dimensions", "DimensionNotAvailable"): {"dimensions": ["t", "z"], "target_dimension": "n"},
    ("flatten_dimensions", "TargetDimensionExists"): {"dimensions": ["t", "bands"], "target_dimension": "x"},
    ("mask", "IncompatibleDataCubes"): {"data": TIMELESS, "mask": DATA},
    ("merge_cubes", "IncompatibleGeometryTypes"): {"cube1": DEGREES, "cube2": POINTS},
    ("merge_cubes", "OverlapResolverMissing"): {"cube1": DATA, "cube2": DATA},
    ("ndvi", "BandExists"): {"nir": "a", "red": "b", "target_band": "a"},
    ("ndvi", "DimensionAmbiguous"): {"data": BANDLESS},
    ("ndvi", "NirBandAmbiguous"): {"red": "b"},
    ("ndvi", "RedBandAmbiguous"): {"nir": "a"},
    ("quantiles", "AscendingProbabilitiesRequired"): {"data": [1, 2], "probabilities": [0.5, 0.2]},
    ("quantiles", "QuantilesParameterConflict"): {"data": [1, 2], "probabilities": [0.5], "q": 2},
    ("quantiles", "QuantilesParameterMissing"): {"data": [1, 2]},
    ("reduce_dimension", "DimensionNotAvailable"): {"reducer": SAME, "dimension": "z"},
    ("rename_dimension", "DimensionExists"): {"source": "t", "target": "bands"},
    ("rename_dimension", "DimensionNotAvailable"): {"source": "z", "target": "u"},
    ("rename_labels", "LabelExists"): {"dimension": "bands", "source": ["a"], "target": ["b"]},
    ("rename_labels", "LabelMismatch"): {"dimension": "bands", "source": ["a"], "target": ["c", "d"]},
    ("rename_labels", "LabelNotAvailable"): {"dimension": "bands", "source": ["z"], "target": ["c"]},
    ("rename_labels", "LabelsNotEnumerated"): {"dimension": "bands", "target": ["c"]},
    ("resample_cube_temporal", "DimensionMismatch"): {"data": TIMELESS, "target": DATA},
    ("resample_cube_temporal", "DimensionNotAvailable"): {"target": TIMELESS, "dimension": "t"},
    ("save_result", "FormatUnsuitable"): {"format": "parchment"},
    ("unflatten_dimension", "DimensionNotAvailable"): {"dimension": "z", "target_dimensions": ["u", "v"]},
    ("unflatten_dimension", "TargetDimensionExists"): {"dimension": "bands", "target_dimensions": ["t", "v"]},
    ("vector_buffer", "UnitMismatch"): {"geometries": DEGREES, "distance": 1},
    ("vector_reproject", "DimensionNotAvailable"): {"data": DEGREES, "projection": 32632, "dimension": "z"},
    ("vector_to_random_points", "CountMismatch"): {"data": DEGREES, "total_count": 1},
    ("vector_to_regular_points", "UnitMismatch"): {"data": DEGREES, "distance": 1},
}  # fmt: skip
"""(process, code) → arguments with which the process raises that; ``data`` is the cube if it is not given."""

LOADING: dict[tuple[str, str], dict[str, Any]] = {
    ("load_collection", "NoDataAvailable"): {"id": "sentinel-2-l2a", "temporal_extent": LONG_AGO},
    ("load_collection", "TemporalExtentEmpty"): {"id": "sentinel-2-l2a", "temporal_extent": EMPTY},
    ("load_stac", "NoDataAvailable"): {"url": "item.json", "temporal_extent": LONG_AGO},
    ("load_stac", "TemporalExtentEmpty"): {"url": "item.json", "temporal_extent": EMPTY},
    ("load_uploaded_files", "FileNotFound"): {"paths": ["lost.geojson"], "format": "GeoJSON"},
    ("load_uploaded_files", "FormatUnsuitable"): {"paths": [], "format": "parchment"},
    ("load_url", "FormatUnsuitable"): {"url": "eocene.json", "format": "GTiff"},
    ("sar_backscatter", "DigitalElevationModelInvalid"): {
        "data": {}, "coefficient": "beta0", "elevation_model": "cop-dem",
    },
}  # fmt: skip
"""The same for processes that need an archive."""

BY_THE_FORMAT = {("save_result", "DataCubeEmpty")}
"""Told when the result is written."""


@pytest.fixture(scope="module")
def archive(world: Workspace) -> Iterator[Archive]:
    """The archive of the world, with one of its items as a file of its workspace."""
    opened, path = Archive(world.layout), world.layout.root / "item.json"
    path.write_text(json.dumps(opened.catalogue.search(Search(("sentinel-2-l2a",)))[0]), encoding="utf-8")
    yield opened
    path.unlink()


def plan(process: str, arguments: dict[str, Any], archive: Archive | None = None) -> Any:
    takes_data = registry.get(process).spec["parameters"][0]["name"] == "data" and archive is None
    given = {**({"data": DATA} if takes_data else {}), **arguments}
    others = TWO_TIMES if TWO in given.values() else {}
    graph = {**others, "only": {"process_id": process, "arguments": given, "result": True}}
    return make_plan(graph, archive, {} if archive else GIVEN)


@pytest.fixture(scope="module", autouse=True)
def udfs() -> Iterator[None]:
    """A runner of users' code, so that run_udf is there."""
    with offering(TrustingRunner()):
        yield


def test_every_listed_error_is_provoked_here() -> None:
    listed = {(spec["id"], code) for spec in registry.specs() for code in spec.get("exceptions", {})}
    assert listed == {*COMMITTED, *LOADING, *BY_THE_FORMAT}


@pytest.mark.parametrize(("process", "code"), COMMITTED, ids=str)
def test_a_mistake_is_told_by_its_listed_code_before_anything_is_computed(process: str, code: str) -> None:
    with pytest.raises(EoceneError) as caught:
        plan(process, COMMITTED[process, code])
    assert caught.value.code == code


@pytest.mark.parametrize(("process", "code"), LOADING, ids=str)
def test_what_cannot_be_loaded_is_told_by_its_listed_code(process: str, code: str, archive: Archive) -> None:
    with pytest.raises(EoceneError) as caught:
        plan(process, LOADING[process, code], archive)
    assert caught.value.code == code


@pytest.mark.parametrize("wanted", ["GTiff", "PNG"])
def test_an_image_of_nothing_is_refused(wanted: str, tmp_path: Path) -> None:
    nothing = plan("filter_bands", {"bands": ["none"]})
    with pytest.raises(EoceneError) as caught:
        save_file(nothing, tmp_path, wanted)
    assert caught.value.code == "DataCubeEmpty"
    assert save_file(nothing, tmp_path, "netCDF")[0].is_file()

"""The contract between a back-end and the code of a user, as the openEO Python client has it.

Source: package ``openeo.udf`` of the openEO Python client, which finds the function and calls it. Beyond it,
``apply_datacube(cube, context)`` may go without annotations, and ``apply_metadata`` names the bands.
"""

from __future__ import annotations

import inspect
import traceback
from typing import Any

import numpy as np
import xarray as xr
from openeo.udf import OpenEoUdfException, run_code
from openeo.udf.feature_collection import FeatureCollection
from openeo.udf.structured_data import StructuredData
from openeo.udf.udf_data import UdfData
from openeo.udf.xarraydatacube import XarrayDataCube

_FILE = "<string>"
"""Under this name ``openeo.udf`` runs code."""
_LONGEST = 2000


class ContractError(Exception):
    """The code keeps to none of the forms that there are, or gives back what it must not."""


def run(code: str, data: Any, context: Any, show: Any = None) -> Any:
    """Call the function of the code that is meant for the data and return what comes out.

    Parameters
    ----------
    code : str
        The source text; a module is made of it once in a process, so that it may keep things.
    data : DataArray, GeoDataFrame or plain value
        Becomes the one data cube, feature collection or structured data of a UdfData.
    context : plain value
        What the user passes on; None becomes an empty mapping.
    show : callable, optional
        Takes the place of ``print``.
    """
    module = run_code.load_module_from_string(code)
    if show is not None:
        module["print"] = show
    context = {} if context is None else context
    plain = _find_plain(module)
    if plain is not None and not _is_table(data):
        result = _unwrap(plain(_as_array(data), context))
    else:
        result = _run_form(code, data, context, module)
    if isinstance(result, xr.DataArray):
        return _name_labels(module, data, result, context)
    return result


def warm() -> None:
    """Do once what xarray and pandas put off until they are first used."""
    cube = xr.DataArray([[1.0]], {"t": np.array(["2024-01-01"], "M8[ns]"), "x": [0.0]}, ["t", "x"])
    (cube * 2).max("t").equals(cube.isel(t=0))


def explain(error: BaseException, code: str) -> dict[str, Any]:
    """Return type, message, line and text of the line at which code failed; the line is 0 if none did."""
    line = 0
    if isinstance(error, SyntaxError) and error.filename == _FILE:
        line = error.lineno or 0
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == _FILE:
            line = frame.lineno or 0
    lines = code.splitlines()
    text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return {
        "type": type(error).__name__, "message": message[:_LONGEST], "line": line, "text": text[:200],
    }  # fmt: skip


def _find_plain(module: dict[str, Any]) -> Any:
    """Return ``apply_datacube`` if it is written without annotations, or says that it takes a DataArray."""
    function = module.get("apply_datacube")
    if not inspect.isfunction(function):
        return None
    first = next(iter(inspect.signature(function).parameters.values()), None)
    if first is None or first.annotation in (inspect.Parameter.empty, xr.DataArray):
        return function
    return function if str(first.annotation).endswith("DataArray") else None


def _run_form(code: str, data: Any, context: Any, module: dict[str, Any]) -> Any:
    if "apply_vectorcube" in module:
        raise ContractError("apply_vectorcube is not offered here; write apply_udf_data(data: UdfData)")
    given = UdfData(user_context=context)
    if _is_table(data):
        given.set_feature_collection_list([FeatureCollection("data", data)])
    elif isinstance(data, xr.DataArray):
        given.set_datacube_list([XarrayDataCube(data)])
    else:
        given.set_structured_data_list([StructuredData(data)])
    try:
        return _take(run_code.run_udf_code(code, given))
    except OpenEoUdfException as error:
        if str(error) != "No UDF found.":
            raise
        raise ContractError(
            "the code has no function of a known form; write apply_datacube(cube, context) for arrays, "
            "or apply_udf_data(data: UdfData) for feature collections and values"
        ) from None


def _take(given: UdfData) -> Any:
    """Return the one thing that UdfData hold after the call."""
    found = [
        *(cube.get_array() for cube in given.get_datacube_list() or ()),
        *(features.data for features in given.get_feature_collection_list() or ()),
    ]
    structured = given.get_structured_data_list() or []
    if not found or (len(found) == 1 and structured and _is_table(found[0])):
        found = [one.data for one in structured] or found
    if len(found) != 1:
        raise ContractError(f"the code leaves {len(found)} results in UdfData where one is wanted")
    return found[0]


def _unwrap(result: Any) -> Any:
    if isinstance(result, XarrayDataCube):
        return result.get_array()
    if not isinstance(result, xr.DataArray):
        raise ContractError(
            f"apply_datacube gives back a {type(result).__name__} where a DataArray is wanted"
        )
    return result


def _is_table(data: Any) -> bool:
    return hasattr(data, "geometry") and hasattr(data, "columns")


def _as_array(data: Any) -> Any:
    if isinstance(data, xr.DataArray):
        return data
    return xr.DataArray(data, dims=["array"] if isinstance(data, list) else [])


def _name_labels(module: dict[str, Any], data: Any, result: Any, context: Any) -> Any:
    """Return the result with the names that ``apply_metadata``, if there is one, gives to its bands."""
    function = module.get("apply_metadata")
    if not inspect.isfunction(function) or not isinstance(data, xr.DataArray):
        return result
    from openeo.metadata import BandDimension

    described = function(_describe(data), context)
    for dimension in getattr(described, "_dimensions", None) or ():
        if not isinstance(dimension, BandDimension) or dimension.name not in result.dims:
            continue
        names = list(dimension.band_names)
        if len(names) != result.sizes[dimension.name]:
            raise ContractError(
                f"apply_metadata names {len(names)} bands, "
                f"apply_datacube gives {result.sizes[dimension.name]}"
            )
        result = result.assign_coords({dimension.name: names})
    return result


def _describe(data: Any) -> Any:
    """Return the metadata of a cube as the client's own class."""
    from openeo.metadata import (
        Band,
        BandDimension,
        CubeMetadata,
        Dimension,
        SpatialDimension,
        TemporalDimension,
    )

    dimensions: list[Any] = []
    for dim in map(str, data.dims):
        labels = data[dim].values.tolist() if dim in data.coords else []
        if dim in ("x", "y"):
            ends = [min(labels), max(labels)] if labels else []
            dimensions.append(SpatialDimension(dim, ends))
        elif dim == "bands":
            dimensions.append(BandDimension(dim, [Band(str(name)) for name in labels]))
        elif dim == "t":
            times = [str(time) for time in data[dim].values] if labels else []
            dimensions.append(TemporalDimension(dim, [min(times), max(times)] if times else []))
        else:
            dimensions.append(Dimension(dim, "other"))
    return CubeMetadata(dimensions=dimensions)

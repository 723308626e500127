"""The way from pixels to geometries.

Source: openEO processes 2.0, aggregate_spatial.
"""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.cube.feature import GEOMETRY, features_of, geometry_dimension
from eocene.cube.geojson import read_features
from eocene.model import InputError
from eocene.process.callback import Callback
from eocene.process.methods.spatial_types import Geometries
from eocene.process.methods.zonal import Reduction, aggregate_features
from eocene.process.registry import process
from eocene.process.standard import ANY, ONE_DATA, RASTER, VECTOR
from eocene.process.types import Context, OptionalText, callback

RasterCube = Annotated[Any, RASTER]
VectorCube = Annotated[Block, VECTOR]
GeometryReducer = Annotated[
    Callback,
    callback({"description": "The value to be set in the vector data cube.", "schema": ANY}, data=ONE_DATA),
]


@process("cubes", "aggregate", kind="global")
def aggregate_spatial(
    data: RasterCube,
    geometries: Geometries,
    reducer: GeometryReducer,
    target_dimension: OptionalText = None,
    context: Context = None,
) -> VectorCube:
    """Reduce the pixels of each geometry to one value for each date and band.

    Of polygons the pixels whose centres lie in them or on their edge count, of points the one under
    them, of lines those that they cross. The reducer gets them from north to south, then west to east.
    A geometry without a pixel has no-data.

    Parameters
    ----------
    data
        A cube with pixels.
    geometries
        A vector cube, or GeoJSON in EPSG:4326: a FeatureCollection, a Feature or a geometry. Their
        properties are kept.
    reducer
        Takes the array of the pixels of a geometry, returns one value.
    target_dimension
        Name of a new dimension that holds, beside each value, the numbers of all and of valid pixels;
        null for the values alone.
    context
        Handed to the reducer.

    Raises
    ------
    TargetDimensionExists
        The cube has a dimension named as the target dimension.
    """
    if target_dimension is not None and target_dimension in data.schema.probe.dims:
        raise InputError(
            f"A dimension named {target_dimension!r} exists already.",
            "Choose another target_dimension.",
            code="TargetDimensionExists",
        )
    if isinstance(geometries, Block):
        features, dimension = features_of(geometries), geometry_dimension(geometries)
    else:
        features, dimension = read_features(geometries), GEOMETRY
    if not features:
        raise InputError(
            "There is no geometry.", "Give at least one polygon.", code="ProcessParameterInvalid"
        )
    return aggregate_features(data, features, Reduction(reducer, context, dimension, target_dimension))

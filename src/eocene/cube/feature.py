"""Geometries with properties: the labels of a vector cube's geometry dimension, and what they come from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from eocene.archive.epsg import find_epsg
from eocene.cube.block import Block
from eocene.model import InputError, transformer
from eocene.model.grid import is_geographic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shapely.geometry.base import BaseGeometry

GEOMETRY = "geometry"
"""The usual name of the geometry dimension, and of the column in tables."""


@dataclass(frozen=True, eq=False)
class Feature:
    """A geometry, the CRS of its coordinates and what is known of it.

    Parameters
    ----------
    geometry : shapely geometry
        May be empty.
    epsg : int
        The CRS.
    properties : mapping
        Name → plain value.
    id : str or int, optional
        As GeoJSON has it.
    """

    geometry: BaseGeometry
    epsg: int = 4326
    properties: Mapping[str, Any] = field(default_factory=dict)
    id: str | int | None = None

    def __str__(self) -> str:
        return self.geometry.wkt

    def to_epsg(self, epsg: int) -> Feature:
        """Return the feature with its vertices in another CRS; infinite where that is not defined."""
        if epsg == self.epsg:
            return self
        change = transformer(self.epsg, epsg).transform

        def move(points: Any) -> Any:
            return np.stack(change(points[:, 0], points[:, 1]), axis=1)

        return replace(self, geometry=shapely.transform(self.geometry, move), epsg=epsg)


def make_vector_cube(features: Sequence[Feature], name: str = GEOMETRY) -> Block:
    """Return the vector cube of geometries that have no values yet: (geometry), all no-data."""
    size = (len(features),)
    return Block(
        np.full(size, None, object),
        (name,),
        {name: tuple(features)},
        np.zeros(size, bool),
        kinds={name: GEOMETRY},
    )


def geometry_dimension(cube: Block) -> str:
    """Return the name of the cube's geometry dimension; raises InputError if there is not exactly one."""
    found = cube.dims_of(GEOMETRY)
    if len(found) != 1:
        raise InputError(
            f"The cube has {len(found)} dimensions of type geometry; its dimensions are "
            f"{', '.join(cube.dims) or 'none'}.",
            "Give a vector cube, for instance from load_geojson or aggregate_spatial.",
            code="ProcessParameterInvalid",
        )
    return found[0]


def features_of(cube: Block) -> tuple[Feature, ...]:
    """Return the geometries of a vector cube."""
    return tuple(cube.labels[geometry_dimension(cube)])


def from_geodataframe(frame: gpd.GeoDataFrame) -> Block:
    """Return the vector cube of a table: a geometry for each row, the columns as its properties.

    Raises
    ------
    InputError
        If the table does not say its CRS, or that has no EPSG code.
    """
    epsg = None if frame.crs is None else find_epsg(frame.crs.to_wkt())
    if epsg is None:
        raise InputError(
            f"The table's CRS is {frame.crs}, which has no EPSG code.",
            "Set it with GeoDataFrame.set_crs, or convert the table with to_crs(4326).",
            code="ProcessParameterInvalid",
        )
    columns = [c for c in frame.columns if c != frame.geometry.name]
    rows: Iterable[Any] = zip(*(frame[c] for c in columns), strict=True) if columns else [()] * len(frame)
    geometries = [shapely.Point() if g is None else shapely.force_2d(g) for g in frame.geometry]
    return make_vector_cube(
        [
            Feature(geometry, epsg, dict(zip(map(str, columns), row, strict=True)))
            for geometry, row in zip(geometries, rows, strict=True)
        ]
    )


def to_geodataframe(cube: Block) -> gpd.GeoDataFrame:
    """Return one row for each geometry and time: its properties, ``t``, and a column for each band.

    A cube without bands gives the column ``value``, one of geometries alone none. Further dimensions
    are joined to the names of the columns by ``_``. A value takes the place of a property of its name.
    No-data is NaN, in texts None.
    """
    geometry = geometry_dimension(cube)
    features = features_of(cube)
    times = cube.dims_of("temporal")[:1]
    others = [d for d in cube.dims if d not in (geometry, *times)]
    steps = cube.labels[times[0]] if times else (None,)
    columns: dict[str, Any] = {times[0]: list(steps) * len(features)} if times else {}
    if cube.dims != (geometry,) or cube.values.dtype != object or cube.valid is None or cube.valid.any():
        names = ["_".join(map(str, key)) or "value" for key in product(*(cube.labels[d] for d in others))]
        order = [cube.dims.index(d) for d in (geometry, *times, *others)]
        table = _plain_values(cube).transpose(order).reshape(len(features) * len(steps), len(names))
        columns |= {name: table[:, number] for number, name in enumerate(names)}
    known = _properties_table(features)
    known = known.loc[known.index.repeat(len(steps))].reset_index(drop=True)
    values = pd.DataFrame(columns, index=known.index)
    return gpd.GeoDataFrame(
        pd.concat([known.drop(columns=[c for c in columns if c in known]), values], axis=1),
        geometry=GEOMETRY,
        crs=features[0].epsg if features else 4326,
    )


def _properties_table(features: Sequence[Feature]) -> gpd.GeoDataFrame:
    epsg = features[0].epsg if features else 4326
    properties = pd.DataFrame(
        [{k: v for k, v in f.properties.items() if k != GEOMETRY} for f in features],
        index=range(len(features)),
    )
    geometries = gpd.GeoDataFrame({GEOMETRY: [f.to_epsg(epsg).geometry for f in features]}, crs=epsg)
    return gpd.GeoDataFrame(pd.concat([geometries, properties], axis=1), geometry=GEOMETRY, crs=epsg)


def _plain_values(cube: Block) -> Any:
    if cube.values.dtype == object:
        return cube.values if cube.valid is None else np.where(cube.valid, cube.values, np.array(None))
    return cube.filled().astype(np.float64)


def has_metres(epsg: int) -> bool:
    """Tell whether coordinates of the CRS are metres."""
    from pyproj import CRS

    return not is_geographic(epsg) and all(
        math.isclose(axis.unit_conversion_factor, 1.0) for axis in CRS.from_epsg(epsg).axis_info[:2]
    )

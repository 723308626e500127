"""Processes that bring data in.

Source: openEO processes 2.0, category import, and the proposals load_geojson, load_stac, load_url and
load_uploaded_files.
"""

from __future__ import annotations

from typing import Any

from eocene.archive import Archive
from eocene.cube.geojson import make_property_cube, read_geojson
from eocene.model import InputError, Lattice
from eocene.process.loads.catalogue import find_collection_cube, find_stac_cube
from eocene.process.loads.files import load_files, resolve_upload
from eocene.process.loads.load_types import (
    NO_OPTIONS,
    BandNames,
    CollectionExtent,
    CollectionId,
    Extent,
    GeoJson,
    InputFormat,
    InputOptions,
    Interval,
    Loaded,
    Paths,
    Properties,
    PropertyNames,
    Source,
    Uri,
    VectorCube,
)
from eocene.process.loads.static_stac import find_file
from eocene.process.registry import process


@process("cubes", "import", kind="source", absent=("spatial_extent", "temporal_extent"))
def load_collection(
    id: CollectionId,
    spatial_extent: CollectionExtent = None,
    temporal_extent: Interval = None,
    bands: BandNames = None,
    properties: Properties = None,
    *,
    _archive: Archive,
    _lattice: Lattice | None,
) -> Source:
    """Load a collection of this archive as a cube with the dimensions t, bands, y, x.

    Scale and offset are applied. Images of one solar day are laid together, the earlier and then
    the one whose id comes first on top. The cube stands on the pixel grid of the items that cover most
    of the extent, at the resolution of the finest band asked for; nearest neighbour where others differ.

    Parameters
    ----------
    id
        The collection.
    spatial_extent
        A box; or a vector cube or GeoJSON, outside of whose geometries there is no data; null for all
        there is.
    temporal_extent
        Start and end, the end excluded; null for all there is.
    bands
        Band names or common names; null for all.
    properties
        Conditions on item properties, all of which must be true: name → process graph with the
        parameter ``value``, null where an item lacks the property.

    Raises
    ------
    TemporalExtentEmpty
        The end is not after the start.
    NoDataAvailable
        No item lies there and then and meets the conditions.
    """
    if not isinstance(id, str):
        raise InputError(
            "The collection is not named by a text.", "Give its id.", code="ProcessParameterInvalid"
        )
    asked = _gather(spatial_extent, temporal_extent, bands, properties)
    return find_collection_cube(_archive, id, asked, _lattice)


@process("cubes", "import", kind="source", experimental=True)
def load_stac(
    url: Uri,
    spatial_extent: Extent = None,
    temporal_extent: Interval = None,
    bands: BandNames = None,
    properties: Properties = None,
    *,
    _archive: Archive,
    _lattice: Lattice | None,
) -> Source:
    """Load the result of a job, here or on another back-end, or other static STAC.

    An Item, or all items under a Collection or Catalog. As the specification says, scale and offset
    are not applied. Of other machines those are read that the operator allows.

    Parameters
    ----------
    url
        The address of a job's results, …/jobs/{id}/results or its canonical link, that of other STAC, or a
        path relative to the workspace, such as results/{id}/collection.json.
    spatial_extent
        A box; or a vector cube or GeoJSON, outside of whose geometries there is no data; null for all
        there is.
    temporal_extent
        Start and end, the end excluded; null for all there is.
    bands
        Band names; null for all.
    properties
        Conditions on item properties, all of which must be true: name → process graph with the
        parameter ``value``, null where an item lacks the property.

    Raises
    ------
    TemporalExtentEmpty
        The end is not after the start.
    NoDataAvailable
        No item lies there and then and meets the conditions.
    """
    asked = _gather(spatial_extent, temporal_extent, bands, properties)
    return find_stac_cube(_archive, url, asked, _lattice)


def _gather(extent: Any, interval: Any, bands: Any, properties: Any) -> dict[str, Any]:
    return {
        "spatial_extent": extent,
        "temporal_extent": interval,
        "bands": bands,
        "properties": properties,
    }


@process("import", "vector", experimental=True)
def load_geojson(data: GeoJson, properties: PropertyNames = ()) -> VectorCube:
    """Turn GeoJSON into a vector cube; the features' properties are kept.

    The coordinates are degrees, EPSG:4326, unless the member ``crs`` of the older GeoJSON names another
    CRS.

    Parameters
    ----------
    data
        A FeatureCollection, a Feature or a geometry; no GeometryCollection.
    properties
        Properties that become values of the cube, along the new dimension ``properties``: a label for
        each, or, of a single one that holds arrays, for each of their positions.
    """
    return make_property_cube(read_geojson(data), list(properties))


@process("cubes", "import", kind="source", experimental=True)
def load_url(
    url: Uri,
    format: InputFormat,
    options: InputOptions = NO_OPTIONS,
    *,
    _archive: Archive,
    _lattice: Lattice | None,
) -> Loaded:
    """Load a file as a cube: geometries, or the bands of an image.

    Parameters
    ----------
    url
        A path, relative to the workspace, or file:/… of a file in the workspace or in a folder that was
        ingested. Reading from other machines is not offered.
    format
        GeoJSON, GeoParquet or GTiff; upper or lower case.
    options
        The formats have none.

    Raises
    ------
    FormatUnsuitable
        There is no such format, or the file is not of it.
    """
    path = find_file(_archive, url)
    return load_files(_archive, [path], format, options, _lattice)


@process("cubes", "import", kind="source", experimental=True)
def load_uploaded_files(
    paths: Paths,
    format: InputFormat,
    options: InputOptions = NO_OPTIONS,
    *,
    _archive: Archive,
    _lattice: Lattice | None,
) -> Loaded:
    """Load files that users have uploaded as one cube: geometries one after another, images by date.

    The date of an image stands in its name or its header. Scale and offset are not applied.

    Parameters
    ----------
    paths
        Paths in the folder ``files`` of the workspace; a slash in front makes no difference.
    format
        GeoJSON, GeoParquet or GTiff; upper or lower case.
    options
        The formats have none.

    Raises
    ------
    FileNotFound
        There is no such file among the uploaded ones.
    FormatUnsuitable
        There is no such format, or a file is not of it.
    """
    found = [resolve_upload(_archive, str(path)) for path in paths]
    return load_files(_archive, found, format, options, _lattice)

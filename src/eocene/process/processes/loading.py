"""Processes that bring data in.

Source: openEO processes 2.0, category import.
"""

from __future__ import annotations

from typing import Annotated, Any

from eocene.archive import Archive
from eocene.cube.source import CubeSource
from eocene.model import Lattice, UnavailableError
from eocene.process.catalogue import find_collection_cube, find_stac_cube
from eocene.process.registry import process
from eocene.process.types import Bands, Context, TemporalInterval

CollectionId = Annotated[str, {"type": "string", "subtype": "collection-id"}]
Uri = Annotated[str, {"type": "string", "format": "uri", "subtype": "uri"}]
Source = Annotated[CubeSource, {"type": "object", "subtype": "datacube"}]
Extent = Annotated[
    Any,
    [
        {"type": "object", "subtype": "bounding-box", "required": ["west", "south", "east", "north"]},
        {"type": "object", "subtype": "geojson"},
        {"type": "null"},
    ],
]


@process("cubes", "import", kind="source")
def load_collection(
    id: CollectionId,
    spatial_extent: Extent = None,
    temporal_extent: TemporalInterval = None,
    bands: Bands = None,
    properties: Context = None,
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
        A box or GeoJSON; null for all there is.
    temporal_extent
        Start and end, the end excluded; null for all there is.
    bands
        Band names or common names; null for all.
    properties
        Conditions on item properties: name → process graph with the parameter ``value``.
    """
    if properties:
        raise UnavailableError(
            "Filtering load_collection by properties is not built.",
            "Leave 'properties' out and mask by a band such as SCL.",
        )
    return find_collection_cube(_archive, id, spatial_extent, temporal_extent, bands, _lattice)


@process("cubes", "import", kind="source")
def load_stac(
    url: Uri,
    spatial_extent: Extent = None,
    temporal_extent: TemporalInterval = None,
    bands: Bands = None,
    properties: Context = None,
    *,
    _archive: Archive,
    _lattice: Lattice | None,
) -> Source:
    """Load the result of a job, or another static STAC collection, that lies in this workspace.

    As the specification says, scale and offset are not applied.

    Parameters
    ----------
    url
        Path of a collection.json, relative to the workspace, such as results/<job>/collection.json.
    spatial_extent
        A box or GeoJSON; null for all there is.
    temporal_extent
        Start and end, the end excluded; null for all there is.
    bands
        Band names; null for all.
    properties
        Not built.
    """
    if properties:
        raise UnavailableError("Filtering load_stac by properties is not built.", "Leave 'properties' out.")
    return find_stac_cube(_archive, url, spatial_extent, temporal_extent, bands, _lattice)

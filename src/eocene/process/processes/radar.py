"""Processes on radar images.

Source: openEO process proposal sar_backscatter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from eocene.archive import Archive
from eocene.archive.rasters.calibration import COEFFICIENTS, UNCALIBRATED
from eocene.archive.rasters.sentinel1 import COEFFICIENT, INCIDENCE, MASK, NOISE_REMOVED, is_sentinel1
from eocene.cube.source import CubeSource
from eocene.model import Band, InputError, Lattice, UnavailableError
from eocene.process.registry import process
from eocene.process.types import Flag, cube

if TYPE_CHECKING:
    from collections.abc import Mapping

_TERRAIN = ("gamma0-terrain", "sigma0-terrain")
_KNOWN = ["beta0", "sigma0-ellipsoid", "sigma0-terrain", "gamma0-ellipsoid", "gamma0-terrain"]
_NO_OPTIONS: dict[str, Any] = {}

Radar = Annotated[CubeSource, cube({"type": "spatial", "axis": ["x", "y"]}, {"type": "bands"})]
Coefficient = Annotated[
    Any,
    [{"type": "string", "enum": _KNOWN}, {"title": "Non-normalized backscatter", "type": "null"}],
]
ElevationModel = Annotated[Any, [{"type": "string", "subtype": "collection-id"}, {"type": "null"}]]
BackscatterOptions = Annotated[Any, {"type": "object", "additionalProperties": False}]


@process("cubes", "sar", kind="source", experimental=True)
def sar_backscatter(  # noqa: PLR0917  openEO's parameters
    data: Radar,
    coefficient: Coefficient = "gamma0-terrain",
    elevation_model: ElevationModel = None,
    mask: Flag = False,
    contributing_area: Flag = False,
    local_incidence_angle: Flag = False,
    ellipsoid_incidence_angle: Flag = False,
    noise_removal: Flag = True,
    options: BackscatterOptions = _NO_OPTIONS,
    *,
    _archive: Archive,
    _lattice: Lattice | None,
) -> Radar:
    """Compute backscatter from Sentinel-1 GRD images as they were loaded, in linear power.

    It changes which of their tables the images are calibrated by, so it works directly on what a load process
    gives. Between pixels of an image values are interpolated bilinearly. What needs an elevation model is
    not offered: coefficients on the terrain, the contributing area and the local incidence angle.

    Parameters
    ----------
    data
        What load_collection gives of Sentinel-1 GRD products.
    coefficient
        beta0, sigma0-ellipsoid, gamma0-ellipsoid, or null for power that is not normalised. The default of
        openEO, gamma0-terrain, and sigma0-terrain are not offered.
    elevation_model
        Null; no coefficient that is offered uses one.
    mask
        Whether a band ``mask`` is added: 1 where there is backscatter, 0 where the image has none, no data
        outside of it.
    contributing_area
        False: it needs an elevation model.
    local_incidence_angle
        False: it needs an elevation model.
    ellipsoid_incidence_angle
        Whether a band of that name is added: the angle between the line of sight and the normal of the
        ellipsoid, in degrees.
    noise_removal
        Whether thermal noise is taken off, by the tables of the product; power does not become negative.
    options
        There are none.

    Raises
    ------
    DigitalElevationModelInvalid
        An elevation model is named where none can be used.
    """
    _check_offered(coefficient, contributing_area, local_incidence_angle)
    _check_unused(elevation_model, options)
    fields = {COEFFICIENT: coefficient or UNCALIBRATED, NOISE_REMOVED: noise_removal}
    added = [name for name, is_asked in ((MASK, mask), (INCIDENCE, ellipsoid_incidence_angle)) if is_asked]
    return _read_as(_check_radar(data), fields, added)


def _check_offered(coefficient: str | None, area: bool, angle: bool) -> None:
    """Raise where something is asked for that is not there, or that needs an elevation model."""
    if coefficient not in (*_KNOWN, None):
        raise InputError(
            f"There is no coefficient {coefficient!r}.",
            f"It is one of {', '.join(COEFFICIENTS)}, or null.",
            code="ProcessParameterInvalid",
        )
    wanted = [f"coefficient {coefficient!r}"] if coefficient in _TERRAIN else []
    wanted += ["contributing_area"] if area else []
    wanted += ["local_incidence_angle"] if angle else []
    if wanted:
        raise UnavailableError(
            f"Backscatter on the terrain is not built: {', '.join(wanted)}.",
            f"Ask for a coefficient of {', '.join(COEFFICIENTS)}, without angles and areas on the terrain.",
        )


def _check_unused(elevation_model: Any, options: Mapping[str, Any]) -> None:
    """Raise InputError for what changes nothing on the ellipsoid."""
    if elevation_model is not None:
        raise InputError(
            f"The elevation model {elevation_model!r} cannot be used: nothing on the ellipsoid needs one.",
            "Leave elevation_model out.",
            code="DigitalElevationModelInvalid",
        )
    if options:
        raise InputError(
            f"There is no option {min(options)!r}.", "Leave options out.", code="ProcessParameterInvalid"
        )


def _check_radar(data: Any) -> CubeSource:
    """Return the source of a cube all of whose bands are measurements, or raise InputError."""
    if not isinstance(data, CubeSource):
        raise InputError(
            "sar_backscatter got a cube that is not as it was loaded.",
            "Put it directly after load_collection, and filters after it.",
            code="ProcessParameterInvalid",
        )
    for item in data.items:
        for band in data.bands:
            if band.name in item["assets"] and not is_sentinel1(item["assets"][band.name]):
                raise InputError(
                    f"The band {band.name!r} of item {item['id']!r} does not say how it is calibrated.",
                    "Load bands of Sentinel-1 GRD products that were ingested as .SAFE folders or zip files.",
                    code="ProcessParameterInvalid",
                )
    return data


def _read_as(source: CubeSource, fields: Mapping[str, Any], added: list[str]) -> CubeSource:
    """Return the source of the same images read by other tables, with bands for what is added."""
    names = [band.name for band in source.bands]

    def change(item: Mapping[str, Any]) -> dict[str, Any]:
        images = {name: item["assets"][name] | fields for name in names if name in item["assets"]}
        first = next(iter(images.values()), None)
        more = {} if first is None else {name: first | {COEFFICIENT: name} for name in added}
        return {**item, "assets": {**item["assets"], **images, **more}}

    dates = tuple((label, tuple(change(item) for item in items)) for label, items in source.dates)
    bands = (*source.bands, *(Band(name, nodata=float("nan")) for name in added))
    return replace(
        source, dates=dates, bands=bands, rasters=type(source.rasters)(), described=type(source.described)()
    )

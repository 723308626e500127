"""A small Sentinel-3 product: a .SEN3 folder with NetCDF files in the geometry of a scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from pyproj import CRS, Transformer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SKEW = np.radians(12.0)
"""How far the rows of a scan stand from east."""

_TIMES = "20240501T100000_20240501T100300_20240502T120000"
_NAMES = {
    "OL_2_LFR": f"S3A_OL_2_LFR____{_TIMES}_0179_112_022_2160_PS1_O_NT_002",
    "SL_2_LST": f"S3B_SL_2_LST____{_TIMES}_0179_092_022_2160_PS2_O_NT_004",
}
_FILL = -(2**31)


def project_scan(origin: tuple[float, float]) -> CRS:
    """Return the projection around an origin (longitude, latitude) in which a scan is straight."""
    return CRS.from_dict({"proj": "laea", "lon_0": origin[0], "lat_0": origin[1], "datum": "WGS84"})


def locate_pixels(
    shape: tuple[int, int], origin: tuple[float, float] = (10.0, 48.0), gsd: float = 300.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude (rows, columns) of a scan whose rows run 12° south of east.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    origin : tuple of float
        Longitude and latitude of the centre of the first pixel, degrees.
    gsd : float
        Side of a pixel, metres.
    """
    rows, columns = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    cosine, sine = np.cos(SKEW), np.sin(SKEW)
    x, y = gsd * (cosine * columns - sine * rows), -gsd * (sine * columns + cosine * rows)
    to_degrees = Transformer.from_crs(project_scan(origin), 4326, always_xy=True)
    longitude, latitude = to_degrees.transform(x, y)
    return np.asarray(longitude), np.asarray(latitude)


def write_sen3(
    folder: Path,
    images: Mapping[str, NDArray[Any]],
    places: tuple[NDArray[np.float64], NDArray[np.float64]],
    kind: str = "OL_2_LFR",
) -> Path:
    """Write a product and return its path.

    Parameters
    ----------
    folder : Path
        Where it is made.
    images : mapping
        Stored numbers (rows, columns) by variable; each in a file of its name, in lower case.
    places : tuple of ndarray
        Longitude and latitude of each pixel, degrees, as :func:`locate_pixels` makes them.
    kind : str
        OL_2_LFR, or SL_2_LST with its coordinates on the grid "in".
    """
    name = _NAMES[kind]
    product = folder / f"{name}.SEN3"
    product.mkdir(parents=True)
    ending, file = ("", "geo_coordinates.nc") if kind.startswith("OL") else ("_in", "geodetic_in.nc")
    with h5py.File(product / file, "w") as stream:
        for variable, values in zip(("longitude", "latitude"), places, strict=True):
            stored = np.rint(values * 1e6).astype(np.int32)
            stream[f"{variable}{ending}"] = stored
            stream[f"{variable}{ending}"].attrs.update({"scale_factor": 1e-6, "_FillValue": np.int32(_FILL)})
    for variable, stored in images.items():
        with h5py.File(product / f"{variable.lower()}.nc", "w") as stream:
            stream.create_dataset(variable, data=stored, compression="gzip")
            attributes = {"scale_factor": 0.004, "add_offset": 0.1, "_FillValue": stored.dtype.type(255)}
            stream[variable].attrs.update(attributes if stored.dtype.kind == "u" else {})
    (product / "xfdumanifest.xml").write_text(_write_manifest(name, places))
    return product


def _write_manifest(name: str, places: tuple[NDArray[np.float64], NDArray[np.float64]]) -> str:
    corners = [(0, 0), (0, -1), (-1, -1), (-1, 0), (0, 0)]
    ring = " ".join(f"{places[1][corner]:.6f} {places[0][corner]:.6f}" for corner in corners)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:sentinel-safe="http://www.esa.int/safe/sentinel/1.1"
 xmlns:gml="http://www.opengis.net/gml" xmlns:sentinel3="http://www.esa.int/safe/sentinel/sentinel-3/1.0">
<metadataSection>
<sentinel-safe:startTime>2024-05-01T10:00:00.123456Z</sentinel-safe:startTime>
<sentinel-safe:stopTime>2024-05-01T10:03:00.123456Z</sentinel-safe:stopTime>
<sentinel-safe:orbitNumber type="start">42700</sentinel-safe:orbitNumber>
<sentinel-safe:relativeOrbitNumber type="start"
 groundTrackDirection="descending">22</sentinel-safe:relativeOrbitNumber>
<sentinel-safe:software name="IPF" version="06.14"/>
<sentinel-safe:footPrint><gml:posList>{ring}</gml:posList></sentinel-safe:footPrint>
<sentinel3:productName>{name}.SEN3</sentinel3:productName>
</metadataSection>
</xfdu:XFDU>
"""

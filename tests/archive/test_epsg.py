"""The codes of CRSs that do not say theirs: of real files' words, beside where GDAL puts points."""

from __future__ import annotations

import re

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod
from rasterio.transform import from_origin
from rasterio.warp import transform

from eocene.archive.epsg import find_epsg
from eocene.archive.rasters.cf_grid import find_epsg as find_cf_epsg
from eocene.archive.tiff.geotiff import read_grid
from eocene.model import InputError

GCS = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)
UTM = (
    'PROJCS["{name}",{gcs},PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",{east}],'
    'PARAMETER["False_Northing",{north}],PARAMETER["Central_Meridian",{meridian}],'
    'PARAMETER["Scale_Factor",{scale}],PARAMETER["Latitude_Of_Origin",0.0],UNIT["{unit}]]'
)
ZONE_33 = {
    "name": "WGS_1984_UTM_Zone_33N", "gcs": GCS, "east": 500000.0, "north": 0.0, "meridian": 15.0,
    "scale": 0.9996, "unit": 'Meter",1.0',
}  # fmt: skip
LAEA = (
    'PROJCS["{name}",GEOGCS["{geodetic}",DATUM["{datum}",SPHEROID["{sphere}",6378137,{flattening}]{shift}],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Lambert_Azimuthal_Equal_Area"],'
    'PARAMETER["latitude_of_center",52],PARAMETER["longitude_of_center",{longitude}],'
    'PARAMETER["false_easting",4321000],PARAMETER["false_northing",3210000],UNIT["metre",1]]'
)
ESRI_LAEA = {
    "name": "ETRS_1989_LAEA", "geodetic": "GCS_ETRS_1989", "datum": "D_ETRS_1989", "sphere": "GRS_1980",
    "flattening": 298.257222101, "shift": "", "longitude": 10,
}  # fmt: skip
UNNAMED = ESRI_LAEA | {"name": "unnamed", "geodetic": "GRS 1980(IUGG, 1980)", "datum": "unknown"}
SNAP = (
    'PROJCS["UTM Zone 33 / World Geodetic System 1984",GEOGCS["World Geodetic System 1984",'
    'DATUM["World Geodetic System 1984",SPHEROID["WGS 84",6378137.0,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0.0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.017453292519943295],AXIS["Geodetic longitude",EAST],AXIS["Geodetic latitude",NORTH]],'
    'PROJECTION["Transverse_Mercator"],PARAMETER["central_meridian",15.0],'
    'PARAMETER["latitude_of_origin",0.0],PARAMETER["scale_factor",0.9996],'
    'PARAMETER["false_easting",500000.0],PARAMETER["false_northing",0.0],UNIT["m",1.0],'
    'AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
)
SNAP_DEGREES = (
    'GEOGCS["WGS84(DD)",DATUM["WGS84",SPHEROID["WGS84",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],'
    'UNIT["degree",0.017453292519943295],AXIS["Geodetic longitude",EAST],AXIS["Geodetic latitude",NORTH]]'
)
RD = (
    'PROJCS["Amersfoort / RD New",GEOGCS["Amersfoort",DATUM["Amersfoort",SPHEROID["Bessel 1841",6377397.155,'
    "299.1528128],TOWGS84[565.2369,50.0087,465.658,-0.406857,0.350733,-1.87035,4.0812]],"
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Oblique_Stereographic"],'
    'PARAMETER["latitude_of_origin",52.15616055555555],PARAMETER["central_meridian",5.38763888888889],'
    'PARAMETER["scale_factor",0.9999079],PARAMETER["false_easting",155000],'
    'PARAMETER["false_northing",463000],UNIT["metre",1]]'
)
KNOWN = {
    "UTM by ESRI": (UTM.format(**ZONE_33), 32633),
    "UTM by SNAP": (SNAP, 32633),
    "degrees by SNAP": (SNAP_DEGREES, 4326),
    "degrees, longitude first": ("OGC:CRS84", 4326),
    "LAEA by ESRI": (LAEA.format(**ESRI_LAEA), 3035),
    "LAEA by an older GDAL": (LAEA.format(**ESRI_LAEA | {"flattening": 298.2572221010042}), 3035),
    "LAEA on an unnamed datum": (LAEA.format(**UNNAMED), 3035),
    "LAEA with a way to WGS 84": (LAEA.format(**UNNAMED | {"shift": ",TOWGS84[0,0,0,0,0,0,0]"}), 3035),
    "Finland by ESRI": (CRS.from_epsg(3067).to_wkt("WKT1_ESRI"), 3067),
    "Switzerland by ESRI": (CRS.from_epsg(2056).to_wkt("WKT1_ESRI"), 2056),
    "Britain by ESRI": (CRS.from_epsg(27700).to_wkt("WKT1_ESRI"), 27700),
    "a name of ESRI: Albers": ("ESRI:102039", 5070),
    "a name of ESRI: web maps": ("ESRI:102100", 3857),
    "a name of ESRI: the Arctic": ("ESRI:102017", 6931),
    "a name of ESRI: EASE": ("ESRI:54017", 6933),
    "a name of IGN": ("IGNF:LAMB93", 2154),
    "with heights above the geoid": ("EPSG:4326+3855", 4326),
    "with heights on a map": ("EPSG:25833+7837", 25833),
    "with heights above the ellipsoid": ("EPSG:4979", 4326),
    "a datum with a way that differs from PROJ's": (RD, 28992),
}
LIKE_NOTHING = {
    "a meridian of its own under a known name": UTM.format(**ZONE_33 | {"meridian": 16.0}),
    "a false easting of its own": UTM.format(**ZONE_33 | {"east": 500000.002}),
    "a scale of its own": UTM.format(**ZONE_33 | {"scale": 0.99960001}),
    "feet": UTM.format(**ZONE_33 | {"unit": 'Foot_US",0.304800609601219', "east": 1640416.67}),
    "another centre under a known name": LAEA.format(**ESRI_LAEA | {"longitude": 9}),
    "no parameters": 'LOCAL_CS["ETRS89 / LAEA Europe",UNIT["metre",1]]',
    "Mollweide": "ESRI:54009",
    "cylindrical of another latitude": "ESRI:54034",
    "the sphere of MODIS": "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m",
    "Bessel's ellipsoid somewhere": "+proj=tmerc +lon_0=12 +k=1 +x_0=4500000 +ellps=bessel +units=m",
    "GRS80 somewhere, in degrees": "+proj=longlat +ellps=GRS80",
    "the Moon": "IAU_2015:30100",
    "a file": "+proj=longlat +nadgrids=/etc/passwd",
    "nothing": "",
    "no CRS": "yesterday",
}


def write_tiff(path, crs):
    place = from_origin(9.0, 50.0, 0.1, 0.1) if CRS(crs).is_geographic else from_origin(4e5, 5e6, 10, 10)
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "uint8"}
    with rasterio.open(
        path, "w", **profile, crs=rasterio.crs.CRS.from_user_input(crs), transform=place
    ) as image:
        image.write(np.ones((1, 4, 4), np.uint8))
    return path


def measure_gap_m(crs, code):
    """How far apart GDAL puts points by the CRS and by the code, at most, over the area of the code."""
    west, south, east, north = CRS.from_epsg(code).area_of_use.bounds
    degrees = np.linspace(west, east, 7)[1:-1], np.linspace(south, north, 7)[1:-1]
    longitude, latitude = (axis.ravel() for axis in np.meshgrid(*degrees))
    x, y = transform("EPSG:4326", f"EPSG:{code}", longitude, latitude)
    ours, theirs = (transform(one, "EPSG:4326", x, y) for one in (crs, f"EPSG:{code}"))
    return np.max(Geod(ellps="WGS84").inv(*ours, *theirs)[2])


@pytest.mark.parametrize("name", KNOWN)
def test_a_crs_in_other_words_is_recognised_and_lies_where_gdal_puts_it(tmp_path, name):
    text, code = KNOWN[name]
    assert find_epsg(text) == code
    crs = rasterio.crs.CRS.from_user_input(text)
    assert find_cf_epsg([{"crs_wkt": crs.to_wkt()}]) == code
    if name != "a datum with a way that differs from PROJ's":
        assert measure_gap_m(crs, code) <= 1e-3
    with rasterio.open(write_tiff(tmp_path / "a.tif", text)) as image:
        assert read_grid(image, "a.tif").epsg == code


@pytest.mark.parametrize("name", LIKE_NOTHING)
def test_what_lies_elsewhere_or_nowhere_has_no_code(name):
    assert find_epsg(LIKE_NOTHING[name]) is None


def test_a_file_whose_crs_has_no_code_is_refused_with_what_to_do(tmp_path):
    with (
        rasterio.open(write_tiff(tmp_path / "a.tif", UTM.format(**ZONE_33 | {"meridian": 16.0}))) as image,
        pytest.raises(InputError, match="no EPSG code") as caught,
    ):
        read_grid(image, "a.tif")
    assert "-a_srs EPSG:" in caught.value.remedy


@given(
    st.sampled_from([32601, 32660, 32733, 25832, 3035, 3413, 3031, 2154, 27700, 5070, 28992]),
    st.integers(0, 5),
    st.sampled_from([1e-12, 1e-9, 1e-7, 1e-4, 0.1]),
    st.booleans(),
)
def test_a_parameter_that_is_changed_is_noticed_where_it_moves_pixels(code, number, change, rises):
    """Whatever code is found for a projection that was changed a little, GDAL puts its points there, too."""
    wkt = re.sub(
        r',AUTHORITY\["[^"]*","[^"]*"\]', "", rasterio.crs.CRS.from_epsg(code).to_wkt(version="WKT1_GDAL")
    )
    parameters = list(re.finditer(r'PARAMETER\["\w+",([-\d.e]+)\]', wkt))
    place = parameters[number % len(parameters)]
    value = float(place[1])
    changed = (value or 1.0) * (1 + change) if rises else value - change
    wkt = wkt[: place.start(1)] + repr(changed) + wkt[place.end(1) :]
    found = find_epsg(wkt)
    if found is not None:
        assert measure_gap_m(rasterio.crs.CRS.from_wkt(wkt), found) <= 1.1e-3


@pytest.mark.parametrize("code", [4326, 4258, 3857, 32631, 32733, 3035, 2221, 3133, 31467, 5514, 3003, 2193])
def test_a_crs_that_says_its_code_has_it(code):
    """Also where PROJ cannot compute it, as for some zones of Greenland."""
    assert find_epsg(rasterio.crs.CRS.from_epsg(code).to_wkt()) == code

"""Texts in files with the suffixes of other formats; SECRET and CANARY stand for what must not be touched."""

from __future__ import annotations

_SOURCE = """<SimpleSource><SourceFilename relativeToVRT='0'>{}</SourceFilename><SourceBand>1</SourceBand>
</SimpleSource>"""
_PROGRAM = """<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>
<PixelFunctionCode>import os; os.system('touch SECRET/ran')</PixelFunctionCode>"""


def _virtual(band: str) -> str:
    return f"""<VRTDataset rasterXSize='64' rasterYSize='64'><SRS>EPSG:32631</SRS>
<GeoTransform>500000,10,0,5600000,0,-10</GeoTransform>
<VRTRasterBand dataType='UInt16' band='1'>{band}</VRTRasterBand></VRTDataset>"""


def _features(crs: str) -> str:
    return f"""{{"type": "FeatureCollection", "crs": {{"properties": {{"name": "{crs}"}}}}, "features": [
{{"type": "Feature", "properties": {{"time": "2024-05-01"}},
"geometry": {{"type": "Point", "coordinates": [5, 50]}}}}]}}"""


def _stac(rel: str, href: str) -> str:
    return f"""{{"type": "Catalog", "id": "c", "stac_version": "1.1.0", "description": "d",
"links": [{{"rel": "{rel}", "href": "{href}"}}]}}"""


TEXTS = {
    "virtual raster .tif": _virtual(_SOURCE.format("SECRET/s_20240501.tif")),
    "virtual raster as JPEG 2000 .jp2": _virtual(_SOURCE.format("SECRET/s_20240501.tif")),
    "virtual raster as NetCDF .nc": _virtual(_SOURCE.format("SECRET/s_20240501.tif")),
    "virtual raster as GRIB .grib": _virtual(_SOURCE.format("SECRET/s_20240501.tif")),
    "virtual raster of a server .tif": _virtual(_SOURCE.format("/vsicurl/CANARY/a.tif")),
    "virtual raster by its own suffix .vrt": _virtual(_SOURCE.format("SECRET/s_20240501.tif")),
    "virtual raster with a program .tif": _virtual(_PROGRAM),
    "map service .tif": """<GDAL_WMS><Service name='TMS'>
<ServerUrl>CANARY/${z}/${x}/${y}</ServerUrl></Service>
<DataWindow><UpperLeftX>0</UpperLeftX><SizeX>64</SizeX><SizeY>64</SizeY></DataWindow></GDAL_WMS>""",
    "meta raster .tif": """<MRF_META><CachedSource><Source>SECRET/s_20240501.tif</Source></CachedSource>
<Raster>
<Size x='64' y='64' c='1'/><DataFile>SECRET/s_20240501.tif</DataFile></Raster></MRF_META>""",
    "meta raster by its own suffix .mrf": """<MRF_META><CachedSource><Source>CANARY/a</Source></CachedSource>
<Raster><Size x='64' y='64' c='1'/></Raster></MRF_META>""",
    "tile index .tif": """<GDALTileIndexDataset><IndexDataset>SECRET/s.geojson</IndexDataset>
<LocationField>location</LocationField></GDALTileIndexDataset>""",
    "virtual features .geojson": """<OGRVRTDataSource><OGRVRTLayer name='s'>
<SrcDataSource>SECRET/s.geojson</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>""",
    "virtual features as a GeoPackage .gpkg": """<OGRVRTDataSource><OGRVRTLayer name='s'>
<SrcDataSource>SECRET/s.geojson</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>""",
    "map of PDS .tif": """PDS_VERSION_ID = PDS3
RECORD_TYPE = FIXED_LENGTH
^IMAGE = "SECRET/s_20240501.tif"
OBJECT = IMAGE
 LINES = 64
 LINE_SAMPLES = 64
 SAMPLE_BITS = 16
END_OBJECT
END
""",
    "features of a server .json": '{"type": "FeatureCollection", "next": "CANARY/a", "features": []}',
    "STAC of a server .json": _stac("item", "CANARY/item.json"),
    "STAC of a folder outside .json": _stac("child", "file://SECRET/catalog.json"),
    "STAC of a list of users .json": _stac("item", "../../../../../../../etc/passwd"),
    "features whose CRS is a file .geojson": _features("+init=SECRET/s.geojson:x"),
    "features whose CRS has a grid .geojson": _features("+proj=longlat +nadgrids=SECRET/s.geojson +type=crs"),
    "entities .xml": '<!DOCTYPE a [<!ENTITY x SYSTEM "file://SECRET/s.geojson">]><a>&x;</a>',
    "deep JSON .geojson": "[" * 100_000,
    "deep STAC .json": '{"stac_version": "1.1.0", "a":' + '{"a":' * 100_000,
    "no numbers .geojson": """{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {},
"geometry": {"type": "Point", "coordinates": [1e999, NaN]}}]}""",
}
"""By a name that ends with the suffix."""

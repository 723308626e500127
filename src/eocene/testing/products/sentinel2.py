"""A small Sentinel-2 product: SAFE folder, metadata, lossless JPEG 2000 images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import shapely
from rasterio.warp import transform as transform_points

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

EPSG = 32631
WEST, NORTH = 600_000, 5_700_000
_TILE, _SENSED, _ORBIT = "T31UFS", "20240501T104619", "R051"
_OWN_GSD = {"B01": 60, "B09": 60, "B10": 60} | dict.fromkeys(("B02", "B03", "B04", "B08", "TCI"), 10)


def write_safe(
    folder: Path,
    images: Mapping[str, NDArray[Any]],
    *,
    level: str = "L2A",
    baseline: str = "05.10",
    offset: int | None = -1000,
) -> Path:
    """Write a SAFE folder and return its path.

    Parameters
    ----------
    folder : Path
        Where it is made.
    images : mapping
        Stored numbers by band, (rows, columns) or for TCI (3, rows, columns), all with the same corner
        (600000, 5700000) in EPSG:32631. A name such as B02_20m is a band at another resolution.
    level : str
        L1C or L2A.
    baseline : str
        The processing baseline.
    offset : int, optional
        What metadata say is to be added to stored reflectance; None where they say nothing.
    """
    stamp = f"{_SENSED}_N{baseline.replace('.', '')}_{_ORBIT}_{_TILE}"
    safe = folder / f"S2A_MSI{level}_{stamp}_20240501T150000.SAFE"
    granule = f"GRANULE/{level}_{_TILE}_A046271_20240501T105026"
    listed = []
    for name, pixels in images.items():
        band, _, gsd = name.partition("_")
        metres = int(gsd.removesuffix("m")) if gsd else _OWN_GSD.get(band, 20)
        place = f"{granule}/IMG_DATA/{_TILE}_{_SENSED}_{band}"
        if level == "L2A":
            place = f"{granule}/IMG_DATA/R{metres}m/{_TILE}_{_SENSED}_{band}_{metres}m"
        listed.append(place)
        write_jp2(safe / f"{place}.jp2", pixels, metres)
    extent_m = max(pixels.shape[-1] * _metres(name) for name, pixels in images.items())
    sheets = {
        "manifest.safe": '<?xml version="1.0"?><xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1"/>',
        f"MTD_MSI{level}.xml": _write_product(safe.name, level, baseline, offset, listed, extent_m),
        f"{granule}/MTD_TL.xml": _write_tile(level, baseline, extent_m),
    }
    for name, text in sheets.items():
        (safe / name).parent.mkdir(parents=True, exist_ok=True)
        (safe / name).write_text(text, encoding="utf-8")
    return safe


def write_jp2(path: Path, pixels: NDArray[Any], gsd: int) -> None:
    """Write stored numbers as a lossless JPEG 2000 image at the product's corner."""
    layers = np.atleast_3d(pixels.T).T if pixels.ndim == 2 else pixels
    profile = {
        "driver": "JP2OpenJPEG", "count": len(layers), "height": layers.shape[1], "width": layers.shape[2],
        "dtype": layers.dtype, "crs": f"EPSG:{EPSG}",
        "transform": rasterio.Affine(gsd, 0, WEST, 0, -gsd, NORTH),
        "QUALITY": "100", "REVERSIBLE": "YES", "tiled": True, "blockxsize": 64, "blockysize": 64,
        "YCBCR420": "NO", "YCC": "NO",
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(layers)


def _metres(name: str) -> int:
    band, _, gsd = name.partition("_")
    return int(gsd.removesuffix("m")) if gsd else _OWN_GSD.get(band, 20)


def _write_product(
    name: str, level: str, baseline: str, offset: int | None, images: list[str], extent_m: int
) -> str:
    prefix, tag = ("BOA_", "BOA_ADD_OFFSET") if level == "L2A" else ("", "RADIO_ADD_OFFSET")
    offsets = (
        "".join(f'<{tag} band_id="{n}">{offset}</{tag}>' for n in range(13)) if offset is not None else ""
    )
    box = shapely.box(WEST, NORTH - extent_m, WEST + extent_m, NORTH)
    longitudes, latitudes = transform_points(f"EPSG:{EPSG}", "EPSG:4326", *box.exterior.xy)
    corners = " ".join(f"{lat:.9f} {lon:.9f}" for lon, lat in zip(longitudes, latitudes, strict=True))
    listed = "\n".join(f"<IMAGE_FILE>{image}</IMAGE_FILE>" for image in images)
    number = level.removeprefix("L")
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{number}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>2024-05-01T10:46:19.024Z</PRODUCT_START_TIME>
<PRODUCT_STOP_TIME>2024-05-01T10:46:19.024Z</PRODUCT_STOP_TIME>
<PRODUCT_URI>{name}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-{number}</PROCESSING_LEVEL>
<PRODUCT_TYPE>S2MSI{number}</PRODUCT_TYPE>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<GENERATION_TIME>2024-05-01T15:00:00.000000Z</GENERATION_TIME>
<Datatake datatakeIdentifier="GS2A_20240501T104619_046271_N{baseline}">
<SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>
<DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
<SENSING_ORBIT_NUMBER>51</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
</Datatake>
<Product_Organisation><Granule_List><Granule imageFormat="JPEG2000">
{listed}
</Granule></Granule_List></Product_Organisation></Product_Info>
<Product_Image_Characteristics>
<{prefix}QUANTIFICATION_VALUE unit="none">10000</{prefix}QUANTIFICATION_VALUE>
{offsets}
<U>0.98</U>
</Product_Image_Characteristics></n1:General_Info>
<n1:Geometric_Info><EXT_POS_LIST>{corners} </EXT_POS_LIST></n1:Geometric_Info>
</n1:Level-{number}_User_Product>
"""


def _write_tile(level: str, baseline: str, extent_m: int) -> str:
    grids = "".join(
        f'<Size resolution="{m}"><NROWS>{extent_m // m}</NROWS><NCOLS>{extent_m // m}</NCOLS></Size>'
        f'<Geoposition resolution="{m}"><ULX>{WEST}</ULX><ULY>{NORTH}</ULY><XDIM>{m}</XDIM><YDIM>-{m}</YDIM>'
        "</Geoposition>\n"
        for m in (10, 20, 60)
    )
    identity = f"S2A_OPER_MSI_{level}_TL_2APS_20240501T150000_A046271_{_TILE}_N{baseline}"
    number = level.removeprefix("L")
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{number}_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Tile_Metadata.xsd">
<n1:General_Info>
<TILE_ID metadataLevel="Brief">{identity}</TILE_ID>
<DATASTRIP_ID>S2A_OPER_MSI_{level}_DS_2APS_20240501T150000_S20240501T105026_N{baseline}</DATASTRIP_ID>
</n1:General_Info>
<n1:Geometric_Info><Tile_Geocoding>
<HORIZONTAL_CS_CODE>EPSG:{EPSG}</HORIZONTAL_CS_CODE>
{grids}</Tile_Geocoding>
<Tile_Angles>
<Mean_Sun_Angle><ZENITH_ANGLE>38.5</ZENITH_ANGLE><AZIMUTH_ANGLE>160.25</AZIMUTH_ANGLE></Mean_Sun_Angle>
<Mean_Viewing_Incidence_Angle><ZENITH_ANGLE>4</ZENITH_ANGLE><AZIMUTH_ANGLE>359</AZIMUTH_ANGLE></Mean_Viewing_Incidence_Angle>
<Mean_Viewing_Incidence_Angle><ZENITH_ANGLE>6</ZENITH_ANGLE><AZIMUTH_ANGLE>3</AZIMUTH_ANGLE></Mean_Viewing_Incidence_Angle>
</Tile_Angles></n1:Geometric_Info>
<n1:Quality_Indicators_Info><CLOUDY_PIXEL_PERCENTAGE>12.5</CLOUDY_PIXEL_PERCENTAGE></n1:Quality_Indicators_Info>
</n1:Level-{number}_Tile_ID>
"""

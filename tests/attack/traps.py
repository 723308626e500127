"""Files that strangers might send: each leads elsewhere, runs something, waits for ever, or swells.

A trap is made in a folder of its own and returns the file that is handed in. ``secret`` is a folder with good
files that must not be touched, ``canary`` the URL of a server that must not be asked.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import zipfile
from typing import TYPE_CHECKING

import h5py
import numpy as np
import rasterio
from rasterio.transform import from_origin

from tests.attack.trap_texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRAPS: dict[str, Callable[[Path, Path, str], Path]] = {}


def trap(make: Callable[[Path, Path, str], Path]) -> Callable[[Path, Path, str], Path]:
    TRAPS[make.__name__] = make
    return make


def make_tiff(path: Path, size: int = 64, **options: object) -> Path:
    """Write a good GeoTIFF."""
    profile = {
        "driver": "GTiff", "width": size, "height": size, "count": 1, "dtype": "uint16", "crs": "EPSG:32631",
        "transform": from_origin(500_000, 5_600_000, 10, 10), **options,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile) as dataset:
        if size < 4096:
            dataset.write(np.full((size, size), 7, profile["dtype"]), 1)
    return path


def text_trap(name: str, suffix: str, text: str) -> None:
    """Add a trap that is a text in a file with the suffix of another format."""

    def make(folder: Path, secret: Path, canary: str) -> Path:
        path = folder / f"trap_20240501{suffix}"
        path.write_text(text.replace("SECRET", str(secret)).replace("CANARY", canary))
        return path

    TRAPS[name] = make


def link_trap(name: str, suffix: str, target: str) -> None:
    """Add a trap that is a symbolic link."""

    def make(folder: Path, secret: Path, _canary: str) -> Path:
        path = folder / f"trap_20240501{suffix}"
        path.symlink_to(target.replace("SECRET", str(secret)).replace("SELF", str(path)))
        return path

    TRAPS[name] = make


for _name, _suffix, _target in (
    ("link to a raster outside", ".tif", "SECRET/s_20240501.tif"),
    ("link to a NetCDF file outside", ".nc", "SECRET/s.nc"),
    ("link to a table outside", ".parquet", "SECRET/s.parquet"),
    ("link to features outside", ".geojson", "SECRET/s.geojson"),
    ("link to the list of users", ".json", "/etc/passwd"),
    ("link to itself", ".tif", "SELF"),
    ("link to nothing", ".tif", "SECRET/none.tif"),
    ("link to zeros without end", ".json", "/dev/zero"),
    ("link to this process's memory", ".tif", "/proc/self/mem"),
    ("link to what comes in", ".nc", "/dev/stdin"),
    ("link to a folder outside", ".d", "SECRET"),
):
    link_trap(_name, _suffix, _target)


def pipe_trap(suffix: str) -> None:
    """Add a trap that nobody ever writes into."""

    def make(folder: Path, _secret: Path, _canary: str) -> Path:
        path = folder / f"trap_20240501{suffix}"
        os.mkfifo(path)
        return path

    TRAPS[f"pipe {suffix}"] = make


for _suffix in (".tif", ".nc", ".json", ".parquet", ".gpkg", ".zip", ".jp2", ".grib"):
    pipe_trap(_suffix)


for _title, _text in TEXTS.items():
    _name, _, _suffix = _title.rpartition(" ")
    text_trap(_name, _suffix, _text)


@trap
def a_socket(folder: Path, _secret: Path, _canary: str) -> Path:
    path = folder / "s.tif"
    os.mknod(path, stat.S_IFSOCK | 0o600)  # bind() takes short paths only
    return path


@trap
def a_folder_with_the_suffix_of_a_file(folder: Path, _secret: Path, _canary: str) -> Path:
    (folder / "trap_20240501.tif").mkdir()
    return folder / "trap_20240501.tif"


@trap
def a_raster_with_links_beside_it(folder: Path, secret: Path, _canary: str) -> Path:
    path = make_tiff(folder / "trap_20240501.tif")
    for suffix in (".ovr", ".msk", ".aux.xml"):
        path.with_name(path.name + suffix).symlink_to(secret / "s_20240501.tif")
    return path


def hdf_trap(name: str, write: Callable[[h5py.File, Path], object], trick: str = "v") -> None:
    """Add a NetCDF file whose variable lies elsewhere."""

    def make(folder: Path, secret: Path, _canary: str) -> Path:
        path = folder / "trap_20240501.nc"
        with h5py.File(path, "w") as file:
            for axis, values in (
                ("y", 5_600_000 - 10.0 * np.arange(64)),
                ("x", 500_000 + 10.0 * np.arange(64)),
            ):
                file[axis] = values
                file[axis].make_scale(axis)
            file["crs"] = 0
            file["crs"].attrs["crs_wkt"] = "EPSG:32631"
            write(file, secret)
            if trick in file and isinstance(file.get(trick, getlink=True), h5py.HardLink):
                file[trick].attrs["grid_mapping"] = "crs"
                for number, axis in enumerate(("y", "x")):
                    file[trick].dims[number].attach_scale(file[axis])
        return path

    TRAPS[name] = make


def _virtual(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((64, 64), "f8")
    layout[:] = h5py.VirtualSource(str(secret / "s.nc"), "v", shape=(64, 64))
    file.create_virtual_dataset("v", layout)


hdf_trap("NetCDF, external link", lambda f, s: f.__setitem__("v", h5py.ExternalLink(str(s / "s.nc"), "v")))
hdf_trap("NetCDF, virtual data set", _virtual)
hdf_trap("NetCDF, external storage", lambda f, s: f.create_dataset(
    "v", (64, 64), "f8", external=[(str(s / "s.nc"), 0, h5py.h5f.UNLIMITED)]))  # fmt: skip


def _axis_elsewhere(file: h5py.File, secret: Path) -> None:
    file["v"] = np.ones((64, 64))
    del file["y"]
    file["y"] = h5py.ExternalLink(str(secret / "s.nc"), "y")


hdf_trap("NetCDF, axis elsewhere", _axis_elsewhere, "none")


@trap
def a_grid_of_nasa_whose_structure_lies_elsewhere(folder: Path, secret: Path, _canary: str) -> Path:
    path = folder / "VNP13A1.A2024121.h18v03.002.2024140000000.h5"
    with h5py.File(path, "w") as file:
        file["HDFEOS INFORMATION/StructMetadata.0"] = h5py.ExternalLink(str(secret / "s.nc"), "v")
        file["HDFEOS"] = h5py.ExternalLink(str(secret / "s.nc"), "/")
    return path


def zip_trap(name: str, *members: tuple[str, bytes], mode: int = 0o100644) -> None:
    """Add a zip file with members as given; SECRET stands for the folder outside."""

    def make(folder: Path, secret: Path, _canary: str) -> Path:
        path = folder / "S2A_MSIL2A_20240501T105621_N0510_R094_T31UFS_20240501T170000.zip"
        with zipfile.ZipFile(path, "w") as packed:
            for member, content in members:
                info = zipfile.ZipInfo(member.replace("SECRET", str(secret)))
                info.external_attr = mode << 16
                packed.writestr(info, content.replace(b"SECRET", os.fsencode(secret)))
        return path

    TRAPS[name] = make


_XML = b"""<?xml version="1.0"?><n1:Level-2A_User_Product xmlns:n1="x"><Granule_List>
<Granule imageFormat="JPEG2000"><IMAGE_FILE>%s</IMAGE_FILE></Granule></Granule_List>
</n1:Level-2A_User_Product>"""
zip_trap(
    "zip, names that lead upwards", ("../../secret/MTD_MSIL2A.xml", _XML), ("a/../../MTD_MSIL2A.xml", _XML)
)
zip_trap("zip, absolute names", ("SECRET/MTD_MSIL2A.xml", _XML), ("/etc/MTD_MSIL2A.xml", _XML))
zip_trap("zip, names for another system", ("..\\..\\MTD_MSIL2A.xml", _XML), ("C:\\MTD_MSIL2A.xml", _XML))
zip_trap("zip, members that are links", ("x.SAFE/MTD_MSIL2A.xml", b"SECRET/s.geojson"), mode=0o120777)
zip_trap(
    "zip, metadata that lead upwards", ("x.SAFE/MTD_MSIL2A.xml", _XML % b"../../../../SECRET/s_20240501")
)
zip_trap(
    "zip, entities",
    ("x.SAFE/MTD_MSIL2A.xml", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file://SECRET/s">]><a>&x;</a>'),
)
_LAUGHS = b"".join(b"<!ENTITY %c '%s'>" % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(12))
_LAUGHING = b"<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'>" + _LAUGHS + b"]><a>&m;</a>"
zip_trap("zip, a thousand laughs", ("x.SAFE/MTD_MSIL2A.xml", _LAUGHING))
zip_trap("zip, braces for GDAL", ("x.SAFE/MTD_MSIL2A.xml", _XML % b"a}/vsizip/{SECRET"))


@trap
def a_folder_whose_metadata_lead_upwards(folder: Path, secret: Path, _canary: str) -> Path:
    product = folder / "S2A_MSIL2A_20240501T105621_N0510_R094_T31UFS_20240501T170000.SAFE"
    product.mkdir()
    (product / "MTD_MSIL2A.xml").write_bytes(_XML % os.fsencode(f"../../..{secret}/s_20240501"))
    return product


@trap
def an_item_whose_assets_lie_outside(folder: Path, secret: Path, canary: str) -> Path:
    assets = {
        f"a{number}": {"href": href, "type": "image/tiff; application=geotiff", "roles": ["data"]}
        for number, href in enumerate(
            (f"{secret}/s_20240501.tif", f"{canary}/a.tif", "../../../secret/s_20240501.tif")
        )
    }
    item = {
        "type": "Feature", "stac_version": "1.1.0", "id": "i", "geometry": None, "links": [],
        "assets": assets, "properties": {"datetime": "2024-05-01T00:00:00Z"},
    }  # fmt: skip
    (folder / "item.json").write_text(json.dumps(item))
    return folder / "item.json"


@trap
def a_truncated_raster(folder: Path, _secret: Path, _canary: str) -> Path:
    path = make_tiff(folder / "trap_20240501.tif")
    path.write_bytes(path.read_bytes()[:-3000])
    return path


@trap
def a_raster_whose_directory_is_a_ring(folder: Path, _secret: Path, _canary: str) -> Path:
    entries = [(256, 4, 1, 64), (257, 4, 1, 64)]
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    path = folder / "trap_20240501.tif"
    path.write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + struct.pack("<I", 8))
    return path


@trap
def a_raster_whose_tables_are_endless(folder: Path, _secret: Path, _canary: str) -> Path:
    entries = [(256, 4, 1, 64), (257, 4, 1, 64), (273, 4, 0xFFFFFFFF, 8), (279, 4, 0xFFFFFFFF, 8)]
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    path = folder / "trap_20240501.tif"
    path.write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4))
    return path


@trap
def a_database_with_a_view_that_runs(folder: Path, _secret: Path, _canary: str) -> Path:
    import sqlite3

    path = folder / "trap_20240501.gpkg"
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE gpkg_spatial_ref_sys (srs_id, organization, organization_coordsys_id);"
            "CREATE TABLE gpkg_geometry_columns (table_name, column_name, srs_id);"
            "CREATE VIEW gpkg_contents AS "
            "SELECT load_extension('/tmp/x') AS table_name, 'features' AS data_type;"
        )
    database.close()
    return path


@trap
def a_table_whose_crs_has_a_grid(folder: Path, secret: Path, _canary: str) -> Path:
    import pyarrow.parquet as pq

    path = folder / "trap_20240501.parquet"
    table = pq.read_table(secret / "s.parquet")
    geo = json.loads(table.schema.metadata[b"geo"])
    base = geo["columns"]["geometry"]["crs"]
    file = {"name": "Latitude and longitude difference file", "value": f"{secret}/s.geojson"}
    method = {"method": {"name": "NTv2"}, "parameters": [file], "name": "t"}
    geo["columns"]["geometry"]["crs"] = {
        "type": "BoundCRS", "source_crs": base, "target_crs": base, "transformation": method,
    }  # fmt: skip
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo)}), path)
    return path

"""Nothing outside the workspace and the ingested folders is ever read, whatever an href says."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from eocene.archive.fetch import Door, parse_href
from eocene.model import DamageError, EoceneError, InputError, UnavailableError

TIFF = "image/tiff; application=geotiff"


@pytest.fixture
def places(tmp_path, products):
    """An allowed folder with a raster, and a secret one with rasters that must not be read."""
    inside = products.make_cog(tmp_path / "workspace" / "assets" / "a.tif", products.random_pixels(60, 60))
    secret = products.make_cog(tmp_path / "secret" / "s.tif", products.random_pixels(60, 60))
    (tmp_path / "workspace-2").mkdir()
    products.make_cog(tmp_path / "workspace-2" / "s.tif", products.random_pixels(60, 60))
    return inside, secret


def _hostile(inside: Path, secret: Path) -> list[str]:
    folder = inside.parent
    return [
        str(secret),
        f"file://{secret}",
        f"file://localhost{secret}",
        f"file://{str(secret).replace('secret', '%73ecret')}",
        f"file://evil.example{inside}",
        f"{folder}/../../secret/s.tif",
        f"{folder}/x/../../../secret/s.tif",
        f"{folder.parent}-2/s.tif",
        f"/vsifile{secret}",
        f"/vsisubfile/0_100,{secret}",
        f"/vsizip/{secret}",
        f"/vsizip/{{{secret}}}",
        f"/vsigzip/{secret}",
        f"/vsimem/x.tif{secret}",
        "/vsicurl/http://127.0.0.1:1/s.tif",
        "/VSICURL/http://127.0.0.1:1/s.tif",
        "/vsis3/bucket/s.tif",
        "/vsistdin/",
        f"{inside}/vsicurl/x",
        f"GTIFF_DIR:1:{secret}",
        f"GTIFF_RAW:{secret}",
        f'NETCDF:"{secret}":x',
        f"HDF5:{secret}://x",
        f"vrt://{secret}",
        f"<VRTDataset><SourceFilename>{secret}</SourceFilename></VRTDataset>",
        f"{inside}\x00{secret}",
        f"{inside}\n{secret}",
        f"{folder}/evil.vrt",
        f"{folder}/evil.VRT",
        "WMS:http://127.0.0.1:1/",
        "MEM:::DATAPOINTER=1",
        "//127.0.0.1/share/s.tif",
        "\\\\127.0.0.1\\share\\s.tif",
        "/etc/passwd",
        "/proc/self/environ",
        "/dev/zero",
        f"{folder}/fifo",
        f"{folder}/link.tif",
        f"{folder}/linked/s.tif",
        f"{folder}/loop.tif",
        str(folder),
        "relative/s.tif",
        "~/s.tif",
        "",
        " ",
        ".",
        "a" * 5000,
        f"{folder}/{'a' * 300}.tif",
        f"javascript:alert({secret})",
        "data:image/tiff;base64,AAAA",
    ]


def _set_traps(folder: Path, secret: Path) -> None:
    (folder / "evil.vrt").write_text(f"<VRTDataset><SourceFilename>{secret}</SourceFilename></VRTDataset>")
    (folder / "link.tif").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    (folder / "loop.tif").symlink_to(folder / "loop.tif")
    os.mkfifo(folder / "fifo")


def test_no_hostile_href_is_opened(archive, places, opened_files):
    inside, secret = places
    _set_traps(inside.parent, secret)
    hrefs = _hostile(inside, secret)
    assert len(hrefs) >= 50
    for href in hrefs:
        with pytest.raises(EoceneError):
            archive.door().resolve(href)  # so no library is even asked to open it
        for media_type in (TIFF, "application/x-netcdf"):
            with pytest.raises(EoceneError):
                archive.open_raster({"href": href, "type": media_type, "eocene:variable": "x"})
    outside = [path for path in opened_files if "secret" in path or path.startswith(("/etc/passwd", "/dev"))]
    assert outside == []


@pytest.fixture
def opened_files():
    """The paths that Python opens; GDAL and HDF5 are only called after the door has passed a path."""
    paths: list[str] = []
    active = [True]

    def listen(event, arguments):
        if event == "open" and active[0]:
            paths.append(str(arguments[0]))

    sys.addaudithook(listen)
    yield paths
    active[0] = False


def test_an_honest_href_is_opened_in_its_several_spellings(archive, places):
    inside, _ = places
    for href in (str(inside), f"file://{inside}", f"file://localhost{inside}", f"{inside.parent}/./a.tif"):
        assert archive.open_raster({"href": href, "type": TIFF}).levels[0].shape == (60, 60)


def test_a_link_inside_the_roots_is_followed(archive, places):
    inside, _ = places
    (inside.parent / "b.tif").symlink_to(inside)
    assert archive.open_raster({"href": str(inside.parent / "b.tif"), "type": TIFF}).levels


def test_a_url_that_the_operator_does_not_allow_is_refused_and_the_error_says_how_to_allow_it(archive):
    for href in ("https://example.org/a.tif", "http://127.0.0.1:1/a.tif", "s3://bucket/k.tif"):
        with pytest.raises(InputError, match="EOCENE_REMOTE"):
            archive.open_raster({"href": href, "type": TIFF})


def test_a_scheme_that_is_not_read_is_unavailable_and_the_error_says_what_to_do(archive):
    for href in ("GS://b/k", "ftp://x/y", "az://container/k"):
        with pytest.raises(UnavailableError, match="Download"):
            archive.open_raster({"href": href, "type": TIFF})


def test_a_missing_file_is_damage_that_names_it(archive, places):
    inside, _ = places
    with pytest.raises(DamageError, match=r"gone\.tif"):
        archive.open_raster({"href": str(inside.parent / "gone.tif"), "type": TIFF})


def test_a_root_that_is_a_file_lets_only_that_file_through(tmp_path):
    for name in ("a.tif", "a.tif.aux.xml", "b.tif"):
        (tmp_path / name).write_bytes(b"x")
    door = Door.of([tmp_path / "a.tif"])
    assert door.resolve(str(tmp_path / "a.tif")) == (tmp_path / "a.tif").resolve()
    with pytest.raises(InputError):
        door.resolve(str(tmp_path / "b.tif"))


def test_what_is_no_text_is_refused():
    for href in (None, 7, b"/a", ["a"]):
        with pytest.raises(InputError):
            parse_href(href)


def test_a_sidecar_cannot_redirect_a_raster(archive, places, products):
    """An .aux.xml, an .ovr and a world file beside a TIFF are not looked at."""
    inside, secret = places
    expected = archive.open_raster({"href": str(inside), "type": TIFF})
    grid, pixels = expected.levels, expected.read(expected.levels[0])
    expected.close()
    evil = f"<PAMDataset><SRS>EPSG:4326</SRS><Metadata domain='x'>{secret}</Metadata></PAMDataset>"
    inside.with_suffix(".tif.aux.xml").write_text(evil)
    inside.with_suffix(".tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    inside.with_suffix(".tif.ovr").write_bytes(secret.read_bytes())
    again = archive.open_raster({"href": str(inside), "type": TIFF})
    assert again.levels == grid
    np.testing.assert_array_equal(again.read(grid[0]), pixels)


def test_a_file_that_is_no_tiff_is_not_opened_by_another_driver(archive, places):
    inside, secret = places
    disguised = inside.with_name("disguised.tif")
    disguised.write_text(
        f'<VRTDataset rasterXSize="1" rasterYSize="1"><SourceFilename>{secret}</SourceFilename>'
    )
    with pytest.raises(DamageError, match="disguised"):
        archive.open_raster({"href": str(disguised), "type": TIFF})


@pytest.mark.parametrize("trick", ["external link", "virtual data set", "external storage", "group path"])
def test_a_netcdf_variable_that_lives_in_another_file_is_refused(archive, products, tmp_path, trick):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.ones((4, 5))
    path = products.make_netcdf(archive.layout.root / "a.nc", {"v": np.ones((4, 5), np.float32)})
    with h5py.File(path, "r+") as file:
        if trick == "external link":
            file["evil"] = h5py.ExternalLink(str(secret), "x")
        elif trick == "virtual data set":
            layout = h5py.VirtualLayout((4, 5), "f8")
            layout[:] = h5py.VirtualSource(str(secret), "x", shape=(4, 5))
            file.create_virtual_dataset("evil", layout)
        elif trick == "external storage":
            file.create_dataset("evil", (4, 5), "f8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
        else:
            file["group/evil"] = h5py.ExternalLink(str(secret), "x")
    name = "group/evil" if trick == "group path" else "evil"
    with pytest.raises(InputError):
        archive.open_raster({"href": str(path), "type": "application/x-netcdf", "eocene:variable": name})


@pytest.mark.parametrize(
    "href", ["../../secret/s.tif", "/etc/passwd", "https://example.org/a.tif", "link.tif"]
)
def test_a_stac_item_cannot_bring_in_files_from_outside_its_folder(archive, products, tmp_path, href):
    secret = products.make_cog(tmp_path / "secret" / "s.tif", products.random_pixels(20, 20))
    folder = products.make_static_catalogue(tmp_path / "product")
    (folder / "s2" / "link.tif").symlink_to(secret)
    item = json.loads((folder / "s2" / "scene.json").read_text())
    item["assets"]["B04"]["href"] = href
    (folder / "s2" / "scene.json").write_text(json.dumps(item))
    with pytest.raises((InputError, UnavailableError)):
        archive.ingest(folder)
    assert archive.catalogue.collections() == []
    assert archive.catalogue.roots() == []


def test_a_catalogue_link_cannot_lead_outside(archive, products, tmp_path):
    (tmp_path / "secret.json").write_text(json.dumps(products.make_item("secret")))
    folder = tmp_path / "product"
    folder.mkdir()
    links = [{"rel": "item", "href": "../secret.json"}]
    document = {"type": "Catalog", "id": "c", "stac_version": "1.0.0", "description": "d", "links": links}
    (folder / "catalog.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="outside"):
        archive.ingest(folder)

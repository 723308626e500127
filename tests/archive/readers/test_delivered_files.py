"""What readers share: zip and tar files, XML, JPEG 2000 structure, footprints; each against hostile input."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from eocene.archive.fetch import LocalContent, describe_file
from eocene.archive.footprint import draw_footprint
from eocene.archive.packing.product_files import ProductFiles
from eocene.archive.packing.xml import Metadata, parse_xml
from eocene.archive.packing.zips import MEMBER, find_member, list_members, open_content
from eocene.archive.rasters.jp2_codestream import check_parts, read_image_size
from eocene.model import DamageError, EoceneError, InputError
from eocene.testing.products.sentinel2 import write_jp2, write_safe

BILLION = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    "content",
    [
        BILLION,
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>',
        b"<a>",
        b"",
        b"\xff\xfe<",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
    ],
    ids=["bomb", "external entity", "external type", "open", "empty", "bytes", "encoding"],
)
def test_xml_with_entities_types_or_faults_is_refused_by_the_name_of_its_file(content):
    with pytest.raises(DamageError, match=r"'product/MTD\.xml' cannot be read"):
        parse_xml(content, "product/MTD.xml")


@pytest.mark.parametrize("text", ["", "NaN", "1e400", "abc", "1,5"])
def test_a_number_that_is_none_names_file_and_field(text):
    with pytest.raises(DamageError, match=r"MTD\.xml.*ULX"):
        Metadata.parse(f"<a><ULX>{text}</ULX></a>".encode(), "MTD.xml").number("ULX")


@pytest.fixture(scope="module")
def jp2(tmp_path_factory):
    """An image of nine tiles, as bytes."""
    path = tmp_path_factory.mktemp("jp2") / "a.jp2"
    write_jp2(path, np.random.default_rng(1).integers(0, 4000, (150, 150), np.uint16), 10)
    return path.read_bytes()


def _content(folder, data):
    path = folder / "image.jp2"
    path.write_bytes(data)
    return LocalContent(path)


def test_a_whole_image_has_all_its_tiles(jp2, tmp_path):
    content = _content(tmp_path, jp2)
    size = read_image_size(content)
    assert (size.width, size.height, size.tile_width, size.tiles) == (150, 150, 64, 9)
    check_parts(content)


def test_an_image_that_is_cut_off_anywhere_is_refused(jp2, tmp_path):
    for length in np.unique(np.linspace(0, len(jp2) - 1, 200).astype(int)):
        with pytest.raises(DamageError, match=r"image\.jp2"):
            check_parts(_content(tmp_path, jp2[:length]))


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (8, (2**31, 2**31), "tiles of"),
        (24, (2**31, 2**31), None),
        (8, (0, 150), "empty image"),
        (24, (0, 64), "empty image"),
        (24, (1, 1), None),
    ],
)
def test_a_header_that_announces_what_cannot_be_is_refused(jp2, tmp_path, at, value, why):
    start = jp2.index(b"\xff\x4f\xff\x51")
    data = bytearray(jp2)
    struct.pack_into(">II", data, start + at, *value)
    if at == 8 and value[0]:
        struct.pack_into(">II", data, start + 24, *value)
    with pytest.raises(DamageError, match=why or "image"):
        check_parts(_content(tmp_path, bytes(data)))


@given(data=st.binary(max_size=200), where=st.integers(0, 400))
def test_no_bytes_in_a_header_end_in_another_error(jp2, tmp_path_factory, data, where):
    damaged = jp2[:where] + data + jp2[where + len(data) :]
    content = _content(tmp_path_factory.mktemp("any"), damaged)
    try:
        check_parts(content)
    except EoceneError as error:
        assert "image.jp2" in error.message  # noqa: PT017 - it may also be whole


def test_members_outside_of_a_zip_file_are_not_listed(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as stream:
        for name in ("../out.xml", "/etc/passwd", "a/../../b", "in/side.xml"):
            stream.writestr(zipfile.ZipInfo(name), "text")
    assert list(list_members(describe_file(path))) == ["in/side.xml"]
    for name in ("../out.xml", "/etc/passwd", "gone"):
        with pytest.raises(DamageError, match=r"a\.zip.*no such file"):
            find_member(path, name)
        with pytest.raises((DamageError, InputError)):
            ProductFiles(path).read(name)


def test_links_and_devices_of_a_tar_file_are_not_listed(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as stream:
        for name, kind in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            stream.addfile(info)
        info = tarfile.TarInfo("plain")
        info.size = 4
        stream.addfile(info, io.BytesIO(b"text"))
    assert list(list_members(describe_file(path))) == ["plain"]
    assert ProductFiles(path).read("plain") == b"text"


def test_a_stored_member_is_read_in_ranges_and_never_beyond(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as stream:
        stream.writestr("first", bytes(range(100)))
        stream.writestr("second", b"secret")
    content = open_content(path, "first")
    assert content.size == 100
    assert content.read(90, 50) == bytes(range(90, 100))
    assert content.read_many([(0, 3), (99, 9), (200, 5)]) == [b"\0\1\2", b"c", b""]


def test_a_member_with_a_wrong_checksum_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as stream:
        stream.writestr("MTD.xml", b"<a>words words</a>")
    path.write_bytes(path.read_bytes().replace(b"<a>words", b"<a>other"))
    with pytest.raises(DamageError, match=r"a\.zip/MTD\.xml.*CRC"):
        ProductFiles(path).read("MTD.xml")


@pytest.mark.parametrize(
    "member", ["/etc/passwd", "../B04.jp2", "/vsicurl/http://example.org/a.jp2", "x}/y.jp2"]
)
def test_an_asset_cannot_ask_for_what_is_not_in_its_zip_file(tmp_path, archive, member):
    safe = write_safe(tmp_path / "made", {"B04": np.ones((120, 120), np.uint16)})
    path = tmp_path / "product.zip"
    with zipfile.ZipFile(path, "w") as stream:
        for file in sorted(f for f in safe.rglob("*") if f.is_file()):
            stream.write(file, f"{safe.name}/{file.relative_to(safe)}")
    (item,) = archive.ingest(path)
    with pytest.raises(DamageError, match="no such file"):
        archive.open_raster(item["assets"]["B04"] | {MEMBER: member})


def test_a_ring_across_the_antimeridian_has_the_area_of_one_that_does_not():
    ring = np.array([[9.0, 10.0], [11.0, 10.2], [11.5, 12.0], [9.2, 12.4]])
    here, bbox = draw_footprint([tuple(p) for p in ring], "x")
    moved = (ring[:, 0] + 170.0 + 180.0) % 360.0 - 180.0
    there, other = draw_footprint(list(zip(moved, ring[:, 1], strict=True)), "x")
    assert there["type"] == "MultiPolygon"
    assert shape(there).area == pytest.approx(shape(here).area)
    assert other[0] > other[2]
    np.testing.assert_allclose((other[0] - 170, other[2] + 190), (bbox[0], bbox[2]))
    assert shapely.box(-180, -90, 180, 90).contains(shape(there))


@pytest.mark.parametrize(
    "corners", [[], [(0, 0), (1, 1)], [(0, 0), (1, 1), (2, 2)], [(0, 0), (1, 0), (0, 91)], [(np.nan, 0)] * 4]
)
def test_corners_without_an_area_on_the_earth_are_refused(corners):
    with pytest.raises(DamageError, match="'MTD' is no area on the Earth"):
        draw_footprint(corners, "MTD")

"""A TIFF of one pixel with the georeference of another file, of which GDAL tells CRS, place and no-data.

So GDAL never opens the file itself for that, wherever it lies, and asks no more than its tags say.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eocene.archive.tiff.image import ImageForm

_SHORT, _LONG, _BLACK_IS_ZERO = 3, 4, 1
_UNITS = {2: 1, 3: 2, 4: 4, 12: 8, 16: 8}
_MOST_SAMPLES = 4096


def make_skeleton(image: ImageForm) -> bytes:
    """Return a file of one pixel that has type, number of bands and georeference of an image.

    Raises
    ------
    ValueError
        If the image has no sensible number of bands.
    """
    order = image.byte_order
    samples = int(image.stored.get(277, (1,))[0])
    if not 0 < samples <= _MOST_SAMPLES:
        raise ValueError(f"{samples} bands")
    bits = image.stored.get(258, (1,))
    size = sum(bits) // 8 + 8 * samples

    def shorts(*values: int) -> tuple[int, int, bytes]:
        return _SHORT, len(values), struct.pack(f"{order}{len(values)}H", *values)

    def longs(*values: int) -> tuple[int, int, bytes]:
        return _LONG, len(values), struct.pack(f"{order}{len(values)}I", *values)

    entries = {
        256: shorts(1), 257: shorts(1), 258: shorts(*bits), 259: shorts(1), 262: shorts(_BLACK_IS_ZERO),
        273: longs(8), 277: shorts(samples), 278: shorts(1), 279: longs(size), 284: shorts(1),
    }  # fmt: skip
    if 339 in image.stored:
        entries[339] = shorts(*image.stored[339])
    if samples > 1:
        entries[338] = shorts(*[0] * (samples - 1))
    for tag, kind, data in image.georeference:
        if kind in _UNITS:
            entries[tag] = kind, len(data) // _UNITS[kind], data
    return _assemble(order, entries, size)


def _assemble(order: str, entries: dict[int, tuple[int, int, bytes]], size: int) -> bytes:
    """Return header, pixel, directory and what does not fit into it."""
    start = 8 + size + size % 2
    beyond = start + 2 + 12 * len(entries) + 4
    table, rest = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, count, data) in sorted(entries.items()):
        if len(data) > 4:
            place = struct.pack(f"{order}I", beyond + len(rest))
            rest += data + bytes(len(data) % 2)
        else:
            place = data.ljust(4, b"\0")
        table += struct.pack(f"{order}HHI", tag, kind, count) + place
    magic = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    return magic + bytes(start - 8) + table + bytes(4) + rest

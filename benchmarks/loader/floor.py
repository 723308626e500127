"""Decoding alone: ``python floor.py FOLDER``; every tile that lies under the grid, in two threads."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
from deflate import zlib_decompress
from meter import measured
from pyproj import Transformer
from scene import BANDS, COUNT, EPSG, SIZE, TILE, TILES, box, path_of

from eocene.archive.tiff.directory import read_images

EDGE = 512


def tiles_under(tile: str, pixel: int) -> list[tuple[int, int]]:
    """Return row and column of the tiles that the pixel centres of the grid lie in."""
    west, _, _, north = box()
    epsg, left, top = TILES[tile]
    steps = 5 + 10 * np.arange(SIZE)
    x, y = np.meshgrid(west + steps, north - steps)
    x, y = Transformer.from_crs(EPSG, epsg, always_xy=True).transform(x, y)
    rows, columns = ((np.floor(d / pixel)).astype(int) // EDGE for d in (top - y, x - left))
    most = -(-TILE * 10 // pixel // EDGE)  # the last ones lie in the image in part
    found = set(zip(rows.ravel().tolist(), columns.ravel().tolist(), strict=True))
    return [(r, c) for r, c in sorted(found) if 0 <= r < most and 0 <= c < most]


def decode(path: Path, tiles: list[tuple[int, int]], dtype: str) -> None:
    image = read_images(path)[0]
    out = np.empty((EDGE, EDGE), dtype)
    with path.open("rb") as file:
        for row, column in tiles:
            number = row * -(-image.width // EDGE) + column
            offset, length = int(image.offsets[number]), int(image.lengths[number])
            numbers = zlib_decompress(os.pread(file.fileno(), length, offset), out.nbytes)
            stored = np.frombuffer(numbers, dtype).reshape(out.shape)
            if dtype == "u2":
                imagecodecs.delta_decode(stored, axis=1, out=out)


def main(folder: Path) -> None:
    wanted = {(t, p): tiles_under(t, p) for t in TILES for p in (10, 20)}
    with measured(engine="decoding alone"), ThreadPoolExecutor(2) as pool:
        files = [(t, n, b) for n in range(COUNT) for b in (*BANDS, "SCL") for t in TILES]
        done = [
            pool.submit(
                decode,
                folder / path_of(t, n, b),
                wanted[t, 20 if b == "SCL" else 10],
                "u1" if b == "SCL" else "u2",
            )
            for t, n, b in files
        ]
        for each in done:
            each.result()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The hand-fused floor of the NDVI graph: one numba kernel, ``python floor.py FOLDER ndvi OUTPUT.npy``.

What no interpreter can be much faster than: strips are read ahead by one thread with GDAL while the kernel,
compiled before the clock starts, computes index, mask and medians in one pass over each pixel.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import rasterio
from data import dates, path_of
from meter import measured
from rasterio.windows import Window

COUNT, STRIP = 12, 512


@numba.njit(parallel=True, cache=True)
def compute(red: Any, nir: Any, scl: Any, months: Any, out: Any) -> None:
    """Fill ``out`` (months, rows, columns) with the medians of the masked index."""
    times, height, width = red.shape
    groups = out.shape[0]
    for y in numba.prange(height):
        kept = np.empty((groups, times), np.float32)
        count = np.empty(groups, np.int64)
        for x in range(width):
            count[:] = 0
            for t in range(times):
                s = scl[t, y, x]
                n, r = np.float32(nir[t, y, x]), np.float32(red[t, y, x])
                if s == 3 or s > 7 or n == 0 or r == 0:
                    continue
                v, k = (n - r) / (n + r), months[t]
                j = count[k]
                while j > 0 and kept[k, j - 1] > v:
                    kept[k, j] = kept[k, j - 1]
                    j -= 1
                kept[k, j] = v
                count[k] += 1
            for k in range(groups):
                c = count[k]
                if c == 0:
                    out[k, y, x] = np.nan
                elif c % 2:
                    out[k, y, x] = kept[k, c // 2]
                else:
                    out[k, y, x] = np.float32(0.5) * (kept[k, c // 2 - 1] + kept[k, c // 2])


def main(folder: Path, output: Path) -> None:
    numba.set_num_threads(2)
    months = np.array([d.month - 1 for d in dates(COUNT)])
    tiny = np.zeros((COUNT, 2, 2), np.uint16)
    compute(tiny, tiny, tiny, months, np.empty((months.max() + 1, 2, 2), np.float32))
    with measured(engine="floor", graph="ndvi"), ThreadPoolExecutor(1) as pool:
        files = [
            [rasterio.open(path_of(folder, "s2", i, b)) for i in range(COUNT)] for b in ("B04", "B08", "SCL")
        ]
        height, width = files[0][0].shape
        out = np.empty((months.max() + 1, height, width), np.float32)

        def read(top: int) -> list[Any]:
            window = Window(0, top, width, min(STRIP, height - top))
            return [np.stack([f.read(1, window=window) for f in band]) for band in files]

        ahead = pool.submit(read, 0)
        for top in range(0, height, STRIP):
            strips = ahead.result()
            if top + STRIP < height:
                ahead = pool.submit(read, top + STRIP)
            compute(*strips, months, out[:, top : top + STRIP])
    np.save(output, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[3]))

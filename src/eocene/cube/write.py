"""Write cubes block by block: cloud-optimised GeoTIFF for delivery, sharded Zarr v3 for reading again."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import rasterio.shutil
import xarray as xr
import zarr
from rasterio.windows import Window as RasterWindow
from zarr.codecs import BloscCodec

from eocene.cube.edge import edge_dtype, make_coordinates
from eocene.model.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.cube.block import Block
    from eocene.model import Grid

_TILE = 256


def stored_form(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], float]:
    """Return the dtype and the no-data number in which values of a dtype are stored.

    Floats keep their dtype and use NaN; booleans become uint8 with 255; integers use their largest
    value if unsigned, their smallest if signed.
    """
    if dtype.kind == "f":
        return dtype, float("nan")
    if dtype.kind == "b":
        return np.dtype(np.uint8), 255
    bounds = np.iinfo(dtype)
    return dtype, bounds.max if dtype.kind == "u" else bounds.min


def stored_numbers(block: Block) -> NDArray[Any]:
    """Return a block's values as they are stored, no-data filled in."""
    dtype, nodata = stored_form(block.values.dtype)
    values = block.values.astype(dtype, copy=False)
    return values if block.valid is None else np.where(block.valid, values, dtype.type(nodata))


class CogWriter:
    """Writes 2-D layers of one grid, each into a file of its own, as blocks come in.

    Use as a context manager; on leaving without an error the files are turned into COGs.

    Parameters
    ----------
    paths : sequence of Path
        One file a layer; a file may hold several layers as bands if ``bands`` says so.
    grid : Grid
        The extent.
    dtype : dtype
        Of the values, before :func:`stored_form`.
    bands : sequence of str
        Descriptions of the bands of each file.
    """

    def __init__(
        self, paths: Sequence[Path], grid: Grid, dtype: np.dtype[Any], bands: Sequence[str] = ("data",)
    ) -> None:
        self._paths = list(paths)
        self._grid = grid
        self._dtype, self._nodata = stored_form(dtype)
        self._bands = list(bands)
        self._stack = ExitStack()
        self._files: list[Any] = []

    def __enter__(self) -> CogWriter:
        for path in self._paths:
            options = {
                "driver": "GTiff", "width": self._grid.width, "height": self._grid.height,
                "count": len(self._bands), "dtype": self._dtype, "nodata": self._nodata,
                "crs": f"EPSG:{self._grid.epsg}", "transform": self._grid.transform,
                "tiled": True, "blockxsize": _TILE, "blockysize": _TILE, "BIGTIFF": "IF_SAFER",
            }  # fmt: skip
            file = self._stack.enter_context(rasterio.open(_draft(path), "w", **options))
            for number, name in enumerate(self._bands, start=1):
                file.set_band_description(number, name)
            self._files.append(file)
        return self

    def write(self, grid: Grid, layers: NDArray[Any]) -> None:
        """Write a window: ``layers`` (files, bands, height, width) of stored numbers."""
        rows, cols = grid.slices_in(self._grid)
        window = RasterWindow(cols.start, rows.start, grid.width, grid.height)
        for file, bands in zip(self._files, layers, strict=True):
            file.write(bands, window=window)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stack.close()
        try:
            for path in self._paths if kind is None else ():
                self._finish(path)
        except BaseException:
            for path in self._paths:  # all files of a result, or none
                path.unlink(missing_ok=True)
            raise
        finally:
            for path in self._paths:
                _draft(path).unlink(missing_ok=True)

    def _finish(self, path: Path) -> None:
        predictor = "FLOATING_POINT" if self._dtype.kind == "f" else "STANDARD"
        with replace_file(path) as temporary:
            rasterio.shutil.copy(
                _draft(path), temporary, driver="COG", COMPRESS="DEFLATE", LEVEL=6, PREDICTOR=predictor,
                BLOCKSIZE=_TILE, OVERVIEW_RESAMPLING="NEAREST", NUM_THREADS=1,
            )  # fmt: skip


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.stem}.draft.tif")


class ZarrWriter:
    """Writes a cube into a sharded Zarr v3 array ``data`` with coordinates that xarray reads.

    Parameters
    ----------
    path : Path
        The folder of the group.
    dims, labels
        Of the cube, y and x last.
    grid : Grid
        The extent.
    dtype : dtype
        Of the values.
    block : int
        Edge of the blocks that will be written: one shard each, so that writers do not meet.
    """

    def __init__(
        self,
        path: Path,
        dims: tuple[str, ...],
        labels: Mapping[str, tuple[Any, ...]],
        grid: Grid,
        dtype: np.dtype[Any],
        *,
        block: int,
    ) -> None:
        self._grid = grid
        self._dtype = edge_dtype(dtype)
        lead = tuple(len(labels[d]) for d in dims[:-2])
        chunk = min(64, block)
        coordinates = make_coordinates({d: labels[d] for d in dims[:-2]}, grid)
        xr.Dataset(coords=coordinates).to_zarr(path, mode="w", zarr_format=3, consolidated=False)
        group = zarr.open_group(path, mode="a")
        self._array = group.create_array(
            "data",
            shape=(*lead, *grid.shape),
            chunks=(*lead, chunk, chunk),
            shards=(*lead, block, block),
            dtype=self._dtype,
            fill_value=float("nan"),
            compressors=BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle"),
            dimension_names=dims,
            attributes={"grid_mapping": "spatial_ref", "crs": f"EPSG:{grid.epsg}"},
        )

    def write(self, block: Block, grid: Grid) -> None:
        """Write a window."""
        self._array[(..., *grid.slices_in(self._grid))] = block.filled().astype(self._dtype, copy=False)

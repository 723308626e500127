"""The processes that turn a cube into vectors: of every pixel, or of every chip of an absolute lattice."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import numpy as np

from eocene.archive import Archive
from eocene.learn.embed.encoder import Encoder
from eocene.learn.embed.encoders import ITEM, EncoderStore
from eocene.learn.processes.features import match_features, name_features
from eocene.learn.processes.handles import Model, unwrap
from eocene.model import Grid, InputError, Layout
from eocene.process.registry import process
from eocene.process.schema import grid_of
from eocene.process.types import Cube


@process("machine learning", "import", experimental=True)
def load_encoder(
    id: Annotated[str, {"type": "string", "subtype": "ml-model-id"}],  # noqa: A002 (openEO's name)
    *,
    _archive: Archive,
) -> Model:
    """Load an encoder of this workspace, for ml_embed.

    Parameters
    ----------
    id
        Its id, as ``eocene encoders`` lists it.
    """
    store = EncoderStore(_archive.layout.encoders)
    store.item(id)
    return _load(_archive.layout, id, (store.root / id / ITEM).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(layout: Layout, encoder_id: str, stamp: int) -> Encoder:
    """Load once for many plans; ``stamp`` tells a new folder from an old."""
    del stamp
    return EncoderStore(layout.encoders).load(encoder_id)


def _chips(grid: Grid, encoder: Encoder) -> Grid:
    """Return the grid whose pixels are the whole chips of a grid, at multiples of their size.

    Multiples are counted in absolute pixel numbers, so that a chip's vector depends on no window.
    """
    rows, cols = encoder.signature.chip or (1, 1)
    first_col, first_row = -(-grid.left // cols), -(-grid.top // rows)
    width = (grid.left + grid.width) // cols - first_col
    height = (grid.top + grid.height) // rows - first_row
    if width < 1 or height < 1:
        raise InputError(
            f"The cube of {grid.width} × {grid.height} pixels holds no whole chip of {cols} × {rows}.",
            "Load a larger extent.",
            code="ProcessParameterInvalid",
        )
    whole = Grid(grid.lattice, first_col * cols, first_row * rows, width * cols, height * rows)
    (rx, ry), (west, _, _, north) = whole.lattice.resolution, whole.bounds
    return Grid.from_transform(grid.epsg, (rx * cols, 0.0, west, 0.0, -ry * rows, north), width, height)


def _grid(arguments: dict[str, Any]) -> Grid:
    grid: Grid = arguments["data"].grid
    encoder = _check(arguments["model"])
    return grid if encoder.signature.of_pixels else _chips(grid, encoder)


def _need(window: Grid, arguments: dict[str, Any]) -> Grid:
    grid: Grid = arguments["data"].grid
    encoder = _check(arguments["model"])
    if encoder.signature.of_pixels:
        return window
    rows, cols = encoder.signature.chip or (1, 1)
    chips = _chips(grid, encoder)
    left = -(-grid.left // cols) + window.left - chips.left
    top = -(-grid.top // rows) + window.top - chips.top
    return Grid(grid.lattice, left * cols, top * rows, window.width * cols, window.height * rows)


@process("machine learning", "cubes", grid=_grid, need=_need, experimental=True)
def ml_embed(data: Cube, model: Model, *, _window: Grid | None = None) -> Cube:
    """Turn a cube into vectors that are near each other where it is alike.

    Parameters
    ----------
    data
        A cube whose labels along t and bands are those that the encoder was taught on, such as 2024-05/B04.
        More may be there; their order does not matter.
    model
        From load_encoder.

    Returns
    -------
    Cube
        Bands e000, e001, …: the numbers of a vector, float32. A pixel for each pixel; of an encoder of chips
        a pixel for each whole chip, counted from pixel 0 of the grid. No data where a sample has no value.
    """
    encoder = _check(model)
    signature = encoder.signature
    stacked = ("t", "bands") if signature.of_pixels else tuple(signature.layers)
    dims = tuple(d for d in stacked if d in data.dims)
    names = name_features(data, dims)
    columns = match_features(names, signature.layer_names, encoder.name)
    window = _window or _grid({"data": data, "model": encoder})
    if not signature.of_pixels:
        grid, (rows, cols) = grid_of(data), signature.chip or (1, 1)
        if _window is None:
            left, top = -(-grid.left // cols) * cols, -(-grid.top // rows) * rows
            grid = Grid(grid.lattice, left, top, grid.width, grid.height)
        shape = (window.width * cols, window.height * rows)
        data = data.crop(Grid(grid.lattice, grid.left, grid.top, *shape))
    rest = tuple(d for d in data.dims if d not in dims)
    values = data.filled().transpose([data.dims.index(d) for d in (*dims, *rest)])
    lead = values.shape[len(dims) : -2]
    layers = values.reshape(len(names), *lead, *values.shape[-2:])[columns].astype(np.float32)
    layers[~np.isfinite(layers)] = np.nan
    answer = _embed(encoder, layers, (*lead, *window.shape))
    kept = {k: v for k, v in data.labels.items() if k not in dims}
    at = len(rest) - 2
    return data.with_(
        values=np.moveaxis(answer, 0, at),
        valid=np.moveaxis(np.isfinite(answer), 0, at),
        dims=(*rest[:at], "bands", *rest[at:]),
        labels={**kept, "bands": tuple(f"e{number:03d}" for number in range(signature.length))},
        grid=window,
        common_names={},
        wavelengths={},
    )


def _embed(encoder: Encoder, layers: Any, shape: tuple[int, ...]) -> Any:
    """(layers, …, y, x) → (length, …) vectors of pixels or chips; NaN where a sample has no value."""
    chip = encoder.signature.chip or (1, 1)
    rows, cols = chip
    *front, height, width = layers.shape
    tiles = layers.reshape(*front, height // rows, rows, width // cols, cols)
    # (layers, …, y, rows, x, cols) → (…, y, x, layers, rows, cols)
    last = tiles.ndim
    order = [*range(1, last - 4), last - 4, last - 2, 0, last - 3, last - 1]
    samples = tiles.transpose(order).reshape(-1, len(layers), rows, cols)
    present = ~np.isnan(samples).all(axis=(1, 2, 3))
    answer = np.full((len(samples), encoder.signature.length), np.nan, np.float32)
    if present.any():
        answer[present] = encoder.embed(np.ascontiguousarray(samples[present]))
    return answer.T.reshape(encoder.signature.length, *shape)


def _check(model: Any) -> Encoder:
    found = unwrap(model)
    if not isinstance(found, Encoder):
        raise InputError(
            f"model is {type(found).__name__}, not a loaded encoder.",
            'Connect it to a node of load_encoder: {"from_node": "encoder"}.',
            code="ProcessParameterInvalid",
        )
    return found

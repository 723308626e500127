"""The processes by which models answer: of the numbers on each pixel, or of the chips around it.

Source: openEO processes, proposals ml_predict, ml_predict_probabilities and predict_random_forest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.learn.inference import Tiling, choose_tiling, predict_window
from eocene.learn.inference.windows import BATCH_BYTES, tile_bytes
from eocene.learn.predict import Predictor
from eocene.learn.processes.features import check_dimensions, match_features, name_features
from eocene.learn.processes.handles import Model, Training, check_model, find_predictor
from eocene.model import Grid, InputError
from eocene.process.registry import process
from eocene.process.types import Cube

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.learn.signature import Signature

Dimensions = Annotated[Any, {"type": "array", "items": {"type": "string"}}]
Overlap = Annotated[Any, {"type": ["integer", "null"], "minimum": 0}]
Blend = Annotated[str, {"type": "string", "enum": ["crop", "linear", "cosine"]}]
BANDS = ("class", "confidence")
_PIXEL_BYTES = 64
"""Of a pixel of tiles: its values, scores and weights, beside the batch that is worked on."""


def _tiling(arguments: dict[str, Any]) -> Tiling | None:
    """Return how a call of a model of chips cuts the plane; None for a model of pixels."""
    model = check_model(arguments["model"])
    if model.signature.of_pixels or isinstance(model, Training):
        return None
    signature = model.signature
    overlap, blend = arguments.get("overlap"), str(arguments.get("blend", "crop"))
    return choose_tiling(signature, model.reach, free=model.is_free, overlap=overlap, blend=blend)


def need_of_tiles(window: Grid, arguments: dict[str, Any]) -> Grid:
    """Return the tiles that a window rests on, within the cube."""
    tiling = _tiling(arguments)
    extent: Grid = arguments["data"].grid
    if tiling is None:
        return window
    return tiling.cover(window, extent).intersect(extent) or Grid(
        extent.lattice, extent.left, extent.top, 1, 1
    )


def weigh_pixel(arguments: dict[str, Any]) -> int:
    """Return the bytes of a pixel while it is worked on: all layers of the network, or tiles' share."""
    tiling = _tiling(arguments)
    if tiling is None:
        return 0
    predictor = find_predictor(arguments["model"])
    rows, cols = predictor.signature.chip or (1, 1)
    if tiling.exact:
        return _PIXEL_BYTES + 5 * predictor.sample_bytes // (4 * rows * cols)
    return _PIXEL_BYTES + max(BATCH_BYTES, tile_bytes(predictor, tiling)) // 1024**2


@process("machine learning", "cubes", need=need_of_tiles, heavy=weigh_pixel, experimental=True)
def ml_predict(
    data: Cube,
    model: Model,
    dimensions: Dimensions = ("t", "bands"),
    overlap: Overlap = None,
    blend: Blend = "crop",
    *,
    _window: Grid | None = None,
    _extent: Grid | None = None,
) -> Cube:
    """Answer for every pixel of a cube by a model.

    Parameters
    ----------
    data
        A cube whose labels along ``dimensions``, joined by a slash, are the features of the model,
        such as 2024-05/B04. More features than the model's may be there; their order does not matter.
    model
        From load_ml_model or ml_fit.
    dimensions
        The dimensions that make up the features; those that the cube lacks are left out.
    overlap
        Of a model of chips: pixels around a tile that are looked at too; null for as many as it looks at.
    blend
        Of a model of chips: whether tiles are cropped at the middle of their overlap ("crop") or blended
        over it ("linear", "cosine").

    Returns
    -------
    Cube
        Bands "class" (the value of the most probable class) and "confidence" (its probability), or "value"
        of a regression, float32; no data where no feature has a value.
    """
    found = check_model(model)
    scores = _Scores(data, found, dimensions, overlap, blend, _window, _extent)
    if scores.signature.is_regression:
        return scores.as_cube(scores.compute(), ("value",))
    return scores.as_cube(_decide(scores.compute(), tuple(scores.signature.classes)), BANDS)


def _decide(values: NDArray[np.float32], classes: tuple[int, ...]) -> NDArray[np.float32]:
    """Return class and confidence, (2, …), of (classes, …) probabilities; the first of equal ones wins.

    Class by class, since numpy's argmax over a first axis takes ten times as long.
    """
    answer = np.empty((2, *values.shape[1:]), np.float32)
    best, confidence = answer
    confidence[...] = values[0]
    best[...] = np.float32(classes[0])
    for value, layer in zip(classes[1:], values[1:], strict=True):
        np.copyto(best, np.float32(value), where=layer > confidence)
        np.maximum(confidence, layer, out=confidence)
    np.copyto(best, np.float32(np.nan), where=np.isnan(confidence))
    return answer


@process("machine learning", "cubes", need=need_of_tiles, heavy=weigh_pixel, experimental=True)
def ml_predict_probabilities(
    data: Cube,
    model: Model,
    dimensions: Dimensions = ("t", "bands"),
    overlap: Overlap = None,
    blend: Blend = "crop",
    *,
    _window: Grid | None = None,
    _extent: Grid | None = None,
) -> Cube:
    """Give every pixel of a cube the probability of each class.

    Parameters
    ----------
    data
        As of ml_predict.
    model
        A classifier from load_ml_model or ml_fit.
    dimensions
        As of ml_predict.
    overlap
        As of ml_predict.
    blend
        As of ml_predict.

    Returns
    -------
    Cube
        A band for each class, by its name, float32 from 0 to 1; no data where no feature has a value.
    """
    scores = _Scores(data, check_model(model), dimensions, overlap, blend, _window, _extent)
    if scores.signature.is_regression:
        raise InputError(
            "The model is a regression, which has no probabilities.",
            "Use ml_predict.",
            code="ProcessParameterInvalid",
        )
    return scores.as_cube(scores.compute(), tuple(scores.signature.classes.values()))


class _Scores:
    """What a model makes of a cube: (classes, …) scores, NaN where there is nothing to answer."""

    def __init__(
        self,
        data: Block,
        model: Predictor | Training,
        dimensions: Any,
        overlap: Any,
        blend: str,
        window: Grid | None,
        extent: Grid | None,
    ) -> None:
        self.data, self.model = data, model
        self.signature: Signature = model.signature
        self.dims = check_dimensions(data, dimensions)
        names = name_features(data, self.dims)
        wanted = self.signature.layer_names
        self.columns = match_features(names, wanted, getattr(model, "name", "The model"))
        self.rest = tuple(d for d in data.dims if d not in self.dims)
        self.window: Grid | None = None
        self.extent: Grid | None = None
        self.tiling: Tiling | None = None
        if not self.signature.of_pixels:
            self._place(window, extent, {"model": model, "overlap": overlap, "blend": blend})

    def _place(self, window: Grid | None, extent: Grid | None, arguments: dict[str, Any]) -> None:
        if self.rest != ("y", "x"):
            raise InputError(
                f"A model of chips takes {', '.join(self.signature.axes)}; the cube has "
                f"{', '.join(self.data.dims)}.",
                "Reduce the other dimensions first.",
                code="ProcessParameterInvalid",
            )
        self.tiling = _tiling(arguments)
        self.window, self.extent = window or self.data.grid, extent or self.data.grid

    def compute(self) -> NDArray[np.float32]:
        """Return the scores: (classes, y, x) of chips on the window, else (classes, …) of what is given."""
        values = self.data.filled()
        order = [self.data.dims.index(d) for d in (*self.dims, *self.rest)]
        shape = tuple(values.shape[self.data.dims.index(d)] for d in self.rest)
        stacked = values.transpose(order).reshape(-1, *shape)
        if self.columns != list(range(len(stacked))):
            stacked = stacked[self.columns]
        if self.tiling is None or self.window is None or self.extent is None or self.data.grid is None:
            return self._answer_rows(stacked.reshape(len(stacked), -1)).reshape(-1, *shape)
        layers = np.asarray(stacked, dtype=np.float32)
        finite = np.isfinite(layers)
        if not finite.all():
            layers = np.where(finite, layers, np.float32(np.nan))
        lengths = [len(labels) for labels in self.signature.layers.values()]
        chips = layers.reshape(*lengths, *shape)
        if not finite.any():
            return np.full((self.signature.width, *self.window.shape), np.nan, np.float32)
        predictor = find_predictor(self.model)
        return predict_window(predictor, chips, self.data.grid, self.window, self.extent, self.tiling)

    def _answer_rows(self, stacked: NDArray[Any]) -> NDArray[np.float32]:
        """(features, pixels) → (classes, pixels); pixels without any value are not asked about."""
        rows = np.ascontiguousarray(stacked.T, dtype=np.float32)
        # An infinite feature, as a division by zero gives, is a missing value too.
        rows[~np.isfinite(rows)] = np.nan
        present = ~np.isnan(rows).all(axis=1)
        answer = np.full((self.signature.width, len(rows)), np.nan, dtype=np.float32)
        if present.any():  # what is trained with the plan is so from here on, not while it is checked
            predictor = find_predictor(self.model)
            # A class of which no place had pixels was not learnt: its probability is 0.
            places = [list(self.signature.classes).index(value) for value in predictor.classes] or [0]
            known = np.zeros((self.signature.width, int(present.sum())), np.float32)
            known[places] = predictor.estimate_probabilities(rows[present]).T
            answer[:, present] = known
        return answer

    def as_cube(self, values: NDArray[np.float32], bands: tuple[str, ...]) -> Block:
        """Return scores as bands before y and x, or as the last dimension where there are no pixels."""
        kept = {k: v for k, v in self.data.labels.items() if k not in self.dims}
        at = len(self.rest) - 2 if self.rest[-2:] == ("y", "x") else len(self.rest)
        return self.data.with_(
            values=np.moveaxis(values, 0, at),
            valid=np.moveaxis(np.isfinite(values), 0, at),
            dims=(*self.rest[:at], "bands", *self.rest[at:]),
            labels={**kept, "bands": bands},
            grid=self.window if self.window is not None else self.data.grid,
            common_names={},
            wavelengths={},
        )

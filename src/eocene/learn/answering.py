"""Answers of a model to rows and to places, as JSON: what the REST interface and Python give alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from shapely.geometry import Point

from eocene.cube.edge import time_coordinate
from eocene.cube.geojson import read_geojson
from eocene.cube.inside import find_window, pixels_inside
from eocene.curate.naming import join_names
from eocene.learn.inference import choose_tiling, predict_window
from eocene.learn.processes.features import match_features
from eocene.model import Grid, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.cube.block import Block
    from eocene.cube.feature import Feature
    from eocene.learn.predict import Predictor

MOST_ROWS, MOST_PLACES = 10_000, 1000
_MOST_BYTES = 256 << 20
"""Of values that one place may hold in memory."""
_MARGIN_DEG = {True: 0.002, False: 0.05}
"""Around places, so that their pixels lie inside: of models of pixels, and of those that look around."""


def answer_rows(predictor: Predictor, rows: Any) -> list[Any]:
    """Return an answer a row.

    Parameters
    ----------
    predictor : Predictor
    rows : list
        Lists of numbers in the order of the model's features (nested as its chips are), or objects by their
        names; null is a missing value.

    Raises
    ------
    InputError
        If it is no such list, has more than 10,000 rows, or a row is not what the model takes.
    """
    table = read_rows(predictor, rows, MOST_ROWS)
    return tell(predictor, predictor.estimate_probabilities(table), table)


def read_rows(predictor: Predictor, rows: Any, most: int, what: str = "rows") -> NDArray[np.float32]:
    """Return rows as ``answer_rows`` takes them as samples of the model, NaN where a value is missing.

    Parameters
    ----------
    predictor : Predictor
    rows : list
    most : int
        How many there may be.
    what : str
        How they are called in errors.

    Raises
    ------
    InputError
        If it is no such list, has more rows, or a row is not what the model takes.
    """
    if not isinstance(rows, list) or len(rows) > most:
        raise _wrong(f"{what} is no list of rows, or of too many.", f"Give at most {most} lists or objects.")
    wanted = predictor.signature.sample
    table = np.empty((len(rows), *wanted), np.float32)
    for number, row in enumerate(rows):
        table[number] = _read_row(row, predictor, number).reshape(wanted)
    return table


def _read_row(row: Any, predictor: Predictor, number: int) -> NDArray[np.float32]:
    names = predictor.feature_names
    if isinstance(row, dict):
        unknown = [str(name)[:80] for name in row if name not in names]
        if unknown:
            raise _wrong(f"Row {number} has {unknown[0]!r}.", f"Features are {', '.join(names[:6])}, ….")
        row = [row.get(name) for name in names]
    flat = _flatten(row)
    numbers = all(v is None or (isinstance(v, int | float) and not isinstance(v, bool)) for v in flat)
    if len(flat) != len(names) or not numbers:
        raise _wrong(
            f"Row {number} does not hold {len(names)} numbers or nulls.",
            f"Give {', '.join(names[:6])}{', …' if len(names) > 6 else ''} in this order.",
        )
    with np.errstate(over="ignore"):
        values = np.array([math.nan if v is None else v for v in flat], np.float64).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return values


def _flatten(row: Any, depth: int = 5) -> list[Any]:
    if not isinstance(row, list):
        return [row]
    return [v for entry in row for v in _flatten(entry, depth - 1)] if depth else [row]


def tell(predictor: Predictor, scores: NDArray[np.float32], rows: NDArray[np.float32]) -> list[Any]:
    """Return scores (n, k) as JSON: class, name, confidence, probabilities, or a value; null without data."""
    known = [bool(np.isfinite(row).any()) for row in rows]
    return [_tell_one(predictor, line) if k else None for k, line in zip(known, scores, strict=True)]


def _tell_one(predictor: Predictor, line: NDArray[np.float32]) -> Any:
    if predictor.signature.is_regression:
        return {"value": float(line[0])}
    if line.ndim > 1:  # of a chip, an answer a pixel
        best = np.asarray(predictor.classes)[line.argmax(axis=0)]
        return {"classes": best.tolist(), "confidence": line.max(axis=0).tolist()}
    best = int(line.argmax())
    value = predictor.classes[best]
    shares = {predictor.class_names[v]: float(p) for v, p in zip(predictor.classes, line, strict=True)}
    return {
        "class": value,
        "name": predictor.class_names[value],
        "confidence": float(line[best]),
        "probabilities": shares,
    }


@dataclass(frozen=True)
class Places:
    """Places that a model is asked about, checked and planned; nothing is read yet.

    Parameters
    ----------
    predictor : Predictor
    plan : Plan
        Of the features of the model around the places.
    features : sequence of Feature
    shifted : bool
        Whether the features are of another time than those that the model was trained on.
    """

    predictor: Predictor
    plan: Any
    features: Sequence[Feature]
    shifted: bool

    @property
    def expected_s(self) -> float:
        """Processor seconds that answering is expected to take: the share of the plan that is read."""
        grid: Grid = self.plan.grid
        windows = [find_window(f.to_epsg(grid.epsg).geometry, grid) for f in self.features]
        pixels = sum(w.width * w.height for w in windows if w is not None)
        whole_s = float(self.plan.estimate().cpu_seconds)
        return whole_s * min(1.0, pixels / (grid.width * grid.height))

    def answer(self) -> list[Any]:
        """Return an answer a place: of a point that of the pixel under it, of an area its pixels counted."""
        return [_answer_place(self.predictor, self.plan, f, shifted=self.shifted) for f in self.features]


def plan_places(
    predictor: Predictor, document: Any, time: Any, plan_graph: Callable[[dict[str, Any]], Any]
) -> Places:
    """Return the places of a GeoJSON document, ready to be answered.

    Parameters
    ----------
    predictor : Predictor
        That tells the graph of its features.
    document : dict
        GeoJSON in EPSG:4326.
    time : list or None
        Start and end; None for those that the model was trained on.
    plan_graph : callable
        Makes a plan of a graph, as the caller may run it.

    Raises
    ------
    InputError
        If it is no GeoJSON, there are too many places, or the model does not tell its graph.
    """
    if not predictor.graph:
        raise _wrong("The model does not tell how its features are computed.", "Send rows of features.")
    features = read_geojson(document)
    if not 0 < len(features) <= MOST_PLACES:
        raise _wrong(f"There are {len(features)} places.", f"Give 1 to {MOST_PLACES}.")
    graph = place_graph(predictor.graph, features, time, of_pixels=predictor.signature.of_pixels)
    return Places(predictor, plan_graph(graph), features, shifted=time is not None)


def place_graph(
    graph: Mapping[str, Any], features: Sequence[Feature], time: Any, *, of_pixels: bool = True
) -> dict[str, Any]:
    """Return a graph of features that loads around some places, and at another time if one is given."""
    bounds = np.array([f.to_epsg(4326).geometry.bounds for f in features], np.float64)
    if not np.isfinite(bounds).all():
        raise _wrong("A geometry is empty.", "Give points or areas.")
    margin = _MARGIN_DEG[of_pixels]
    box = {
        "west": float(bounds[:, 0].min()) - margin,
        "south": float(bounds[:, 1].min()) - margin,
        "east": float(bounds[:, 2].max()) + margin,
        "north": float(bounds[:, 3].max()) + margin,
    }
    made = {}
    for key, entry in graph.items():
        node = dict(entry)
        if node.get("process_id") == "load_collection":
            node["arguments"] = {**node["arguments"], "spatial_extent": box}
            if time is not None:
                node["arguments"]["temporal_extent"] = time
        made[key] = node
    return made


def _answer_place(predictor: Predictor, plan: Any, feature: Feature, *, shifted: bool) -> Any:
    moved = feature.to_epsg(plan.grid.epsg)
    window = find_window(moved.geometry, plan.grid)
    if window is None:
        return None
    is_point = isinstance(moved.geometry, Point)
    if is_point:
        window = Grid(window.lattice, window.left, window.top, 1, 1)
    scores, known = _score(predictor, plan, window, shifted=shifted)
    if is_point:
        return _tell_one(predictor, scores[:, 0, 0]) if known[0, 0] else None
    return _count(predictor, scores, known & pixels_inside(moved.geometry, window))


def _score(
    predictor: Predictor, plan: Any, window: Grid, *, shifted: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return (k, y, x) scores of a window, and where there are any."""
    signature = predictor.signature
    if signature.of_pixels:
        rows = read_features(predictor, plan, window, shifted=shifted)
        flat = rows.reshape(len(rows), -1).T
        scores = predictor.estimate_probabilities(flat).T.reshape(-1, *window.shape)
        here: NDArray[np.bool_] = np.isfinite(rows).any(axis=0).reshape(window.shape)
        return scores, here
    tiling = choose_tiling(signature, predictor.reach, free=predictor.is_free)
    cover = tiling.cover(window, plan.grid).intersect(plan.grid) or window
    layers = read_features(predictor, plan, cover, shifted=shifted)
    lengths = [len(labels) for labels in signature.layers.values()]
    chips = layers.reshape(*lengths, *cover.shape)
    scores = predict_window(predictor, chips, cover, window, plan.grid, tiling)
    known: NDArray[np.bool_] = np.isfinite(scores).all(axis=0).reshape(window.shape)
    return scores, known


def read_features(predictor: Predictor, plan: Any, window: Grid, *, shifted: bool) -> NDArray[np.float32]:
    """Return the layers of a window, (layers, y, x), NaN where a value is missing."""
    size = window.width * window.height * plan.schema.probe.values.size * 8
    if size > _MOST_BYTES:
        raise InputError(
            f"The values at a place take {size / 1e6:.0f} MB; at most {_MOST_BYTES / 1e6:.0f} MB are read.",
            "Give a smaller area, or run ml_predict as a batch job.",
            code="ProcessGraphComplexity",
        )
    block: Block = plan.compute(window)
    dims = tuple(d for d in ("t", "bands") if d in block.dims)
    names = join_names([_labels(block, d, predictor, shifted=shifted) for d in dims])
    columns = match_features(names, predictor.signature.layer_names, predictor.name)
    values = block.filled().transpose([block.dims.index(d) for d in (*dims, "y", "x")])
    layers = values.reshape(-1, *window.shape)[columns].astype(np.float32)
    layers[~np.isfinite(layers)] = np.nan
    return layers


def _labels(block: Block, dim: str, predictor: Predictor, *, shifted: bool) -> Any:
    if dim != "t":
        return block.labels[dim]
    if not shifted:
        return time_coordinate(block.labels[dim])
    known = dict.fromkeys(name.split("/")[0] for name in predictor.signature.layer_names)
    if len(known) != len(block.labels[dim]):
        raise _wrong(
            f"At that time there are {len(block.labels[dim])} dates; the model takes {len(known)}.",
            "Give a time of the same length and season as the model was trained on.",
        )
    return tuple(known)


def _count(predictor: Predictor, scores: NDArray[np.float32], inside: NDArray[np.bool_]) -> Any:
    """Return how many pixels of an area are of each class, or the spread of a value."""
    total = int(inside.sum())
    if not total:
        return None
    part = scores[:, inside]
    if predictor.signature.is_regression:
        values = part[0].astype(np.float64)
        return {"pixels": total, "mean": float(values.mean()), "std": float(values.std()),
                "min": float(values.min()), "max": float(values.max())}  # fmt: skip
    counts = np.bincount(part.argmax(axis=0), minlength=len(part))
    return {
        "pixels": total,
        "confidence": float(part.max(axis=0).mean(dtype=np.float64)),
        "classes": [
            {"class": v, "name": predictor.class_names[v], "pixels": int(n), "share": int(n) / total}
            for v, n in zip(predictor.classes, counts, strict=True)
        ],
    }


def _wrong(message: str, remedy: str) -> InputError:
    return InputError(message, remedy, code="InvalidParameterValue")

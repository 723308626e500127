"""What is known of each sample: items, sensor, region, season, what is missing. Columns, never filters."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from eocene.cube.edge import parse_label
from eocene.model.grid import is_geographic, transformer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.model import Grid

SEASONS = np.array(["DJF", "MAM", "JJA", "SON"])
_REGION_M, _REGION_DEGREES = 100_000.0, 1.0


class ItemTracer:
    """Tells from which items samples come.

    Parameters
    ----------
    items : sequence of dict
        STAC items that a plan may read.
    epsg : int
        The CRS of the samples.

    Attributes
    ----------
    sets : dict of str to list of str
        What the names of several items stand for; grows while samples are traced.
    """

    def __init__(self, items: Sequence[Mapping[str, Any]], epsg: int) -> None:
        self._names = [f"{item.get('collection')}/{item['id']}" for item in items]
        self._sensors = [_name_sensor(item) for item in items]
        clouds = (item.get("properties", {}).get("eo:cloud_cover") for item in items)
        self._clouds = np.array([np.nan if cloud is None else float(cloud) for cloud in clouds], np.float32)
        self._shapes = np.array([_read_shape(item) for item in items], object)
        shapely.prepare(self._shapes)
        self._to_degrees = transformer(epsg, 4326)
        self.sets: dict[str, list[str]] = {}

    def trace(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
        """Return "item", "sensor" and "cloud_cover" (percent, the mean of the items') of places."""
        lon, lat = self._to_degrees.transform(x, y)
        inside = np.zeros((len(self._shapes), len(x)), bool)
        hull = shapely.box(np.min(lon), np.min(lat), np.max(lon), np.max(lat))
        for number, shape in enumerate(self._shapes):
            if shapely.contains_properly(shape, hull):
                inside[number] = True
            elif shapely.intersects(shape, hull):
                inside[number] = shapely.intersects_xy(shape, lon, lat)
        packed = np.packbits(np.r_[inside, np.zeros((1, len(x)), bool)], axis=0).T
        keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).reshape(-1)
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        told = [self._tell(np.flatnonzero(inside[:, k])) for k in first.tolist()]
        names, sensors, clouds = (np.array(values)[which] for values in zip(*told, strict=True))
        return {"item": names, "sensor": sensors, "cloud_cover": clouds.astype(np.float32)}

    def _tell(self, numbers: NDArray[np.intp]) -> tuple[str, str, float]:
        names = [self._names[k] for k in numbers]
        sensor = "+".join(sorted({self._sensors[k] for k in numbers}))
        known = self._clouds[numbers][~np.isnan(self._clouds[numbers])]
        cloud = float(known.mean()) if len(known) else float("nan")
        if len(names) < 2:
            return (names or [""])[0], sensor, cloud
        key = f"set-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:8]}"
        self.sets[key] = names
        return key, sensor, cloud


def part_items(items: Sequence[Mapping[str, Any]], times: Sequence[Any]) -> list[list[Mapping[str, Any]]]:
    """Return for each date the items seen from it on to the next one: periods are named by their start."""
    begins = np.array([parse_label(label) for label in times], "datetime64[s]")
    parts: list[list[Mapping[str, Any]]] = [[] for _ in times]
    order = np.argsort(begins, kind="stable")
    for item in items:
        told = item.get("properties", {})
        seen = told.get("datetime") or told.get("start_datetime")
        if seen is not None:
            place = int(np.searchsorted(begins[order], np.datetime64(seen[:19], "s"), side="right")) - 1
            parts[int(order[max(place, 0)])].append(item)
    return parts


def _name_sensor(item: Mapping[str, Any]) -> str:
    told = item.get("properties", {})
    return str(told.get("constellation") or told.get("platform") or item.get("collection") or "")


def _read_shape(item: Mapping[str, Any]) -> Any:
    geometry = item.get("geometry")
    return shapely.geometry.shape(geometry) if geometry else shapely.box(-180, -90, 180, 90)


def trace_time(missing: NDArray[np.bool_], labels: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Return when samples were seen, and how completely.

    Parameters
    ----------
    missing : (n, t) bool
        Where a sample has no value at all on a date.
    labels : sequence
        Of the dates; if they are no times, only what is missing is told.

    Returns
    -------
    dict
        "cloud": the share of dates without a value, which is what a graph that masks clouds leaves. "time":
        the middle one of the dates with a value; "time_start" and "time_end": the first and last;
        "season": the quarter of "time"; "coverage": the share of months that have a date with a value.
    """
    count, length = missing.shape
    told: dict[str, NDArray[Any]] = {"cloud": missing.mean(axis=1, dtype=np.float32)}
    try:
        times = np.array([parse_label(label) for label in labels], "datetime64[s]")
    except (TypeError, ValueError):
        return told
    if not length:
        return told
    order = np.argsort(times, kind="stable")
    times, seen = times[order], ~missing[:, order]
    rank = np.cumsum(seen, axis=1)
    nothing = rank[:, -1] == 0
    ends = {"time_start": np.ones(count, int), "time": (rank[:, -1] + 1) // 2, "time_end": rank[:, -1]}
    for name, wanted in ends.items():
        found = times[np.argmax(rank >= np.maximum(wanted, 1)[:, None], axis=1)]
        told[name] = np.where(nothing, np.datetime64("NaT", "s"), found)
    months = times.astype("datetime64[M]")
    numbers = told["time"].astype("datetime64[M]").astype(int) % 12
    told["season"] = np.where(nothing, "", SEASONS[(numbers + 1) % 12 // 3])
    seen_months = [seen[:, months == month].any(axis=1) for month in np.unique(months)]
    told["coverage"] = np.asarray(np.stack(seen_months).mean(axis=0, dtype=np.float32))
    return told


def name_regions(x: NDArray[np.float64], y: NDArray[np.float64], epsg: int) -> NDArray[np.str_]:
    """Return the square of 100 km, or of a degree, in which places lie, as ``epsg:column:row``."""
    edge = _REGION_DEGREES if is_geographic(epsg) else _REGION_M
    squares = np.stack([np.floor(x / edge), np.floor(y / edge)], axis=1).astype(np.int64)
    used, which = np.unique(squares, axis=0, return_inverse=True)
    return np.array([f"{epsg}:{column}:{row}" for column, row in used.tolist()])[which.reshape(-1)]


def measure_width(grid: Grid, pixels: int) -> float:
    """Return the edge of a square of pixels on the ground in metres."""
    height = float(grid.lattice.resolution[1]) * pixels
    return height * 111_320.0 if is_geographic(grid.epsg) else height

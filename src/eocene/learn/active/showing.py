"""A sample as a person sees it: chips as pictures, series as curves, rows as numbers, and the place."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from eocene.learn.explain.parts import unfold_names
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.curate import Samples

VIEWS = {
    "natural colour": (("B04", "B03", "B02"), ("red", "green", "blue")),
    "infrared": (("B08", "B04", "B03"), ("nir", "red", "green")),
}
_MOST_DATES, _MOST_VIEWS, _DRAWN = 12, 6, 400
_MISSING = 128


@dataclass(frozen=True)
class Showing:
    """Shows samples of a pool, all on one scale.

    Parameters
    ----------
    samples : Samples
    """

    samples: Samples

    def show(self, row: int) -> dict[str, Any]:
        """Return one sample as JSON.

        Returns
        -------
        dict
            "sample", "lon", "lat", "known" (time, item, region, sensor, cloud where there are such
            columns, in words) and "kind": of "chips" there are "views", each with a "name" and its
            "pictures" (PNG as data URIs, "dates" beside); of "series" "dates" and "curves" with "name",
            "low", "high", "values"; of "rows" "numbers" with "name", "value", "low", "high". A missing
            value is null.
        """
        lon, lat = self.places
        told = {"sample": row, "lon": float(lon[row]), "lat": float(lat[row]), "known": self._tell(row)}
        if "y" in self._shown.axes:
            return told | {"kind": "chips", **self._show_chip(row)}
        if "t" in self._shown.axes:
            return told | {"kind": "series", **self._show_series(row)}
        return told | {"kind": "rows", "numbers": self._show_numbers(row)}

    @cached_property
    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitudes and latitudes of all samples, in degrees."""
        lon, lat = transformer(self.samples.epsg, 4326).transform(self.samples.x, self.samples.y)
        return np.round(np.asarray(lon, float), 6), np.round(np.asarray(lat, float), 6)

    @cached_property
    def _shown(self) -> Samples:
        return unfold_names(self.samples)

    @cached_property
    def _limits(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The first and the ninety-ninth percentile of each band, or number of a row, over some samples."""
        drawn = np.random.default_rng(0).permutation(len(self._shown))[:_DRAWN]
        features = self._shown.features[np.sort(drawn)]
        dims = list(self._shown.axes)
        band = 1 + (dims.index("bands") if "bands" in dims else 0)
        planes = np.moveaxis(features, band, 0).reshape(features.shape[band], -1)
        limits = np.zeros((2, len(planes)))
        for number, plane in enumerate(planes):
            held = plane[np.isfinite(plane)]
            limits[:, number] = np.percentile(held, (1, 99)) if len(held) else (0, 1)
        return limits[0], np.maximum(limits[1], limits[0] + 1e-9)

    def _tell(self, row: int) -> dict[str, str]:
        names = ("time", "item", "region", "sensor", "cloud")
        columns = self.samples.columns
        held = {name: columns[name][row] for name in names if name in columns}
        sets = self.samples.sources.get("item_sets", {})
        return {name: _word(name, value, sets) for name, value in held.items()}

    def _show_numbers(self, row: int) -> list[dict[str, Any]]:
        low, high = self._limits
        return [
            {"name": name, "value": _number(value), "low": float(low[i]), "high": float(high[i])}
            for i, (name, value) in enumerate(
                zip(self._shown.feature_names, self._shown.features[row], strict=True)
            )
        ]

    def _show_series(self, row: int) -> dict[str, Any]:
        low, high = self._limits
        curves = [
            {"name": name, "low": float(low[i]), "high": float(high[i]), "values": list(map(_number, values))}
            for i, (name, values) in enumerate(
                zip(self._shown.axes["bands"], self._shown.features[row].T, strict=True)
            )
        ]
        return {"dates": list(self._shown.axes["t"]), "curves": curves}

    def _show_chip(self, row: int) -> dict[str, Any]:
        dates = list(self._shown.axes.get("t", ("",)))
        chips = self._shown.features[row]
        stack = chips if "t" in self._shown.axes else chips[None]
        chosen = np.unique(np.linspace(0, len(dates) - 1, min(len(dates), _MOST_DATES)).astype(int))
        views = [
            {"name": name, "pictures": [self._draw(stack[i], bands) for i in chosen]}
            for name, bands in self._name_views().items()
        ]
        return {"dates": [dates[i] for i in chosen if dates[i]], "views": views}

    def _name_views(self) -> dict[str, tuple[int, ...]]:
        """Return the band numbers of each view: pictures of three bands, then single bands."""
        names = list(self._shown.axes["bands"])
        found = {
            view: tuple(names.index(name) for name in bands)
            for view, choices in VIEWS.items()
            for bands in choices
            if set(bands) <= set(names)
        }
        single = {name: (i,) * 3 for i, name in enumerate(names)}
        return dict(list((found | single).items())[:_MOST_VIEWS])

    def _draw(self, chip: NDArray[Any], bands: tuple[int, ...]) -> str:
        """Return (bands, y, x) as a PNG, as large as it is; grey is missing."""
        low, high = self._limits
        picked = list(bands)
        shown = (chip[picked] - low[picked, None, None]) / (high - low)[picked, None, None]
        known = np.isfinite(shown).all(axis=0)
        image = np.where(known, np.clip(255 * np.nan_to_num(shown), 0, 255), _MISSING).astype(np.uint8)
        png = bytes(imagecodecs.png_encode(np.ascontiguousarray(np.moveaxis(image, 0, -1))))
        return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _word(name: str, value: Any, sets: Mapping[str, Any]) -> str:
    """Return what a column holds as a person reads it: a day, how many items, how much cloud."""
    shown = str(value)
    if name == "time":
        return shown.removesuffix("T00:00:00")
    if name == "item" and shown in sets:
        return f"{len(sets[shown])} items"
    if name == "cloud" and isinstance(value, float | np.floating) and np.isfinite(value):
        return f"{100 * value:.0f} % cloud"
    return f"region {shown}" if name == "region" else shown


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

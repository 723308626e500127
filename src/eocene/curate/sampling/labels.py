"""Labels as a function from a window to a raster: a band of the archive, points or polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import shapely

from eocene.cube.inside import find_window, pixels_inside
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from eocene.model import Grid
    from eocene.process import Plan


class LabelWindow(NamedTuple):
    """The labels of a window, each (height, width): class values, where there is one, which feature's."""

    values: NDArray[np.int64]
    valid: NDArray[np.bool_]
    feature: NDArray[np.int64]


class Labels(Protocol):
    """What tells the class of pixels."""

    @property
    def class_names(self) -> Mapping[int, str]:
        """Names of class values; others are named by their number."""
        ...

    @property
    def source(self) -> str:
        """Where they come from."""
        ...

    def read(self, window: Grid) -> LabelWindow:
        """Return the labels of a window."""
        ...

    def describe(self, features: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return what is known of the labels of samples: "label_source", and "label_time" if told."""
        ...


class RasterLabels:
    """Labels from a band with whole class values.

    Parameters
    ----------
    plan : Plan
        Of the band alone, of one date, on the pixels of the features (``make_plan(…, lattice=…)``).
    source : str
        Where it comes from, such as ``COLLECTION:BAND``.
    class_names : mapping of int to str
        Names of the classes.
    """

    def __init__(self, plan: Plan, source: str, class_names: Mapping[int, str] | None = None) -> None:
        self.plan, self.source = plan, source
        self.class_names: Mapping[int, str] = dict(class_names or {})

    def read(self, window: Grid) -> LabelWindow:
        """Return the labels of a window; none where the band has no data.

        Raises
        ------
        InputError
            If the plan has several bands or dates, or a label is not whole.
        """
        values = np.zeros(window.shape, np.int64)
        valid = np.zeros(window.shape, bool)
        inside = window.intersect(self.plan.grid)
        if inside is not None:
            raw = self.plan.compute(inside).filled()
            if raw.size != inside.height * inside.width:
                raise InputError(
                    f"The labels {self.source} are several a pixel.", "Name one band of one date."
                )
            here = inside.slices_in(window)
            found = raw.reshape(inside.shape)
            valid[here] = np.isfinite(found)
            whole = np.where(valid[here], found, 0)
            if not np.array_equal(whole, np.rint(whole)):
                raise InputError("A label is not a whole number.", "Load labels with the nearest resampling.")
            values[here] = whole
        return LabelWindow(values, valid, np.zeros(window.shape, np.int64))

    def describe(self, features: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the source for each sample."""
        return {"label_source": np.full(len(features), self.source)}


class FeatureLabels:
    """Labels from points, lines or polygons, each with a class.

    Parameters
    ----------
    shapes : (k,) array of geometries
        In the CRS of the features; of those that overlap, the last one counts.
    values : (k,) array of int
        Class values.
    source : str
        Where they come from; a sample names its feature by ``source#number``.
    class_names : mapping of int to str
        Names of the classes.
    times : (k,) array of datetime64, optional
        When each was seen.
    """

    def __init__(
        self,
        shapes: NDArray[Any],
        values: NDArray[Any],
        source: str,
        class_names: Mapping[int, str] | None = None,
        times: NDArray[Any] | None = None,
    ) -> None:
        self._shapes, self._values = np.asarray(shapes, object), np.asarray(values, np.int64)
        self.source, self.class_names = source, dict(class_names or {})
        self._times = None if times is None else np.asarray(times, "datetime64[s]")
        self._tree = shapely.STRtree(self._shapes)

    @classmethod
    def of(
        cls, table: gpd.GeoDataFrame, column: str, epsg: int, source: str, time: str | None = None
    ) -> FeatureLabels:
        """Return labels from a table of geometries.

        Parameters
        ----------
        table : GeoDataFrame
            With a CRS.
        column : str
            Holds class values or names; names are numbered from 1 in the order of the alphabet.
        epsg : int
            The CRS of the features.
        source : str
            Where the table comes from.
        time : str, optional
            The column that tells when each was seen.

        Raises
        ------
        InputError
            If a column is missing, there is no CRS, or a class is neither a text nor a whole number.
        """
        missing = [name for name in (column, time) if name is not None and name not in table]
        if missing or table.crs is None:
            raise InputError(
                f"The labels have no {', '.join(missing) or 'CRS'}.", f"There are {', '.join(table.columns)}."
            )
        raw = table[column].to_numpy()
        names: dict[int, str] = {}
        if raw.dtype.kind not in "iu":
            if not all(isinstance(value, str) for value in raw):
                raise InputError(f"The column {column!r} holds no classes.", "Give texts or whole numbers.")
            found, numbers = np.unique(raw.astype(str), return_inverse=True)
            names, raw = {k + 1: str(name) for k, name in enumerate(found)}, numbers + 1
        times = None if time is None else read_times(table, time)
        return cls(table.geometry.to_crs(epsg).to_numpy(), raw, source, names, times)

    def read(self, window: Grid) -> LabelWindow:
        """Return the labels of a window: of the pixels whose centre lies in a polygon, or under a point."""
        values, feature = np.zeros(window.shape, np.int64), np.full(window.shape, -1, np.int64)
        for number in np.sort(self._tree.query(shapely.box(*window.bounds))).tolist():
            part = find_window(self._shapes[number], window)
            if part is not None:
                here = part.slices_in(window)
                inside = pixels_inside(self._shapes[number], part)
                values[here][inside] = self._values[number]
                feature[here][inside] = number
        return LabelWindow(values, feature >= 0, feature)

    def describe(self, features: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the feature that labelled each sample, and when it was seen."""
        used, which = np.unique(features, return_inverse=True)
        names = np.array([f"{self.source}#{number}" for number in used.tolist()])
        told: dict[str, NDArray[Any]] = {"label_source": names[which]}
        if self._times is not None:
            told["label_time"] = self._times[features]
        return told


def read_times(table: gpd.GeoDataFrame, column: str) -> NDArray[Any]:
    """Return instants without a zone, in UTC; NaT where there is none."""
    import pandas as pd

    try:
        moments = pd.to_datetime(table[column], utc=True)
    except (ValueError, TypeError) as error:
        raise InputError(f"The column {column!r} holds no times: {error}.", "Write ISO 8601.") from error
    return np.asarray(moments.dt.tz_localize(None).to_numpy(), "datetime64[s]")


def find_purity(labels: LabelWindow) -> NDArray[Any]:
    """Return how pure pixels are: the share of the 3 × 3 around each that has its label.

    Parameters
    ----------
    labels : LabelWindow
        Of a window that is one pixel larger on each side than the result.
    """
    values, valid = labels.values, labels.valid
    height, width = values.shape[0] - 2, values.shape[1] - 2
    centre = values[1:-1, 1:-1]
    same = np.zeros((height, width), np.float32)
    for row in range(3):
        for column in range(3):
            here = (slice(row, row + height), slice(column, column + width))
            same += (values[here] == centre) & valid[here]
    return same / np.float32(9)

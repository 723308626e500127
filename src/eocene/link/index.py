"""The spatial index: every geometry of one state of the store, parsed and projected once."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyoxigraph import DefaultGraph, Literal

from eocene.link.geometry import MetricFrame, make_frame, parse_wkt
from eocene.link.rdf import AS_WKT, WKT_LITERAL
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from pyoxigraph import Store

_PARSED = 4096


class Shape:
    """A geometry in CRS84, and in metres once someone asks."""

    __slots__ = ("geometry", "metric")

    def __init__(self, geometry: Any) -> None:
        self.geometry = geometry
        self.metric: Any = None


class SpatialIndex:
    """Geometries by their WKT text, and joins over sets of them.

    It belongs to one immutable state of a store, so it never goes stale. Texts that are not in
    the store (constants of a query, results of buffer) are parsed and kept in an LRU of 4,096.

    Parameters
    ----------
    texts : iterable of str
        The lexical forms of all ``geo:wktLiteral`` in the store.
    metric_crs : int, optional
        EPSG code to measure in; by default the UTM zone of the extent.
    """

    def __init__(self, texts: Iterable[str], metric_crs: int | None = None) -> None:
        self._metric_crs = metric_crs
        self._shapes = _parse_all(texts)
        self._others: OrderedDict[str, Shape] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def of_store(cls, store: Store, metric_crs: int | None = None) -> SpatialIndex:
        """Index all ``geo:asWKT`` literals of the store, in whatever graph they are."""
        terms = (quad.object for quad in store.quads_for_pattern(None, AS_WKT, None, DefaultGraph()))
        return cls(
            (term.value for term in terms if isinstance(term, Literal) and term.datatype == WKT_LITERAL),
            metric_crs,
        )

    def __len__(self) -> int:
        return len(self._shapes)

    @cached_property
    def frame(self) -> MetricFrame | None:
        """The metric frame of all features; None while there is none and none was given."""
        if not self._shapes:
            return None if self._metric_crs is None else MetricFrame(self._metric_crs, 0.0)
        bounds = shapely.total_bounds(np.array([shape.geometry for shape in self._shapes.values()]))
        if np.isnan(bounds).any():
            return None
        return make_frame(bounds.tolist(), self._metric_crs)

    def shape(self, text: str) -> Shape:
        """Return the geometry of a WKT text; raises InputError if it is none."""
        found = self._shapes.get(text)
        if found is not None:
            return found
        with self._lock:
            found = self._others.pop(text, None) or Shape(parse_wkt(text))
            self._others[text] = found
            if len(self._others) > _PARSED:
                self._others.popitem(last=False)
        return found

    def metric(self, shape: Shape) -> Any:
        """Return the geometry in metres."""
        if shape.metric is None:
            shape.metric = self.frame_for(shape).project(shape.geometry)
        return shape.metric

    def frame_for(self, shape: Shape) -> MetricFrame:
        """Return the store's frame, or the UTM zone of the shape where the store is empty."""
        frame = self.frame or make_frame(shape.geometry.bounds, self._metric_crs)
        frame.check()
        return frame

    def find_within(
        self, left: Sequence[str], right: Sequence[str], metres: float
    ) -> NDArray[np.intp] | None:
        """Find pairs that may be nearer than ``metres``; a superset by rounding errors only.

        Returns
        -------
        array (n, 2) of positions in ``left`` and ``right``, or None if a text is not indexed.
        """
        a, b = self._collect(left, metric=True), self._collect(right, metric=True)
        if a is None or b is None:
            return None
        reach = metres * (1 + 1e-9) + 1e-6
        return shapely.STRtree(b).query(a, predicate="dwithin", distance=reach).T

    def find_intersecting(self, left: Sequence[str], right: Sequence[str]) -> NDArray[np.intp] | None:
        """Find pairs that intersect; as `find_within`."""
        a, b = self._collect(left, metric=False), self._collect(right, metric=False)
        if a is None or b is None:
            return None
        return shapely.STRtree(b).query(a, predicate="intersects").T

    def _collect(self, texts: Sequence[str], *, metric: bool) -> NDArray[Any] | None:
        shapes = [self._shapes.get(text) for text in texts]
        known = [shape for shape in shapes if shape is not None]
        if len(known) < len(shapes):
            return None
        if metric:
            self._project_all(known)
            return np.array([shape.metric for shape in known], dtype=object)
        return np.array([shape.geometry for shape in known], dtype=object)

    def _project_all(self, shapes: Sequence[Shape]) -> None:
        pending = [shape for shape in shapes if shape.metric is None]
        if not pending:
            return
        projected = self.frame_for(pending[0]).project(
            np.array([shape.geometry for shape in pending], dtype=object)
        )
        for shape, metric in zip(pending, projected, strict=True):
            shape.metric = metric


def _parse_all(texts: Iterable[str]) -> dict[str, Shape]:
    unique = list(dict.fromkeys(texts))
    plain = [text for text in unique if not text.lstrip().startswith("<")]
    geometries = shapely.force_2d(shapely.from_wkt(np.array(plain, dtype=object), on_invalid="ignore"))
    shapes = {
        text: Shape(geometry)
        for text, geometry in zip(plain, geometries, strict=True)
        if geometry is not None
    }
    for text in unique:
        if text.lstrip().startswith("<"):
            try:
                shapes[text] = Shape(parse_wkt(text))
            except InputError:
                continue  # A question that touches it says so; the others are still answered.
    return shapes

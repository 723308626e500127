"""Random graphs that plan: chains of processes of every family, with branches that come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from eocene.model import EoceneError, InputError
from eocene.process import make_plan
from tests.process.graphs import DATA, call, callback
from tests.process.invariance.world import EAST, NORTH, SOUTH, WEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.archive import Archive
    from eocene.process.run import Plan
    from eocene.process.schema import CubeSchema

X, Y = {"from_parameter": "x"}, {"from_parameter": "y"}
REDUCERS = (
    "mean", "median", "min", "max", "sum", "sd", "variance", "count", "first", "last", "product",
)  # fmt: skip
SERIES = {
    "array_interpolate_linear": {},
    "cumsum": {},
    "cummax": {},
    "cummin": {"ignore_nodata": False},
    "cumproduct": {},
    "sort": {"asc": False, "nodata": True},
    "order": {"nodata": False},
    "quantiles": {"probabilities": [0.1, 0.5, 0.9]},
    "extrema": {},
}
MAPPERS: dict[str, dict[str, Any]] = {
    "absolute": {}, "sqrt": {}, "int": {}, "sgn": {}, "sin": {}, "tanh": {}, "is_nodata": {}, "is_valid": {},
    "is_nan": {}, "round": {"p": 1}, "clip": {"min": 10, "max": 900}, "multiply": {"y": 0.37},
    "divide": {"y": 3}, "subtract": {"y": 200}, "gt": {"y": 200}, "between": {"min": 20, "max": 400},
    "mod": {"y": 7}, "linear_scale_range": {"inputMin": 0, "inputMax": 1000}, "arctan": {},
    "log": {"base": 10},
}  # fmt: skip
METHODS = (
    "near", "bilinear", "cubic", "cubicspline", "lanczos", "average", "mode", "max", "min", "med", "q1", "q3",
    "rms", "sum",
)  # fmt: skip
LATTICES = (
    {"resolution": 30}, {"resolution": 7}, {"resolution": [20, 15]},
    {"resolution": 0.00015, "projection": 4326}, {"resolution": 15, "projection": 3857},
    {"resolution": 12, "projection": 32633}, {"resolution": 25, "projection": 3035},
)  # fmt: skip
PERIODS = ("month", "week", "dekad", "season", "day", "year")


@dataclass
class Sketch:
    """A graph under construction, and what its last node gives."""

    archive: Archive
    nodes: dict[str, Any] = field(default_factory=dict)
    last: str = ""
    plan: Plan | None = None
    largest: int = 4_000_000
    """Of a node that would have more values another is tried."""

    @property
    def schema(self) -> CubeSchema:
        """Of the last node."""
        assert self.plan is not None
        return self.plan.schema

    @property
    def data(self) -> dict[str, str]:
        """A reference to the last node."""
        return {"from_node": self.last}

    def has(self, *dims: str) -> bool:
        """Tell whether the cube has pixels and these dimensions."""
        return self.schema.grid is not None and set(dims) <= set(self.schema.dims)

    def try_add(self, node: dict[str, Any], **beside: Any) -> bool:
        """Add a node, and those beside it that it refers to, unless the planner refuses the graph."""
        name = f"{node['process_id']}{len(self.nodes)}"
        nodes = {**self.nodes, **beside, name: node}
        try:
            plan = make_plan(finish(nodes, name), self.archive)
        except InputError:
            return False
        size = 1
        for length in plan.schema.shape:
            size *= length
        if not 0 < size <= self.largest:
            return False
        self.nodes, self.last, self.plan = nodes, name, plan
        return True


def finish(nodes: dict[str, Any], result: str) -> dict[str, Any]:
    """Return a graph with its result marked."""
    return {name: {**node, "result": True} if name == result else node for name, node in nodes.items()}


def box(west: float, south: float, east: float, north: float) -> dict[str, float]:
    """Return a part of the world: shares of its width and height."""
    width, height = EAST - WEST, NORTH - SOUTH
    return {
        "west": WEST + west * width, "south": SOUTH + south * height,
        "east": WEST + east * width, "north": SOUTH + north * height,
    }  # fmt: skip


@st.composite
def boxes(draw: st.DrawFn) -> dict[str, float]:
    """Return boxes that hold a part of the world."""
    west, south = draw(st.floats(0, 0.6)), draw(st.floats(0, 0.6))
    return box(west, south, draw(st.floats(west + 0.2, 1)), draw(st.floats(south + 0.2, 1)))


@st.composite
def polygons(draw: st.DrawFn) -> dict[str, Any]:
    """Return GeoJSON with triangles that overlap the world."""
    features = []
    for number in range(draw(st.integers(1, 3))):
        part = draw(boxes())
        tip = draw(st.floats(part["west"], part["east"]))
        ring = [
            [part["west"], part["south"]], [part["east"], part["south"]], [tip, part["north"]],
            [part["west"], part["south"]],
        ]  # fmt: skip
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"n": number}, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}


def mapper(process: str, **arguments: Any) -> dict[str, Any]:
    """Return a callback of one process on a value."""
    name = {"exp": "p"}.get(process, "x")
    return {"process_graph": {"only": call(process, result=True, **{name: X}, **arguments)}}


def two(process: str) -> dict[str, Any]:
    """Return a callback that combines two values."""
    return {"process_graph": {"only": call(process, x=X, y=Y, result=True)}}


def reducers(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(REDUCERS))
    return callback(name, **({"ignore_nodata": False} if draw(st.booleans()) and name != "count" else {}))


def _apply(draw: st.DrawFn, s: Sketch) -> bool:
    name = draw(st.sampled_from(sorted(MAPPERS)))
    return s.try_add(call("apply", data=s.data, process=mapper(name, **MAPPERS[name])))


def _series(draw: st.DrawFn, s: Sketch) -> bool:
    name = draw(st.sampled_from(sorted(SERIES)))
    dim = draw(st.sampled_from(s.schema.dims[:-2] or ("t",)))
    target = {"target_dimension": "parts"} if name in ("quantiles", "extrema") else {}
    process = callback(name, **SERIES[name])
    return s.try_add(call("apply_dimension", data=s.data, dimension=dim, process=process, **target))


def _reduce(draw: st.DrawFn, s: Sketch) -> bool:
    dim = draw(st.sampled_from(s.schema.dims[:-2] or ("t",)))
    return s.try_add(call("reduce_dimension", data=s.data, dimension=dim, reducer=reducers(draw)))


def _period(draw: st.DrawFn, s: Sketch) -> bool:
    period = draw(st.sampled_from(PERIODS))
    return s.try_add(call("aggregate_temporal_period", data=s.data, period=period, reducer=reducers(draw)))


def _intervals(draw: st.DrawFn, s: Sketch) -> bool:
    cuts = sorted(draw(st.sets(st.sampled_from(["01", "04", "05", "06", "07", "09"]), min_size=2)))
    pairs = [[f"2024-{a}-01", f"2024-{b}-01"] for a, b in pairwise(cuts)]
    return s.try_add(call("aggregate_temporal", data=s.data, intervals=pairs, reducer=reducers(draw)))


def _spring(draw: st.DrawFn, s: Sketch) -> bool:
    start = draw(st.sampled_from(["2024-04-01", "2024-04-05", "2024-05-01"]))
    return s.try_add(call("filter_temporal", data=s.data, extent=[start, "2024-06-12T12:00:00Z"]))


def _bands(draw: st.DrawFn, s: Sketch) -> bool:
    names = draw(st.lists(st.sampled_from(s.schema.bands or ("red",)), min_size=1, unique=True))
    return s.try_add(call("filter_bands", data=s.data, bands=names))


def _box(draw: st.DrawFn, s: Sketch) -> bool:
    return s.try_add(call("filter_bbox", data=s.data, extent=draw(boxes())))


def _outline(draw: st.DrawFn, s: Sketch) -> bool:
    return s.try_add(call("filter_spatial", data=s.data, geometries=draw(polygons())))


def _mask_polygon(draw: st.DrawFn, s: Sketch) -> bool:
    inside, value = draw(st.booleans()), draw(st.sampled_from([None, 5]))
    node = call("mask_polygon", data=s.data, mask=draw(polygons()), inside=inside, replacement=value)
    return s.try_add(node)


def _apply_polygon(draw: st.DrawFn, s: Sketch) -> bool:
    inner = {"process_graph": {"only": call("apply", data=DATA, process=mapper("absolute"), result=True)}}
    return s.try_add(call("apply_polygon", data=s.data, geometries=draw(polygons()), process=inner))


def _resample(draw: st.DrawFn, s: Sketch) -> bool:
    where, method = draw(st.sampled_from(LATTICES)), draw(st.sampled_from(METHODS))
    corner = draw(st.sampled_from(["upper-left", "lower-right"]))
    return s.try_add(call("resample_spatial", data=s.data, method=method, align=corner, **where))


def _resample_like(draw: st.DrawFn, s: Sketch) -> bool:
    other = call("load_collection", id="tiny", bands=["temp"], spatial_extent=draw(boxes()))
    coarse = call("resample_spatial", data={"from_node": "other"}, resolution=23, projection=32633)
    node = call(
        "resample_cube_spatial", data=s.data, target={"from_node": "coarse"},
        method=draw(st.sampled_from(METHODS)),
    )  # fmt: skip
    return "other" not in s.nodes and s.try_add(node, other=other, coarse=coarse)


def _kernel(draw: st.DrawFn, s: Sketch) -> bool:
    rows, cols = draw(st.sampled_from([(3, 3), (1, 5), (7, 3)]))
    weights = st.floats(-2, 2, allow_nan=False).map(lambda v: round(v, 3))
    kernel = [[draw(weights) for _ in range(cols)] for _ in range(rows)]
    border = draw(st.sampled_from([0, 3, "replicate", "reflect", "reflect_pixel", "wrap"]))
    return s.try_add(call("apply_kernel", data=s.data, kernel=kernel, factor=0.5, border=border))


def _neighborhood(draw: st.DrawFn, s: Sketch) -> bool:
    edge, around = draw(st.sampled_from([(4, 0), (5, 2), (16, 3)]))
    inner = {"process_graph": {"only": call("apply", data=DATA, process=mapper("sqrt"), result=True)}}
    pixels = [{"dimension": d, "value": edge, "unit": "px"} for d in ("x", "y")]
    margin = [{"dimension": d, "value": around, "unit": "px"} for d in ("x", "y")]
    return s.try_add(
        call(
            "apply_neighborhood", data=s.data, process=inner, size=pixels, overlap=margin if around else None
        )
    )


def _windows(draw: st.DrawFn, s: Sketch) -> bool:
    size = draw(st.sampled_from([[2, 2], [3, 5], [8, 4]]))
    return s.try_add(
        call(
            "aggregate_spatial_window", data=s.data, size=size, reducer=reducers(draw),
            boundary=draw(st.sampled_from(["pad", "trim"])),
            align=draw(st.sampled_from(["upper-left", "lower-right"])),
        )
    )  # fmt: skip


def _mask(draw: st.DrawFn, s: Sketch) -> bool:
    scl = call("load_collection", id="tiny", bands=["scl"])
    inner = call("gt", x={"from_node": "v"}, y=draw(st.integers(50, 220)), result=True)
    clouds = call(
        "reduce_dimension", data={"from_node": "scl"}, dimension="bands",
        reducer={"process_graph": {"v": call("array_element", data=DATA, index=0), "gt": inner}},
    )  # fmt: skip
    node = call(
        "mask", data=s.data, mask={"from_node": "clouds"}, replacement=draw(st.sampled_from([None, 1]))
    )
    return "scl" not in s.nodes and s.try_add(node, scl=scl, clouds=clouds)


def _anomaly(draw: st.DrawFn, s: Sketch) -> bool:
    mean = call("reduce_dimension", data=s.data, dimension="t", reducer=reducers(draw))
    node = call("merge_cubes", cube1=s.data, cube2={"from_node": "mean"}, overlap_resolver=two("subtract"))
    return "mean" not in s.nodes and s.try_add(node, mean=mean)


def _merge(draw: st.DrawFn, s: Sketch) -> bool:
    band = draw(st.sampled_from(["temp", "red", "nir"]))
    extent = draw(st.one_of(st.none(), boxes()))
    span = draw(st.sampled_from([None, ["2024-05-01", "2024-09-01"], ["2024-04-01", "2024-05-15"]]))
    more = call("load_collection", id="tiny", bands=[band], spatial_extent=extent, temporal_extent=span)
    resolver = draw(st.sampled_from(["add", "max", "subtract"]))
    inner = (
        {"process_graph": {"only": call("max", data=[X, Y], result=True)}}
        if resolver == "max"
        else two(resolver)
    )
    node = call("merge_cubes", cube1=s.data, cube2={"from_node": "more"}, overlap_resolver=inner)
    return "more" not in s.nodes and s.try_add(node, more=more)


def _index(draw: st.DrawFn, s: Sketch) -> bool:
    target = draw(st.sampled_from([None, "index"]))
    return s.try_add(call("ndvi", data=s.data, nir="nir", red="red", target_band=target))


def _trim(draw: st.DrawFn, s: Sketch) -> bool:
    return s.try_add(call("trim_cube", data=s.data))


def _rename(draw: st.DrawFn, s: Sketch) -> bool:
    target = "scene" if "t" in s.schema.dims else "spectral"
    return s.try_add(
        call("rename_dimension", data=s.data, source="t" if target == "scene" else "bands", target=target)
    )


def _flatten(draw: st.DrawFn, s: Sketch) -> bool:
    dims = list(s.schema.dims[:-2])
    return len(dims) > 1 and s.try_add(
        call("flatten_dimensions", data=s.data, dimensions=dims[:2], target_dimension="flat")
    )


def _normals(draw: st.DrawFn, s: Sketch) -> bool:
    period = draw(st.sampled_from(["month", "climatology-period", "day"]))
    normals = call("climatological_normal", data=s.data, period=period, climatology_period=[2024, 2024])
    node = call("anomaly", data=s.data, normals={"from_node": "normals"}, period=period)
    return "normals" not in s.nodes and s.try_add(node, normals=normals)


def _sampled_dates(draw: st.DrawFn, s: Sketch) -> bool:
    few = call("load_collection", id="tiny", bands=["temp"], temporal_extent=["2024-04-10", "2024-06-20"])
    within = draw(st.sampled_from([None, 12, 40]))
    node = call("resample_cube_temporal", data=s.data, target={"from_node": "few"}, valid_within=within)
    return "few" not in s.nodes and s.try_add(node, few=few)


STEPS: tuple[Callable[[st.DrawFn, Sketch], bool], ...] = (
    _apply, _series, _reduce, _period, _intervals, _spring, _bands, _box, _outline, _mask_polygon,
    _apply_polygon, _resample, _resample_like, _kernel, _neighborhood, _windows, _mask, _anomaly, _merge,
    _index, _trim, _rename, _flatten, _normals, _sampled_dates,
)  # fmt: skip


def _zones(draw: st.DrawFn, s: Sketch) -> bool:
    return s.try_add(
        call("aggregate_spatial", data=s.data, geometries=draw(polygons()), reducer=reducers(draw))
    )


def _all_pixels(draw: st.DrawFn, s: Sketch) -> bool:
    return s.try_add(call("reduce_spatial", data=s.data, reducer=reducers(draw)))


@st.composite
def graphs(draw: st.DrawFn, archive: Archive, *, longest: int = 4, **limits: int) -> dict[str, Any]:
    """Return a load, a chain of steps that plan, and now and then an end without pixels."""
    sketch = Sketch(archive, **limits)
    bands = draw(st.sampled_from([["red", "nir", "temp"], ["red", "nir"], ["temp"], ["scl", "nir"]]))
    extent = draw(st.one_of(st.none(), st.none(), boxes()))
    if not sketch.try_add(call("load_collection", id="tiny", bands=bands, spatial_extent=extent)):
        raise EoceneError("the world cannot be loaded", "Mend it.")
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=longest, unique=True)):
        if sketch.schema.grid is not None:
            step(draw, sketch)
    if draw(st.integers(0, 5)) == 0 and sketch.schema.grid is not None:
        draw(st.sampled_from([_zones, _all_pixels]))(draw, sketch)
    return finish(sketch.nodes, sketch.last)

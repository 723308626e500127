"""Random process graphs: sound in form by the processes' own descriptions, then damaged.

Half of the inputs are graphs as a client could make them, from any registered process; the others are
the same with a few values, names, references or bytes changed. All follow from the seed.
"""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NUMBERS = (
    0, 1, 2, 3, -1, -2, 10, 0.5, 1.5, -0.0, 100, 255, 256, 1e-308, 1e308, -1e308, 65_536, 2**31, 2**53 + 1,
    2**63 - 1, 2**63, -(2**63), 2**64 - 1, 10**12, 1e15, 10**30, 4326, 32632, 90, 180, -180, 91, 1e-9,
)  # fmt: skip
TEXTS = (
    "", "t", "x", "y", "bands", "geometry", "array", "B04", "B08", "tiny", "none", "mean", "near",
    "bilinear", "month", "day", "season", "year", "2024-05-01", "2024-05-11T10:00:00Z", "2024-13-45",
    "10:00:00", "0000-01-01", "second", "9999-12-31T23:59:60Z", "GTiff", "netCDF", "GeoJSON", "JSON",
    "Zarr", "EPSG:4326", "EPSG:0", "PROJCS[", "a" * 200, "ä€😀", "%Y", "{x}", "'; DROP TABLE items; --",
    "../../etc/passwd", "http://127.0.0.1:1/x", "file:///etc/passwd", ".*", "(", "(a+)+$", "1", "NaN",
    "null", "true", "\n", "\t", "inner", "left", "spatial", "temporal", "other",
)  # fmt: skip
BOX = {"west": 9.0, "south": 47.0, "east": 9.1, "north": 47.1}
POLYGON = {"type": "Polygon", "coordinates": [[[9, 47], [9.1, 47], [9.1, 47.1], [9, 47]]]}
OBJECTS: tuple[Any, ...] = (
    {}, BOX, {**BOX, "crs": 4326}, {**BOX, "crs": "EPSG:32632"}, {"west": 1}, POLYGON,
    {"type": "Point", "coordinates": [9, 47]}, {"type": "Point", "coordinates": []},
    {"type": "Polygon", "coordinates": []}, {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
    {"type": "Feature", "geometry": POLYGON, "properties": {"a": 1}},
    {"type": "Feature", "geometry": None, "properties": None},
    {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": POLYGON, "properties": {}}]},
    {"type": "FeatureCollection", "features": []}, {"type": "FeatureCollection", "features": [None]},
    {"type": "GeometryCollection", "geometries": []}, {"type": 5}, {"href": "none"}, {"a": {"b": [1]}},
    {"from": "x"}, {"value": 3, "unit": "day"},
)  # fmt: skip
LISTS: tuple[Any, ...] = (
    [], [1, 2, 3], [None], [None, None], [1, None, 3.5], ["B04", "B08"], ["B04", "B04"], ["2024-05-01",
    "2024-06-01"], ["2024-05-01", None], [None, None], ["2024-06-01", "2024-05-01"], [["2024-05-01",
    "2024-05-05"]], [[1, 2], [3, 4]], [[1], [2, 3]], [True, False], [True, None], ["a", 1], ["x", "y"],
    ["t", "bands"], [0.1, 0.5, 0.9], [{}], [[]], [2, 1, 0], [1e308, 1e308], [0, 0], [[[1]]], ["2024-05-01",
    "2024-05-02", "2024-05-03"], [9.0, 47.0, 9.1, 47.1],
)  # fmt: skip
ANYTHING: tuple[Any, ...] = (None, True, False, *NUMBERS, *TEXTS, *OBJECTS, *LISTS)
STRANGE: tuple[Any, ...] = (
    *ANYTHING, 10**400, float("nan"), float("inf"), "\ud800", "\0", b"x", (1, 2), {1: 2}, 1j,
    [[[[[[[[[[]]]]]]]]]], {"from_node": 5}, {"from_node": "nowhere"}, {"from_parameter": "nothing"},
    {"from_parameter": "data"}, {"from_node": "a", "from_parameter": "b"}, {"process_graph": {}},
    {"process_graph": None}, {"process_graph": {"only": {"process_id": "pi", "arguments": {},
    "result": True}}}, {"process_graph": {"n": {"process_id": "add",
    "arguments": {"x": {"from_parameter": "x"}, "y": 1}, "result": True}}},
)  # fmt: skip
JSON_PARTS = (
    "{", "}", "[", "]", ",", ":", '"', "null", "NaN", "1e999", "-", "9" * 50, "\\ud800", "\\u0000", '"a":',
    "{}", "\\", '"from_node"', '"process_graph"', '{"from_parameter":"x"}', "\xff", "true", "/*", " ", "\n",
    "[" * 30,
)  # fmt: skip
LOAD = {"id": "tiny", "spatial_extent": None, "temporal_extent": None}


class Fuzzer:
    """A stream of inputs.

    Parameters
    ----------
    specs : sequence of dict
        The descriptions of the processes, as openEO has them.
    seed : int
        What the stream follows from.
    cubes : float
        The share of graphs that start from a cube, which take much longer to plan than others.
    """

    def __init__(self, specs: Sequence[dict[str, Any]], seed: int, cubes: float = 0.3) -> None:
        self.random = random.Random(seed)  # noqa: S311  numbers to be tried, not to be kept
        self._specs = list(specs)
        self._cubes = cubes
        self._of_cubes = [s for s in self._specs if any(_is_cube(p["schema"]) for p in s["parameters"])]
        self._plain = [s for s in self._specs if s not in self._of_cubes]

    def __iter__(self) -> Iterator[Any]:
        """Yield graphs, and some JSON texts of graphs, for ever."""
        pick = self.random
        while True:
            graph = self.make_graph()
            fate = pick.random()
            if fate < 0.5:
                yield graph
                continue
            for _ in range(pick.choice((1, 1, 1, 2, 3, 6))):
                graph = self.damage(graph)
            yield graph if fate < 0.85 else self.damage_text(graph)

    def make_graph(self) -> dict[str, Any]:
        """Return a graph that is sound in form."""
        pick = self.random
        nodes: dict[str, Any] = {}
        cubes: list[str] = []
        if pick.random() < self._cubes:
            nodes["load"] = {"process_id": "load_collection", "arguments": dict(LOAD)}
            cubes.append("load")
        last = "load"
        for number in range(pick.choice((1, 1, 2, 3, 5))):
            spec = pick.choice(self._of_cubes if cubes and pick.random() < 0.7 else self._specs)
            last = f"n{number}"
            nodes[last] = self._call(spec, list(nodes), cubes, (), 0)
            if _is_cube(spec["returns"]["schema"]):
                cubes.append(last)
        nodes[last]["result"] = True
        return nodes

    def _call(
        self, spec: dict[str, Any], nodes: list[str], cubes: list[str], scope: tuple[str, ...], depth: int
    ) -> dict[str, Any]:
        pick = self.random
        arguments = {}
        for parameter in spec["parameters"]:
            if not parameter.get("optional") or pick.random() < 0.4:
                arguments[parameter["name"]] = self._argument(parameter["schema"], nodes, cubes, scope, depth)
        return {"process_id": spec["id"], "arguments": arguments}

    def _argument(
        self, schema: Any, nodes: list[str], cubes: list[str], scope: tuple[str, ...], depth: int
    ) -> Any:
        pick = self.random
        part = pick.choice(schema) if isinstance(schema, list) and schema else schema
        part = part if isinstance(part, dict) else {}
        if part.get("subtype") == "datacube" and cubes:
            return {"from_node": pick.choice(cubes)}
        if part.get("subtype") == "process-graph":
            return self._callback(part, depth + 1)
        chance = pick.random()
        if scope and chance < 0.6:
            return {"from_parameter": pick.choice(scope)}
        if nodes and chance < (0.75 if scope else 0.25):
            return {"from_node": pick.choice(nodes)}
        return self._literal(part)

    def _literal(self, part: dict[str, Any]) -> Any:
        pick = self.random
        kind = part.get("type", "any")
        kind = pick.choice(kind) if isinstance(kind, list) else kind
        if part.get("enum"):
            return pick.choice(part["enum"])
        pools: dict[str, Sequence[Any]] = {
            "number": NUMBERS, "integer": NUMBERS, "string": TEXTS, "boolean": (True, False), "null": (None,),
            "array": LISTS, "object": OBJECTS,
        }  # fmt: skip
        return copy.deepcopy(pick.choice(pools.get(kind, ANYTHING)))

    def _callback(self, part: dict[str, Any], depth: int) -> dict[str, Any]:
        pick = self.random
        scope = tuple(p["name"] for p in part.get("parameters", ())) or ("x",)
        nodes: dict[str, Any] = {}
        last = ""
        for number in range(pick.choice((1, 1, 1, 2, 3)) if depth < 4 else 1):
            last = f"c{number}"
            spec = pick.choice(self._plain if pick.random() < 0.95 or depth > 2 else self._specs)
            nodes[last] = self._call(spec, list(nodes), [], scope, depth)
        nodes[last]["result"] = True
        return {"process_graph": nodes}

    def damage(self, graph: dict[str, Any]) -> dict[str, Any]:
        """Return the graph with one thing changed."""
        pick = self.random
        places = list(_places(graph))
        if not places:
            return graph
        holder, key = pick.choice(places)
        action = pick.randrange(6)
        if action == 0:
            del holder[key]
        elif action == 1:
            other, name = pick.choice(places)
            holder[key] = copy.deepcopy(_entry(other, name))
        elif action == 2:
            holder[key] = pick.choice(([holder[key]], {"a": holder[key]}, [holder[key], holder[key]]))
        elif action == 3 and isinstance(holder, dict):
            holder[pick.choice(TEXTS)] = copy.deepcopy(pick.choice(STRANGE))
        elif action == 4 and isinstance(key, str) and key in ("process_id", "from_node"):
            holder[key] = pick.choice(self._specs)["id"] if key == "process_id" else pick.choice(list(graph))
        else:
            holder[key] = copy.deepcopy(pick.choice(STRANGE))
        return graph

    def damage_text(self, graph: dict[str, Any]) -> str | bytes:
        """Return the graph's JSON with a few characters changed."""
        pick = self.random
        try:
            text = json.dumps(graph)
        except (TypeError, ValueError):
            text = repr(graph)
        for _ in range(pick.choice((1, 1, 2, 5))):
            place = pick.randrange(len(text) + 1)
            cut = pick.choice((0, 0, 1, 5, len(text)))
            text = text[:place] + pick.choice((*JSON_PARTS, "")) + text[place + cut :]
        return text.encode("latin-1", "replace") if pick.random() < 0.5 else "{" + text


def _is_cube(schema: Any) -> bool:
    parts = schema if isinstance(schema, list) else [schema]
    return any(part.get("subtype") == "datacube" for part in parts)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (container, key) of everything in a graph."""
    pending = [value]
    while pending:
        holder = pending.pop()
        keys: Any = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            yield holder, key
            if isinstance(holder[key], dict | list):
                pending.append(holder[key])


def _entry(holder: Any, key: Any) -> Any:
    try:
        return holder[key]
    except (KeyError, IndexError):
        return None

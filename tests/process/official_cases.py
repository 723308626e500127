"""openEO's own test cases as arguments and results of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import EoceneError, Grid, Lattice
from eocene.process import registry
from eocene.process.callback import Callback
from eocene.process.elementwise import plain
from eocene.process.series import as_series
from eocene.process.graph import parse_graph

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One test case of a process, by its position in the file."""

    process: str
    number: int
    arguments: dict[str, Any]
    expected: Any
    throws: bool
    folder: Path

    def run(self) -> str | None:
        """Return None if we give what is expected, else what we gave."""
        try:
            found = call_process(self.process, self.arguments, self.folder)
        except EoceneError as error:
            return None if self.throws else f"{error.code}: {error.message}"
        if self.throws:
            return f"no error but {found!r}"
        expected = resolve_files(self.expected, self.folder)
        return None if is_equal(found, expected) else f"{show(found)} instead of {show(expected)}"


def read_cases(folder: Path, process: str) -> Iterator[Case]:
    """Yield the cases of a process whose other processes we have."""
    import json5

    path = folder / f"{process}.json5"
    if not path.exists():
        return
    names = {s["id"] for s in registry.specs()}
    for number, test in enumerate(json5.loads(path.read_text(encoding="utf-8"))["tests"]):
        if set(test.get("required", ())) <= names:
            yield Case(
                process, number, test.get("arguments", {}), test.get("returns"), "returns" not in test, folder
            )


def resolve_files(value: Any, folder: Path) -> Any:
    """Replace ``{"$ref": file}`` by what the file holds."""
    import json5

    if isinstance(value, dict):
        if set(value) == {"$ref"}:
            return json5.loads((folder / value["$ref"]).read_text(encoding="utf-8"))
        return {k: resolve_files(v, folder) for k, v in value.items()}
    return [resolve_files(v, folder) for v in value] if isinstance(value, list) else value


def call_process(process: str, arguments: dict[str, Any], folder: Path) -> Any:
    """Call one of our processes as the planner does, without a plan."""
    definition = registry.get(process)
    given = {k: to_argument(v) for k, v in resolve_files(arguments, folder).items()}
    complete = definition.check_arguments(given, process)
    try:
        grid = definition.grid(complete) if definition.grid else None
        result = definition.call(complete)
        return result.crop(grid) if grid else result
    except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
        raise EoceneError(f"{type(error).__name__}: {error}", code="Unforeseen") from error


def to_argument(value: Any) -> Any:  # noqa: PLR0911 (a list of forms)
    """Turn a value of a test case into what a process gets."""
    if isinstance(value, dict):
        kind = value.get("type")
        if kind == "nodata":
            return None
        if kind == "datetime":
            return value["value"]
        if kind == "datacube":
            return to_block(value)
        if kind == "labeled-array":
            keys = tuple(e["key"] for e in value["data"])
            series = as_series([to_argument(e["value"]) for e in value["data"]])
            return series.with_(labels={"array": keys})
        if "process_graph" in value:
            text = json.dumps(value["process_graph"]).replace("from_argument", "from_parameter")
            return Callback(parse_graph(json.loads(text)), {}, "test")
        return {k: to_argument(v) for k, v in value.items()}
    return [to_argument(v) for v in value] if isinstance(value, list) else value


def to_block(cube: dict[str, Any]) -> Block:
    """Return a data cube of a test case as a block, y and x last."""
    sizes = [len(cube["dimensions"][d]["values"]) for d in cube["order"]]
    data = np.zeros(sizes) if cube.get("data") is None else np.array(cube["data"])
    missing = np.zeros(data.shape, bool)
    for nodata in np.atleast_1d(np.array(cube.get("nodata", [np.nan]), float)):
        missing |= np.isnan(data.astype(float)) if np.isnan(nodata) else data == nodata
    dims = [d for d in cube["order"] if d not in ("y", "x")] + [d for d in ("y", "x") if d in cube["order"]]
    axes = [cube["order"].index(d) for d in dims]
    labels = {
        d: tuple(_label(v, cube["dimensions"][d]) for v in cube["dimensions"][d]["values"])
        for d in dims
        if d not in ("y", "x")
    }
    return Block(
        data.transpose(axes), tuple(dims), labels, ~missing.transpose(axes), _grid(cube["dimensions"])
    )


def _label(value: Any, dimension: dict[str, Any]) -> Any:
    try:
        is_time = dimension["type"] == "temporal" and len(value) > 7
        return np.datetime64(value.removesuffix("Z"), "s") if is_time else value
    except ValueError:
        return value


def _grid(dimensions: dict[str, Any]) -> Grid | None:
    if "x" not in dimensions or "y" not in dimensions:
        return None
    x, y = dimensions["x"]["values"], dimensions["y"]["values"]
    epsg = int(str(dimensions["x"].get("reference_system", 25832)).removeprefix("EPSG:"))
    size = abs(x[1] - x[0]) if len(x) > 1 else 10.0
    return Lattice(epsg, (size, size)).grid_over(
        (x[0] - size / 2, y[-1] - size / 2, x[-1] + size / 2, y[0] + size / 2), epsg
    )


def is_equal(found: Any, expected: Any) -> bool:
    """Compare to ten decimals; no-data equals null, NaN equals NaN."""
    if isinstance(expected, dict) and expected.get("type") == "datacube":
        return isinstance(found, Block) and _equal_blocks(found, to_block(expected), expected.get("data"))
    expected = _as_list(to_argument(expected))
    if isinstance(found, Block):
        found = _as_list(found)
    if isinstance(expected, list):
        if not isinstance(found, list | tuple) or len(found) != len(expected):
            return False
        return all(is_equal(f, e) for f, e in zip(found, expected, strict=True))
    if expected is None or found is None or isinstance(expected, bool | str) or isinstance(found, bool | str):
        return type(found) is type(expected) and bool(found == expected)
    return bool(np.isclose(found, expected, rtol=0, atol=1e-10, equal_nan=True))


def _as_list(value: Any) -> Any:
    if not isinstance(value, Block) or value.dims != ("array",):
        return value
    return [plain(v) if ok else None for v, ok in zip(value.values, _mask(value), strict=True)]


def _mask(block: Block) -> Any:
    return np.ones(block.values.shape, bool) if block.valid is None else block.valid


def _equal_blocks(found: Block, expected: Block, data: Any) -> bool:
    if set(found.dims) != set(expected.dims):
        return False
    same_labels = all(_texts(found.labels[d]) == _texts(expected.labels[d]) for d in expected.labels)
    if not same_labels:
        return False
    if data is None:  # "if the data values are irrelevant for the test"
        return True
    axes = [found.dims.index(d) for d in expected.dims]
    values, valid = found.values.transpose(axes).astype(float), _mask(found).transpose(axes)
    if values.shape != expected.values.shape:
        return False
    values = np.where(valid, values, np.nan)
    wanted = np.where(_mask(expected), expected.values.astype(float), np.nan)
    return bool(np.allclose(values, wanted, rtol=0, atol=1e-10, equal_nan=True))


def _texts(labels: tuple[Any, ...]) -> list[str]:
    texts = [str(v).removesuffix("Z").removesuffix(".0") for v in labels]
    return [t if "T" in t or len(t) != 10 else f"{t}T00:00:00" for t in texts]


def show(value: Any) -> str:
    """Return a value in a line."""
    if isinstance(value, Block):
        value = {"dims": value.dims, "labels": value.labels, "values": value.filled().tolist()}
    return str(value)[:300]

"""The page of all processes, made from their descriptions.

``python -m tests.docs.processes_page`` writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.process import registry
from eocene.process.methods.elementwise import same_times
from eocene.process.processes.masks import need_of_aligned

if TYPE_CHECKING:
    from eocene.process.registry import ProcessDefinition

PAGE = Path(__file__).parents[2] / "docs" / "processes.md"
GROUPS = {
    "Bringing in": ("import",),
    "Handing out": ("export", "stac"),
    "Geometries": ("vector",),
    "Arrays": ("arrays", "sorting"),
    "Filters": ("filter",),
    "Aggregation": ("aggregate", "climatology"),
    "Resampling": ("reproject",),
    "Optical data": ("optical", "vegetation indices"),
    "Radar": ("sar",),
    "Machine learning": ("machine learning",),
    "Dates": ("date & time",),
    "Comparison and logic": ("comparison", "logic"),
    "Texts": ("texts",),
    "Other processes on cubes": ("cubes",),
    "Statistics": ("math > statistics", "reducer"),
    "Mathematics": ("math",),
    "Development": ("development",),
}
"""Heading → openEO's categories; a process stands under the first that fits."""

COMPUTED_FIRST = {"trim_cube"}
"""Processes whose result has an extent that only all pixels tell: see eocene.process.settle."""

INTRODUCTION = """# Processes

<!-- Written by `python -m tests.docs.processes_page`; the text stands there. -->

All processes of openEO 2.0 are here, most of its proposals, and two of our own that load and apply models.
`GET /processes` describes the parameters, types and errors of each, as do
[openEO's own pages](https://processes.openeo.org/). A star marks what openEO only proposes, which may still
change. `run_udf` joins them where [code of users](udf.md) can be kept apart.

The **footprint** says what of its input a process needs for one pixel of its result, which is what it costs:

| footprint | needs | computed |
|---|---|---|
| source | the stored pixels of a window | window by window |
| pixel | that pixel and that date | window by window |
| dimension | all values of the pixel along a dimension, such as t | window by window; along y or x whole |
| neighbourhood | pixels around, on another grid, or in the same polygon | in windows that are a bit larger |
| whole | the whole extent, once | first; kept in memory, or in a temporary Zarr |
| value | plain values, labels or geometries, no pixels | once, most often while the graph is checked |

Cubes without pixels, such as time series of fields, are always computed whole. What a graph takes in all says
[`explain`](costs.md).
"""


def list_definitions() -> list[ProcessDefinition]:
    """Return the processes that Eocene itself registers, by name."""
    found = [registry.get(spec["id"]) for spec in registry.specs()]
    return [d for d in found if d.compute.__module__.startswith("eocene.") and d.id != "run_udf"]


def find_group(definition: ProcessDefinition) -> str:
    """Return the heading under which a process stands."""
    own = {c for name in definition.categories for c in (name, name.split(" > ")[0])}
    return next(title for title, categories in GROUPS.items() if own & set(categories))


def find_footprint(definition: ProcessDefinition) -> str:
    """Return what of its input a process needs, as it is registered."""
    if definition.kind == "source":
        return "source"
    if definition.kind == "global" or definition.whole is True or definition.id in COMPUTED_FIRST:
        return "whole"
    if definition.need is not None:
        return (
            "pixel, neighbourhood if grids differ" if definition.need is need_of_aligned else "neighbourhood"
        )
    if callable(definition.whole):
        return "dimension"
    if definition.times is same_times:
        return "pixel"
    first = next(iter(definition.spec["parameters"]), {"name": "", "schema": {}})
    is_read = callable(definition.unread) or first["name"] not in definition.unread
    has_many = "arrays" in definition.categories or any(map(_holds_pixels, _parts(first["schema"])))
    return "dimension" if is_read and has_many else "value"


def _parts(schema: Any) -> list[dict[str, Any]]:
    return schema if isinstance(schema, list) else [schema]


def _holds_pixels(schema: dict[str, Any]) -> bool:
    """Tell whether a schema is that of an array or of a cube that may have pixels."""
    kinds = {d.get("type") for d in schema.get("dimensions", ())}
    return schema.get("type") == "array" or (schema.get("subtype") == "datacube" and kinds != {"geometry"})


def render() -> str:
    """Return the text of the page."""
    rows: dict[str, list[str]] = {title: [] for title in GROUPS}
    for definition in list_definitions():
        star = "\\*" if definition.experimental else ""
        summary = definition.spec["summary"].replace("|", "\\|").replace("``", "`")
        rows[find_group(definition)].append(
            f"| `{definition.id}`{star} | {summary} | {find_footprint(definition)} |\n"
        )
    tables = [
        f"\n## {title}\n\n| process | what it does | footprint |\n|---|---|---|\n" + "".join(lines)
        for title, lines in rows.items()
        if lines
    ]
    return INTRODUCTION + "".join(tables)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")

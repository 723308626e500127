"""Running, estimating and explaining a graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.workspace.arguments import MAPPING, ON_ERROR, PROGRESS, Kind, instance_of, takes
from eocene.workspace.opening import open as open_workspace
from eocene.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eocene.process import Plan
    from eocene.process.cost.estimate import Estimate
    from eocene.process.cost.explain import Explanation

_WORKSPACE = Kind(
    "a workspace", "Give what eocene.open returns, or a path.", instance_of(Workspace, str, Path)
)


@takes(workspace=_WORKSPACE, parameters=MAPPING, processes=MAPPING, progress=PROGRESS, on_error=ON_ERROR)
def run(
    graph: Any,
    *,
    workspace: Workspace | str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    processes: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_error: str = "raise",
) -> Any:
    """Run an openEO process graph and return its result.

    Parameters
    ----------
    graph : dict, path of a JSON file, or openeo.DataCube
        The graph.
    workspace : Workspace or path, optional
        Where its collections are; a graph that works on its parameters alone needs none.
    parameters : mapping, optional
        Values for the graph's ``from_parameter``: plain values and lists, DataArrays (with regular y and
        x and a CRS they are read window by window; one-dimensional ones are labelled arrays),
        GeoDataFrames.
    processes : mapping, optional
        User-defined processes by name, each ``{"process_graph": …, "parameters": […]}``.
    progress : callable, optional
        Called with (finished blocks, all blocks).
    on_error : str
        Whether a file that is missing or broken raises DamageError ("raise") or is left out, the one below
        it taking its place ("skip"); results that are saved name what was left out.

    Returns
    -------
    xarray.DataArray, geopandas.GeoDataFrame, list or plain value
        A cube is float with NaN for no-data and carries its CRS in ``spatial_ref``.
    """
    return _plan(graph, workspace, parameters, processes, on_error).run(progress)


@takes(workspace=_WORKSPACE, parameters=MAPPING, processes=MAPPING, on_error=ON_ERROR)
def estimate(
    graph: Any,
    *,
    workspace: Workspace | str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    processes: Mapping[str, Any] | None = None,
    on_error: str = "raise",
) -> Estimate:
    """Estimate what running a graph will cost; no pixel is read.

    Parameters
    ----------
    graph, workspace, parameters, processes, on_error
        As for :func:`run`.

    Returns
    -------
    Estimate
        Bytes read, peak memory, processor time, and how the graph is cut.
    """
    return _plan(graph, workspace, parameters, processes, on_error).estimate()


@takes(workspace=_WORKSPACE, parameters=MAPPING, processes=MAPPING, on_error=ON_ERROR)
def explain(
    graph: Any,
    *,
    workspace: Workspace | str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    processes: Mapping[str, Any] | None = None,
    on_error: str = "raise",
) -> Explanation:
    """Show the plan of a graph: what is read, at which resolution, how it is cut, what it will cost.

    Parameters
    ----------
    graph, workspace, parameters, processes, on_error
        As for :func:`run`.

    Returns
    -------
    Explanation
        A tree; print it, or leave it at the end of a notebook's cell.
    """
    return _plan(graph, workspace, parameters, processes, on_error).explain()


def _plan(
    graph: Any,
    workspace: Workspace | str | Path | None,
    parameters: Mapping[str, Any] | None,
    processes: Mapping[str, Any] | None,
    on_error: str,
) -> Plan:
    from eocene.process import make_plan

    if isinstance(workspace, str | Path):
        workspace = open_workspace(workspace, create=False)
    archive = None if workspace is None else workspace.archive
    return make_plan(graph, archive, parameters, processes=processes, on_error=on_error)

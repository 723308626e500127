"""Processes that say where results go: they hand the data on, and what they ask for is done at the end.

Source: openEO processes 2.0, save_result, and the proposals export_workspace and stac_modify.
"""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.process.methods.elementwise import same_times
from eocene.process.output.delivery import check_changes, check_place, merge_patch
from eocene.process.output.formats import OUTPUT_FORMATS, check_format, check_options
from eocene.process.registry import process

Cube = Annotated[Block, {"type": "object", "subtype": "datacube"}]
Stac = Annotated[Any, {"type": "object", "subtype": "stac"}]
OutputFormat = Annotated[str, {"type": "string", "subtype": "output-format"}]
WorkspaceId = Annotated[str, {"type": "string", "pattern": "^[\\w\\-\\.~]+$", "subtype": "workspace-id"}]
Options = Annotated[Any, {"type": "object", "subtype": "output-format-options"}]
NO_OPTIONS: dict[str, Any] = {}
MergePath = Annotated[str | None, {"type": ["string", "null"]}]
Changes = Annotated[Any, {"type": "object"}]


@process("cubes", "export", "stac", times=same_times)
def save_result(data: Cube, format: OutputFormat, options: Options = NO_OPTIONS) -> Stac:
    """Say in which file format the result is wanted.

    In a batch job the result is written as a STAC collection; a synchronous request answers with the
    file.

    Parameters
    ----------
    data
        The cube to save.
    format
        One of GET /file_formats, such as GTiff; upper or lower case.
    options
        Options of the format.

    Raises
    ------
    FormatUnsuitable
        There is no such format, or it cannot hold the result.
    DataCubeEmpty
        The format cannot hold a cube without any label along a dimension.
    """
    check_options(check_format(format), options, OUTPUT_FORMATS)
    return data


@process("stac", times=same_times, experimental=True)
def stac_modify(data: Stac, changes: Changes) -> Stac:
    """Change the STAC collection of a result by a JSON merge patch, RFC 7386.

    What tells which files belong to the result stays as it is: type, stac_version, id, links, assets.

    Parameters
    ----------
    data
        A result, from save_result; or a STAC document.
    changes
        The members to set, such as {"title": "…"}; null takes one away.
    """
    check_changes(changes)
    return merge_patch(data, changes) if isinstance(data, dict) else data


@process("export", "stac", times=same_times, experimental=True)
def export_workspace(data: Stac, workspace: WorkspaceId, merge: MergePath = None) -> Stac:
    """Copy a batch job's result, with all its files, into a folder of exports when it is written.

    Parameters
    ----------
    data
        A result, from save_result.
    workspace
        The folder below ``exports``; it is made if it is not there.
    merge
        The path, in that folder, of a STAC collection into which the items are put; null for a folder
        of the result's own.
    """
    check_place(workspace, merge)
    return data

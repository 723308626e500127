"""The Python face: a workspace, and graphs that run on one."""

from eocene.workspace.graphs import estimate, explain, run
from eocene.workspace.opening import open  # noqa: A004 (the public name)
from eocene.workspace.workspace import Workspace

__all__ = ["Workspace", "estimate", "explain", "open", "run"]

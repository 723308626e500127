"""A cube of the archive inside geometries: the pixels beside them are no-data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import shapely

from eocene.cube.inside import pixels_inside
from eocene.cube.source import CubeSource

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from eocene.cube.block import Block
    from eocene.cube.source import Leaf
    from eocene.model import Grid


@dataclass(frozen=True)
class MaskedSource(CubeSource):
    """A cube of which only the pixels inside a geometry, in the CRS of its grid, are loaded."""

    within: BaseGeometry = field(default_factory=shapely.Point, kw_only=True)

    def decode(self, leaf: Leaf, window: Grid) -> Block:
        """Return the values of a window that lies in the leaf, no-data where the geometry is not."""
        block = super().decode(leaf, window)
        inside = pixels_inside(self.within, window)
        return (
            block.with_(valid=inside & (True if block.valid is None else block.valid))
            if not inside.all()
            else block
        )

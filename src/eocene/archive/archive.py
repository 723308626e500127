"""The archive of a workspace: its catalogue, its files, and the way in for products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.archive.catalogue import Catalogue
from eocene.archive.fetch import Door
from eocene.archive.raster import open_raster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive.raster import Raster
    from eocene.model.layout import Layout


class Archive:
    """Collections, items and their pixels.

    Parameters
    ----------
    layout : Layout
        The workspace folder.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.catalogue = Catalogue(layout.catalogue)
        self._root = layout.root.resolve()

    def door(self) -> Door:
        """Return the door to the files of this workspace and of the products that were ingested."""
        from pathlib import Path  # noqa: PLC0415

        return Door((self._root, *(Path(root) for root in self.catalogue.roots())))

    def open_raster(self, asset: Mapping[str, Any]) -> Raster:
        """Open the raster of an item's asset.

        Raises
        ------
        InputError
            If the path is refused or the asset is not a raster.
            If the asset is remote.
        DamageError
            If the file is missing or cannot be read; it is named.
        """
        return open_raster(asset, self.door())

"""What items are described by, so that a change of them is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.archive.hot.area import HotItem, describe_asset, describe_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eocene.model import Band

    Item = Mapping[str, Any]


class Described:
    """What the assets of items are described by, once for each; see :func:`describe_asset`."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], tuple[Item, str | None]] = {}

    def of(self, item: Item, band: str) -> str | None:
        """Return the description of an item's asset."""
        found = self._known.get((id(item), band))
        if found is None:  # the item is kept, so that its identity stays its own
            found = self._known[id(item), band] = item, describe_asset(item, band)
        return found[1]

    def matches(self, item: Item, hot: HotItem, bands: Sequence[Band]) -> bool:
        """Tell whether an item is still what was read of it."""
        return item["id"] == hot.id and all(
            self.of(item, band.name) == hot.assets.get(band.name)
            and (band.name not in hot.assets or describe_state(item, band.name) == hot.files[band.name])
            for band in bands
        )

    def describe(self, item: Item, bands: Iterable[str]) -> HotItem:
        """Return an item as it is now."""
        told = {band: self.of(item, band) for band in bands}
        assets = {band: text for band, text in told.items() if text is not None}
        files = {band: describe_state(item, band) for band in assets}
        return HotItem(item["id"], tuple(item["bbox"]), assets, files)

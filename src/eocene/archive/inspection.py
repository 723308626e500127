"""Assets checked against their files: headers filled in, the last bytes read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import is_remote
from eocene.archive.normalise import is_data, is_table
from eocene.archive.opening import open_raster
from eocene.archive.packing.zips import MEMBER
from eocene.archive.product import grid_fields, name_extensions, number_json
from eocene.archive.raster import is_jp2, is_tiff
from eocene.archive.rasters.gdal_raster import check_jp2
from eocene.archive.tables.parquet import check_table
from eocene.archive.tiff.directory import check_complete
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.archive.fetch import Door


class Inspector:
    """Checks assets, each file or variable of a file once.

    Parameters
    ----------
    door : Door
        Which files may be opened.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._seen: set[tuple[str, ...]] = set()

    def inspect_item(self, item: dict[str, Any], step: Callable[[], None]) -> dict[str, Any]:
        """Return the item with what the headers of its rasters say.

        Raises
        ------
        InputError, UnavailableError
            If a path is refused, or remote and not to be read in place.
        DamageError
            If a file is missing, cut off or unreadable; it is named.
        """
        assets = {}
        for name, asset in item["assets"].items():
            assets[name] = self._inspect(asset) if is_data(asset) else asset
            step()
        inspected = item | {"assets": assets}
        extensions = dict.fromkeys([*item["stac_extensions"], *name_extensions(inspected)])
        return inspected | {"stac_extensions": list(extensions)}

    def _inspect(self, asset: dict[str, Any]) -> dict[str, Any]:
        if is_remote(asset["href"]):
            return self._inspect_remote(asset)
        path = self._door.resolve(asset["href"])
        key = (str(path), *(str(asset.get(f"eocene:{part}")) for part in ("variable", "band", "member")))
        if is_table(asset):
            if key not in self._seen:
                check_table(path)
        elif key not in self._seen or "proj:transform" not in asset:
            if is_tiff(asset) and MEMBER not in asset and (str(path),) not in self._seen:
                check_complete(path)
            if is_jp2(asset):
                check_jp2(path, asset)
            asset = self._read_raster(asset)
        self._seen.update({key, (str(path),)})
        return asset | {"href": str(path)}

    def _inspect_remote(self, asset: dict[str, Any]) -> dict[str, Any]:
        """Return an asset that is read in place; its server is asked only for what its item does not say."""
        self._door.locate(asset["href"])
        known = all(field in asset for field in ("proj:code", "proj:shape", "proj:transform", "data_type"))
        return asset if known or is_table(asset) else self._read_raster(asset)

    def _read_raster(self, asset: dict[str, Any]) -> dict[str, Any]:
        raster = open_raster(asset, self._door)
        full = raster.levels[0]
        raster.read(Grid(full.lattice, full.left + full.width - 1, full.top + full.height - 1, 1, 1))
        facts = grid_fields(full) | {"data_type": str(raster.dtype)}
        if raster.nodata is not None and "nodata" not in asset:
            facts["nodata"] = number_json(raster.nodata, raster.dtype.kind)
        return {"gsd": full.lattice.resolution_m, **asset, **facts}

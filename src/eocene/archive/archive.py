"""The archive of a workspace: its catalogue, its files, and the way in for products."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.archive.catalogue.search import Search
from eocene.archive.definition import read_bands
from eocene.archive.fetch import Door, Policy, is_remote
from eocene.archive.fetch.urls import parse_url
from eocene.archive.hot.index import HotAreas
from eocene.archive.ingest import ingest_product
from eocene.archive.integrity.check import Report, verify_items
from eocene.archive.integrity.repair import repair_file
from eocene.archive.integrity.versions import SUFFIX, list_versions
from eocene.archive.mirror.sync import sync_collection
from eocene.archive.mirror.sync_report import SyncOptions, SyncReport
from eocene.archive.mirror.sync_trust import read_sources
from eocene.archive.normalise import is_table
from eocene.archive.opening import begin_raster, is_read_in_place, open_raster
from eocene.archive.places import open_catalogue
from eocene.archive.product import IngestOptions
from eocene.archive.sight import CACHE, Sight
from eocene.archive.store import is_stored, open_bucket
from eocene.archive.store.kept import KeptObjects, read_most
from eocene.archive.store.results import open_results
from eocene.archive.tables.parquet import read_table
from eocene.archive.tiff.header_index import HeaderIndex
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import geopandas
    import pandas as pd

    from eocene.archive.mirror.presets import Preset
    from eocene.archive.mirror.sync_source import Wanted
    from eocene.archive.raster import Raster
    from eocene.archive.store.published import Published
    from eocene.model.band import Band
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
        self.catalogue = open_catalogue(layout.catalogue)
        self.hot = HotAreas(layout.hot)
        self.bucket = open_bucket()
        self.results = open_results(layout)
        self._root = layout.root.resolve()
        self._mirrors = layout.assets.resolve() / "mirrors"
        self._last_door: Door | None = None
        self._owns_job: Callable[[str], bool] | None = None
        self._headers = HeaderIndex(layout.catalogue.with_name("headers.sqlite"))

    def of(self, account: str, owns_job: Callable[[str], bool] | None = None) -> Archive:
        """Return this archive as an account sees it: the same data, its own uploads, its own jobs' results.

        Parameters
        ----------
        account : str
            Whose.
        owns_job : callable, optional
            Tells of the id of a job whether it is the account's; without it results are everybody's.
        """
        mine = copy(self)
        mine.layout = replace(self.layout, account=account)
        mine._owns_job = owns_job
        return mine

    @property
    def _sight(self) -> Sight:
        return Sight(self.layout, self.bucket, self._owns_job)

    def result(self, job: str) -> Published | None:
        """Return the result of a job, None of one that is another account's."""
        return None if self._sight.hides_job(job) else self.results.find(job)

    def bring(self, name: str) -> Path:
        """Return an object of the store as a file of this machine; raises MissingError, DamageError."""
        assert self.bucket is not None  # noqa: S101  who names an object has the store
        kept = KeptObjects(self.bucket, self.layout.root / CACHE, read_most())
        return kept.bring(name, fixed=name.startswith(f"{self.layout.assets.name}/"))

    def _reach(self, asset: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an asset as its reader wants it: a file, if it is in the store and not read in ranges."""
        href = str(asset.get("href", ""))
        if not is_stored(href) or is_read_in_place(asset):
            return asset
        name = self._sight.name_object(parse_url(href))
        return asset if name is None else {**asset, "href": str(self.bring(name))}

    def close(self) -> None:
        """Close the catalogue."""
        self.catalogue.close()
        self._headers.close()

    def door(self) -> Door:
        """Return the door to this workspace, to products that were ingested and to what may be read afar."""
        roots = self.catalogue.roots()
        folders = (Path(root) for root in roots if not is_remote(root))
        own = () if self.bucket is None else (self.bucket.url,)
        policy, sight = Policy.of((*filter(is_remote, roots), *own)), self._sight
        self._last_door = Door((self._root, *folders), policy, hides=sight.hides, hides_url=sight.hides_url)
        return self._last_door

    def ingest(
        self,
        path: Path | str,
        *,
        collection: str | None = None,
        datetime: str | None = None,
        checksums: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[dict[str, Any]]:
        """Put a product into the catalogue: all of it, or nothing where something is wrong.

        Pixels stay where they are; only tables in other formats than Parquet are converted, into the
        workspace. Ingesting a product again replaces its items.

        Parameters
        ----------
        path : Path or str
            A STAC catalogue, collection or item, a WorldCereal minicube, a table, GeoTIFF or NetCDF files.
        collection : str, optional
            The collection to put the items into, where the product does not name one.
        datetime : str, optional
            The time of the data where files do not say it, such as 2024-05-01.
        checksums : bool
            Whether to read each file whole for its checksum; without them :meth:`verify` only finds what is
            missing or of another size, and says so.
        progress : callable, optional
            Called with (assets checked, all assets).

        Returns
        -------
        list of dict
            The items as they are in the catalogue.

        Raises
        ------
        InputError
            If the path is of no supported format, or a file in it is wrong; it is named.
        DamageError
            If a file is cut off or unreadable; it is named.
        UnavailableError
            If data lie on another machine.
        """
        lists = self.layout.checksums if checksums else None
        options = IngestOptions(collection, datetime, self.layout.assets, checksums=lists, bucket=self.bucket)
        return ingest_product(self.catalogue, self.door(), Path(path), options, progress)

    def sync(
        self,
        source: str | Preset,
        wanted: Wanted,
        options: SyncOptions | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> SyncReport:
        """Mirror a collection of a STAC API or static catalogue: only what is new or was changed there.

        Parameters
        ----------
        source : str or Preset
            The URL of an API or catalogue, or the name of a preset.
        wanted : Wanted
            Collection, area, time and filter.
        options : SyncOptions, optional
            Which assets, and how.
        progress : callable, optional
            Called with (items done, items listed so far).

        Raises
        ------
        InputError
            If the source is none, or not allowed.
        NotFoundError
            If it does not have the collection.
        DamageError
            If it cannot be listed; what was mirrored before that stays.
        StateError
            If the collection is being mirrored already.
        UnavailableError
            If its files cannot be read in place, and that was asked for.
        """
        return sync_collection(
            self.catalogue, self.door(), self._mirrors, source, wanted, options or SyncOptions(), progress
        )

    def verify(
        self,
        collections: Sequence[str] = (),
        *,
        repair: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Report:
        """Compare all files of collections with the checksums that they had when they came in.

        Parameters
        ----------
        collections : sequence of str
            Their ids; all if empty. The older versions of their items are looked at, too.
        repair : bool
            Whether damaged files are fetched again from where they were mirrored from.
        progress : callable, optional
            Called with (items looked at, all items).

        Raises
        ------
        NotFoundError
            If there is no such collection.
        """
        for name in collections:
            self.catalogue.collection(name)
        query = Search(collections=tuple(n for name in collections for n in (name, name + SUFFIX)))
        door = self.door()
        wider = door.widen(read_sources(self._mirrors)) if repair else door
        return verify_items(
            self.catalogue.iterate(query), door, self.layout.checksums,
            total=self.catalogue.count(query), progress=progress,
            repair=(lambda finding: repair_file(finding, wider)) if repair else None,
        )  # fmt: skip

    def versions(self, collection: str, item: str) -> list[dict[str, Any]]:
        """Return all versions of an item, the newest first; see :mod:`eocene.archive.integrity.versions`.

        Raises
        ------
        NotFoundError
            If there is no such item.
        """
        return list_versions(self.catalogue, collection, item)

    def open_raster(self, asset: Mapping[str, Any]) -> Raster:
        """Open the raster of an item's asset.

        Raises
        ------
        InputError
            If the path is refused or the asset is not a raster.
        UnavailableError
            If the asset is remote and of a format that is not read in place.
        DamageError
            If the file is missing or cannot be read; it is named.
        """
        asset = self._reach(asset)
        try:
            return open_raster(asset, self._last_door or self.door(), self._headers)
        except InputError:  # the product may have been let in since
            return open_raster(asset, self.door(), self._headers)

    def begin_rasters(self, assets: Sequence[Mapping[str, Any]]) -> None:
        """Ask for what :meth:`open_raster` needs of GeoTIFFs on servers, without waiting."""
        door = self._last_door or self.door()
        for asset in assets:
            begin_raster(self._reach(asset), door, self._headers)

    def bands(self, collection: str) -> tuple[Band, ...]:
        """Return the bands of a collection in order; a table has none.

        Raises
        ------
        NotFoundError
            If there is no such collection.
        """
        return read_bands(self.catalogue.collection(collection))

    def table(self, collection: str) -> geopandas.GeoDataFrame | pd.DataFrame:
        """Return the table of a collection: the rows of its items' assets ``data``, oldest item first.

        Raises
        ------
        NotFoundError
            If there is no such collection.
        InputError
            If it is not a table.
        DamageError
            If a file is missing or cannot be read; it is named.
        """
        import pandas as pd

        self.catalogue.collection(collection)
        items = self.catalogue.search(Search(collections=(collection,), sortby=("datetime", "id")))
        assets = [item["assets"]["data"] for item in items if is_table(item["assets"].get("data", {}))]
        if not assets:
            raise InputError(
                f"The collection {collection!r} is not a table.",
                "Load it as a cube; tables are collections whose items have the Parquet asset 'data'.",
            )
        door = self.door()
        frames = [read_table(door.resolve(self._reach(asset)["href"])) for asset in assets]
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)

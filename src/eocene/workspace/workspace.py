"""A workspace: one folder that holds an archive, its results, models and linked data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.workspace.arguments import (
    BANDS,
    COLLECTION,
    COLLECTIONS,
    COUNT,
    CQL2,
    CRS,
    FLAG,
    ITEM,
    MAPPING,
    NAMES,
    ON_ERROR,
    PATH,
    PROGRESS,
    TEXT,
    TIME,
    takes,
)
from eocene.workspace.asking import as_bbox, as_items, as_lattice, make_search
from eocene.workspace.loading import load_cube, load_graph
from eocene.workspace.training import TrainingData

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    import geopandas
    import pandas as pd
    import pystac
    import xarray as xr

    from eocene.archive.integrity.check import Report
    from eocene.archive.mirror.sync_report import SyncReport
    from eocene.cube.hot_writing import Materialised
    from eocene.model import BBox
    from eocene.process import Plan


class Workspace(TrainingData):
    """What people do with one folder; make one with :func:`eocene.open`.

    Nothing is loaded before it is used: ``archive``, ``jobs``, ``layers``, ``users``, ``models`` and
    ``links`` open their room on first access.
    """

    @takes(path=PATH, collection=COLLECTION, datetime=TIME, checksums=FLAG, progress=PROGRESS)
    def ingest(
        self,
        path: str | Path,
        *,
        collection: str | None = None,
        datetime: str | None = None,
        checksums: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[pystac.Item]:
        """Put a product, a STAC catalogue or a table into the archive and return its items.

        Parameters
        ----------
        path : str or Path
            What to read; pixels stay where they are.
        collection, datetime : str, optional
            For files that do not say these themselves.
        checksums : bool
            Whether to read each file whole for its checksum; without, :meth:`verify` cannot tell much.
        progress : callable, optional
            Called with (assets checked, all assets).

        Raises
        ------
        InputError, DamageError
            Naming the file and the fault; nothing has been added then.
        """
        items = self.archive.ingest(
            path, collection=collection, datetime=datetime, checksums=checksums, progress=progress
        )
        self.update_hot({item["collection"] for item in items})
        return as_items(items)

    @takes(
        source=TEXT, collection=COLLECTION, datetime=TIME, assets=NAMES, filter=CQL2, copy=FLAG, allow=NAMES,
        recheck=FLAG, progress=PROGRESS,
    )  # fmt: skip
    def sync(  # noqa: PLR0913 (what a STAC API asks by, and how files are fetched)
        self,
        source: str,
        collection: str,
        *,
        bbox: BBox | Sequence[float] | None = None,
        datetime: str | None = None,
        assets: Sequence[str] = (),
        filter: str | dict[str, Any] | None = None,  # noqa: A002 (STAC's name)
        copy: bool = True,
        allow: Sequence[str] = (),
        recheck: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> SyncReport:
        """Mirror a collection of a STAC API or static catalogue: only what is new or was changed there.

        What was fetched before is kept and taken up where it was cut off; an item whose files changed stays
        reachable as an older version, see :meth:`versions`.

        Parameters
        ----------
        source : str
            The URL of the API or catalogue, or ``cdse``, ``earth-search`` or ``planetary-computer``.
        collection : str
            Its id there, and here.
        bbox, datetime, filter
            As in :meth:`search`.
        assets : sequence of str
            Bands, common names or assets; all data by default.
        copy : bool
            Whether files are fetched; else they are read in place, and their prefixes allowed from now on.
        allow : sequence of str
            Prefixes of URLs where assets may lie, besides the source's own server.
        recheck : bool
            Whether files of unchanged items are compared with the source, too.
        progress : callable, optional
            Called with (items done, items listed so far).

        Returns
        -------
        SyncReport
            Counts, and ``failed``: the items that could not be mirrored, each with its error.

        Raises
        ------
        InputError, NotFoundError, DamageError
            If the source is refused, does not have the collection, or cannot be listed.
        """
        from eocene.archive.mirror.sync_report import SyncOptions
        from eocene.archive.mirror.sync_source import Wanted

        area = None if bbox is None else as_bbox(bbox)
        options = SyncOptions(tuple(assets), copy, tuple(allow), recheck)
        report = self.archive.sync(source, Wanted(collection, area, datetime, filter), options, progress)
        self.update_hot({collection})
        return report

    @takes(collections=COLLECTIONS, repair=FLAG, progress=PROGRESS)
    def verify(
        self,
        collections: Sequence[str] | str = (),
        *,
        repair: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Report:
        """Compare files with the checksums that they had when they came in.

        Parameters
        ----------
        collections : str or sequence of str
            Collection ids; all by default.
        repair : bool
            Whether damaged files are fetched again from where they were mirrored from.
        progress : callable, optional
            Called with (items looked at, all items).

        Returns
        -------
        Report
            ``findings``: each damaged file, what is wrong, and the items and assets that name it.
        """
        return self.archive.verify(tuple(collections), repair=repair, progress=progress)

    @takes(item=ITEM)
    def versions(self, item: pystac.Item) -> list[pystac.Item]:
        """Return all versions of an item, the newest first.

        Raises
        ------
        NotFoundError
            If it is not in the archive.
        """
        return as_items(self.archive.versions(str(item.collection_id), item.id))

    @takes(
        collections=COLLECTIONS, datetime=TIME, filter=CQL2, ids=NAMES, cells=NAMES, sortby=NAMES, limit=COUNT
    )
    def search(  # noqa: PLR0913 (what a STAC API asks by)
        self,
        collections: Sequence[str] | str = (),
        *,
        bbox: BBox | Sequence[float] | None = None,
        datetime: str | None = None,
        filter: str | dict[str, Any] | None = None,  # noqa: A002 (STAC's name)
        ids: Sequence[str] = (),
        cells: Sequence[str] = (),
        sortby: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[pystac.Item]:
        """Find items; newest first unless ``sortby`` says otherwise.

        Parameters
        ----------
        collections : str or sequence of str
            Collection ids; all by default.
        bbox : four floats, optional
            West, south, east, north in degrees.
        datetime : str, optional
            An instant, a date, a month or ``start/end``, the end included.
        filter : str or dict, optional
            CQL2 text or JSON, such as ``eo:cloud_cover < 40``.
        cells : sequence of str
            Cells of the Major TOM grid of 10 km, by their ids; items that are too large to name these are
            found by those of coarser grids.
        ids, sortby, limit
            As in a STAC API.
        """
        query = make_search(
            collections, bbox=bbox, datetime=datetime, filter=filter, ids=ids, cells=cells,
            sortby=sortby, limit=limit,
        )  # fmt: skip
        for name in query.collections:
            self.archive.catalogue.collection(name)
        return as_items(self.archive.catalogue.search(query))

    @takes(collection=COLLECTION, bands=BANDS, datetime=TIME, crs=CRS, on_error=ON_ERROR)
    def load(
        self,
        collection: str,
        *,
        bands: Sequence[str] | None = None,
        bbox: BBox | Sequence[float] | None = None,
        datetime: str | None = None,
        crs: int | str | None = None,
        resolution: float | None = None,
        on_error: str = "raise",
    ) -> xr.DataArray:
        """Return a collection as a lazy DataArray (t, bands, y, x): values, NaN where there is no data.

        Parameters
        ----------
        collection : str
            Collection id.
        bands : sequence of str, optional
            Names or common names.
        bbox : four floats, optional
            West, south, east, north in degrees.
        datetime : str, optional
            As in :meth:`search`.
        crs : int or str, optional
            EPSG code of the pixel grid; that of most items by default.
        resolution : float, optional
            Pixel size in units of the CRS; goes with ``crs``.
        on_error : str
            What is done about files that are missing, cut off or broken: "raise" DamageError, or "skip" them;
            ``attrs["skipped"]`` then lists those that reading has met so far.

        Notes
        -----
        ``cube.chunk(cube.encoding["preferred_chunks"])`` cuts it into Dask chunks that are read well.
        """
        return load_cube(
            self.archive, load_graph(collection, bands, bbox, datetime), as_lattice(crs, resolution), on_error
        )

    @takes(collection=COLLECTION, datetime=TIME, bands=BANDS, crs=CRS, progress=PROGRESS)
    def materialise(
        self,
        collection: str,
        bbox: BBox | Sequence[float],
        datetime: str | None = None,
        bands: Sequence[str] | None = None,
        *,
        crs: int | str | None = None,
        resolution: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Materialised:
        """Keep an area of a collection hot: loads, runs, tiles and series read it from there, equal values.

        What is ingested later is added at once; what was materialised before is only brought up to date.

        Parameters
        ----------
        collection, bbox, datetime, bands, crs, resolution
            As in :meth:`load`; the area serves what is loaded on the same pixel grid.
        progress : callable, optional
            Called with (written, all) pieces.

        Raises
        ------
        InputError
            StorageExceeded, if it does not fit into what ``EOCENE_HOT`` allows.
        """
        from eocene.process.loads.materialise import materialise

        return materialise(
            self.archive, collection, as_bbox(bbox), datetime, bands,
            lattice=as_lattice(crs, resolution), progress=progress,
        )  # fmt: skip

    @takes(collections=NAMES, wait=FLAG)
    def update_hot(
        self, collections: Collection[str] | None = None, *, wait: bool = False
    ) -> list[Materialised]:
        """Bring materialised areas up to the catalogue; those that cannot be are logged and stay as they are.

        Nothing depends on it but speed: what an area does not hold as it is now comes from the files.

        Parameters
        ----------
        collections : collection of str, optional
            Whose areas; all by default.
        wait : bool
            Whether to wait for another process that is writing areas.
        """
        from eocene.process.loads.materialise import update_areas

        return list(update_areas(self.archive, collections, wait=wait)) if len(self.hot) else []

    @takes(collection=COLLECTION)
    def table(self, collection: str) -> geopandas.GeoDataFrame | pd.DataFrame:
        """Return a table of the archive, such as parcels or weather."""
        return self.archive.table(collection)

    @takes(parameters=MAPPING, on_error=ON_ERROR)
    def plan(
        self, graph: Any, parameters: Mapping[str, Any] | None = None, *, on_error: str = "raise"
    ) -> Plan:
        """Check a graph and return its plan; nothing is read. See :func:`eocene.process.make_plan`."""
        from eocene.process import make_plan

        return make_plan(graph, self.archive, parameters, on_error=on_error)

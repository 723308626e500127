"""A workspace: one folder that holds an archive, its results, models and linked data."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene._version import __version__
from eocene.model import InputError, Lattice, Layout, TimeSpan, UnavailableError
from eocene.model.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import geopandas
    import pandas as pd
    import pystac
    import xarray as xr

    from eocene.archive import Archive
    from eocene.archive.hot.index import HotAreas
    from eocene.archive.integrity.check import Report
    from eocene.archive.mirror.sync_report import SyncReport
    from eocene.cube.hot_writing import Materialised
    from eocene.jobs import JobStore, Layers, Users
    from eocene.learn import ModelRegistry
    from eocene.link import LinkStore
    from eocene.model import BBox
    from eocene.process import Plan
    from eocene.process.cost.estimate import Estimate
    from eocene.process.cost.explain import Explanation


class Workspace:
    """The rooms of one folder; make one with :func:`eocene.open`.

    Nothing is loaded before it is used: ``archive``, ``jobs``, ``layers``, ``users``, ``models`` and
    ``links`` open their room on first access.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def __repr__(self) -> str:
        return f"Workspace({str(self.layout.root)!r})"

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every room that was opened."""
        for room in ("archive", "jobs", "layers", "users", "links"):
            opened = self.__dict__.pop(room, None)
            if opened is not None:
                opened.close()

    @cached_property
    def archive(self) -> Archive:
        """Catalogue and pixels."""
        from eocene.archive import Archive

        return Archive(self.layout)

    @cached_property
    def jobs(self) -> JobStore:
        """Batch jobs."""
        from eocene.jobs import JobStore

        return JobStore(self.layout)

    @cached_property
    def layers(self) -> Layers:
        """Map layers."""
        from eocene.jobs import Layers

        return Layers(self.layout)

    @cached_property
    def users(self) -> Users:
        """Accounts."""
        from eocene.jobs import Users

        return Users(self.layout)

    @cached_property
    def models(self) -> ModelRegistry:
        """Registered models (extra ``learn``)."""
        from eocene.learn import ModelRegistry

        return ModelRegistry(self.layout)

    @cached_property
    def links(self) -> LinkStore:
        """Linked data (extra ``link``)."""
        from eocene.link import LinkStore

        return LinkStore(self.layout.graph)

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
        import pystac

        items = self.archive.ingest(
            path, collection=collection, datetime=datetime, checksums=checksums, progress=progress
        )
        self.update_hot({item["collection"] for item in items})
        return [pystac.Item.from_dict(i, preserve_dict=True) for i in items]

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

        area = None if bbox is None else _as_bbox(bbox)
        options = SyncOptions(tuple(assets), copy, tuple(allow), recheck)
        report = self.archive.sync(source, Wanted(collection, area, datetime, filter), options, progress)
        self.update_hot({collection})
        return report

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
        names = (collections,) if isinstance(collections, str) else tuple(collections)
        return self.archive.verify(names, repair=repair, progress=progress)

    def versions(self, item: pystac.Item) -> list[pystac.Item]:
        """Return all versions of an item, the newest first.

        Raises
        ------
        NotFoundError
            If it is not in the archive.
        """
        import pystac

        found = self.archive.versions(str(item.collection_id), item.id)
        return [pystac.Item.from_dict(i, preserve_dict=True) for i in found]

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
        import pystac

        from eocene.archive import Search
        from eocene.archive.majortom import widen_cells

        query = Search(
            collections=(collections,) if isinstance(collections, str) else tuple(collections),
            ids=tuple(ids),
            bbox=None if bbox is None else _as_bbox(bbox),
            span=TimeSpan.from_stac(datetime),
            filter=filter,
            cells=widen_cells(cells),
            sortby=tuple(sortby),
            limit=limit,
        )
        for name in query.collections:
            self.archive.catalogue.collection(name)
        return [pystac.Item.from_dict(i, preserve_dict=True) for i in self.archive.catalogue.search(query)]

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
        from eocene.cube.lazy import make_lazy
        from eocene.process import make_plan
        from eocene.process.loads.faults import skipped_of

        span = TimeSpan.from_stac(datetime)
        arguments: dict[str, Any] = {
            "id": collection,
            "bands": list(bands) if bands else None,
            "temporal_extent": None if datetime is None else [f"{span.start}Z", f"{span.end}Z"],
        }
        if bbox is not None:
            west, south, east, north = _as_bbox(bbox)
            arguments["spatial_extent"] = {"west": west, "south": south, "east": east, "north": north}
        graph = {"load": {"process_id": "load_collection", "arguments": arguments, "result": True}}
        plan = make_plan(graph, self.archive, lattice=_as_lattice(crs, resolution), on_error=on_error)
        cube = make_lazy(plan.schema.probe, plan.grid, plan.compute, collection, block=plan.block_size)
        if on_error == "skip":
            cube.attrs["skipped"] = skipped_of(plan.nodes)
        return cube

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
            self.archive, collection, _as_bbox(bbox), datetime, bands,
            lattice=_as_lattice(crs, resolution), progress=progress,
        )  # fmt: skip

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

    @property
    def hot(self) -> HotAreas:
        """The areas that are materialised: iterate over them, or ``drop`` one by its name."""
        return self.archive.hot

    def table(self, collection: str) -> geopandas.GeoDataFrame | pd.DataFrame:
        """Return a table of the archive, such as parcels or weather."""
        return self.archive.table(collection)

    def plan(self, graph: Any, parameters: Mapping[str, Any] | None = None) -> Plan:
        """Check a graph and return its plan; nothing is read. See :func:`eocene.process.make_plan`."""
        from eocene.process import make_plan

        return make_plan(graph, self.archive, parameters)


def _as_bbox(bbox: Sequence[float]) -> BBox:
    try:
        west, south, east, north = (float(v) for v in bbox)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{bbox!r} is not a box.", "Give west, south, east, north in degrees.",
            code="ProcessParameterInvalid",
        ) from error  # fmt: skip
    return west, south, east, north


def _as_lattice(crs: int | str | None, resolution: float | None) -> Lattice | None:
    if crs is None and resolution is None:
        return None
    if crs is None or resolution is None:
        raise InputError(
            "'crs' and 'resolution' go together.", "Give both or neither.", code="ProcessParameterInvalid"
        )
    text = str(crs).upper().removeprefix("EPSG:")
    if not text.isdigit():
        raise InputError(
            f"The crs {crs!r} is not an EPSG code.", "Write 32631 or 'EPSG:32631'.",
            code="ProcessParameterInvalid",
        )  # fmt: skip
    return Lattice(int(text), (float(resolution), float(resolution)))


def open(path_or_url: str | Path, *, create: bool = True) -> Workspace:  # noqa: A001 (the public name)
    """Open a workspace folder, or make one where there is nothing yet.

    Parameters
    ----------
    path_or_url : str or Path
        The folder.
    create : bool
        Whether a missing or empty folder becomes a workspace.

    Raises
    ------
    InputError
        If the path is a file or a folder that holds something else; it is left as it is.
    UnavailableError
        If it is a URL: a workspace on another machine is reached through its HTTP interfaces.
    """
    text = str(path_or_url)
    if "://" in text:
        raise UnavailableError(
            f"Opening the remote workspace {text} from Python is not built.",
            "Connect to it with openeo.connect(url) or pystac_client.Client.open(url + '/stac').",
        )
    layout = Layout(Path(text).expanduser().absolute())
    if layout.marker.is_file():
        return Workspace(layout)
    if layout.root.exists() and (not layout.root.is_dir() or any(layout.root.iterdir())):
        raise InputError(
            f"{layout.root} is not an Eocene workspace.",
            "Name an empty or new folder, or one that holds eocene.json.",
            code="FilePathInvalid",
        )
    if not create:
        raise InputError(
            f"There is no workspace at {layout.root}.", "Make one with eocene.open(path).",
            code="FilePathInvalid",
        )  # fmt: skip
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        write_json(layout.marker, {"format": 1, "made_by": f"eocene {__version__}"})
    except OSError as error:
        raise InputError(
            f"A workspace cannot be made at {layout.root}: {error.strerror}.",
            "Name a folder in which you may write.",
            code="FilePathInvalid",
        ) from error
    return Workspace(layout)


def run(
    graph: Any,
    *,
    workspace: Workspace | str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    processes: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
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

    Returns
    -------
    xarray.DataArray, geopandas.GeoDataFrame, list or plain value
        A cube is float with NaN for no-data and carries its CRS in ``spatial_ref``.
    """
    return _plan(graph, workspace, parameters, processes).run(progress)


def _plan(
    graph: Any,
    workspace: Workspace | str | Path | None,
    parameters: Mapping[str, Any] | None,
    processes: Mapping[str, Any] | None,
) -> Plan:
    from eocene.process import make_plan

    if isinstance(workspace, str | Path):
        workspace = open(workspace, create=False)
    archive = None if workspace is None else workspace.archive
    return make_plan(graph, archive, parameters, processes=processes)


def estimate(
    graph: Any,
    *,
    workspace: Workspace | str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    processes: Mapping[str, Any] | None = None,
) -> Estimate:
    """Estimate what running a graph will cost; no pixel is read.

    Parameters
    ----------
    graph, workspace, parameters, processes
        As for :func:`run`.

    Returns
    -------
    Estimate
        Bytes read, peak memory, processor time, and how the graph is cut.
    """
    return _plan(graph, workspace, parameters, processes).estimate()


def explain(
    graph: Any,
    *,
    workspace: Workspace | str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    processes: Mapping[str, Any] | None = None,
) -> Explanation:
    """Show the plan of a graph: what is read, at which resolution, how it is cut, what it will cost.

    Parameters
    ----------
    graph, workspace, parameters, processes
        As for :func:`run`.

    Returns
    -------
    Explanation
        A tree; print it, or leave it at the end of a notebook's cell.
    """
    return _plan(graph, workspace, parameters, processes).explain()

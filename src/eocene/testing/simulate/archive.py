"""Making the simulated archive: what is missing is made, what is whole is left alone."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from eocene.model.errors import InputError
from eocene.model.files import write_json
from eocene.testing.simulate import stac, truth
from eocene.testing.simulate.ground import lay_ground
from eocene.testing.simulate.places import lay_tiles
from eocene.testing.simulate.products import list_products
from eocene.testing.simulate.sky import list_skies
from eocene.testing.simulate.world import World, build_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.testing.simulate.ground import Ground
    from eocene.testing.simulate.places import Tile
    from eocene.testing.simulate.products import Product

    Progress = Callable[[int, int], None]

WHOLE_TILE = 10_980
VERSION = 1
"""Of the world that a seed gives; raise it when the same seed gives other pixels."""


@dataclass(frozen=True)
class Truth:
    """Where the truth lies: one folder a tile, and the events of the year."""

    folder: Path
    tiles: tuple[str, ...]

    @property
    def events(self) -> dict[str, Any]:
        """The events: dates, and the ids of the parcels that were flooded."""
        found: dict[str, Any] = json.loads((self.folder / "events.json").read_text(encoding="utf-8"))
        return found

    def classes(self, tile: str) -> Path:
        """Return the raster of what the ground is (codes of ``Cover``)."""
        return self.folder / tile / "classes.tif"

    def change(self, tile: str) -> Path:
        """Return the raster of what happened (codes of ``Event``)."""
        return self.folder / tile / "change.tif"

    def change_date(self, tile: str) -> Path:
        """Return the raster of the day of the year of the change, 0 for none."""
        return self.folder / tile / "change_date.tif"

    def reflectance(self, tile: str) -> dict[tuple[str, str], Path]:
        """Return the cloud-free reflectance by date (2024-03-05) and band, at 10 m, stored as in scenes."""
        found = {}
        for path in sorted((self.folder / tile).glob("reflectance_*.tif")):
            _, date, band = path.stem.split("_")
            found[f"{date[:4]}-{date[4:6]}-{date[6:]}", band] = path
        return found


@dataclass(frozen=True)
class SimulatedArchive:
    """A simulated archive on disk.

    Attributes
    ----------
    folder : where it lies.
    catalogue : its ``catalog.json``, to be given to ``ingest``.
    collections : ids of its collections.
    tiles : names of its tiles.
    items : number of items.
    megapixels : raster pixels in millions that this call wrote (0 where all was there).
    truth : what the world really is.
    """

    folder: Path
    catalogue: Path
    collections: tuple[str, ...]
    tiles: tuple[str, ...]
    items: int
    megapixels: float
    truth: Truth


def simulate_archive(
    folder: Path,
    *,
    size: int = 1024,
    dates: int = 24,
    seed: int = 0,
    progress: Progress | None = None,
) -> SimulatedArchive:
    """Make a small world from a seed and write it as a static STAC catalogue.

    Two overlapping tiles of ``size``² pixels of 10 m in EPSG:32632 and EPSG:32633 hold
    Sentinel-2 L2A-like scenes every ten days from 2024-03-05, Sentinel-1 GRD-like images every
    twelve days, labels, and tables of weather, parcels and water. The same arguments give the same
    pixels, bit for bit. A call that was cut off is completed by the next one.

    Parameters
    ----------
    folder : Path
        Where to write; made if absent.
    size : int
        Pixels along a tile's side: a multiple of 64 from 128 on, or 10980, a whole tile.
    dates : int
        Number of optical dates, 1 to 30.
    seed : int
        Any whole number from 0 on.
    progress : callable, optional
        Called with (items done, items in all).

    Raises
    ------
    InputError
        If an argument is out of range, the folder is a file, holds other things, or holds an
        archive made with other arguments.

    Examples
    --------
    >>> import tempfile
    >>> archive = simulate_archive(Path(tempfile.mkdtemp()), size=128, dates=1)
    >>> archive.collections[0]
    'sentinel-2-l2a'
    """
    folder = Path(folder)
    parameters = {"version": VERSION, "size": size, "dates": dates, "seed": seed}
    _check_arguments(size, dates, seed)
    _check_folder(folder, parameters)
    if not (folder / "simulation.json").exists():
        write_json(folder / "simulation.json", parameters)
    return _Maker(folder, size, dates, seed, progress or (lambda _done, _total: None)).make()


def _check_arguments(size: int, dates: int, seed: int) -> None:
    code = "ProcessParameterInvalid"
    if size != WHOLE_TILE and (size % 64 or not 128 <= size <= WHOLE_TILE):
        remedy = f"Give a multiple of 64 from 128 to {WHOLE_TILE - WHOLE_TILE % 64}, or {WHOLE_TILE}."
        raise InputError(f"A tile cannot have {size} pixels along its side.", remedy, code=code)
    if not 1 <= dates <= 30:
        raise InputError(f"A year cannot have {dates} dates.", "Give 1 to 30 dates.", code=code)
    if seed < 0:
        raise InputError(f"The seed {seed} is negative.", "Give a whole number from 0 on.", code=code)


def _check_folder(folder: Path, parameters: dict[str, int]) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file.", "Give the path of a folder that may be made.")
    record = folder / "simulation.json"
    if record.exists():
        found = json.loads(record.read_text(encoding="utf-8"))
        if found != parameters:
            raise InputError(
                f"{folder} holds a simulated archive made with {found}, not with {parameters}.",
                "Give another folder, or delete this one first.",
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"{folder} holds files that are no simulated archive.", "Give an empty folder, or one to be made."
        )


class _Maker:
    """Makes what an archive lacks."""

    def __init__(self, folder: Path, size: int, dates: int, seed: int, progress: Progress) -> None:
        self.folder, self.size, self.seed, self.progress = folder, size, seed, progress
        self.tiles = lay_tiles(size)
        self.skies = list_skies(size, seed, dates)
        self.products = list_products(self.tiles, self.skies, seed)
        self.done = 0

    # Drawn only if something is missing, so that a complete archive opens at once.
    @cached_property
    def world(self) -> World:
        return build_world(self.size, self.seed)

    def make(self) -> SimulatedArchive:
        """Make what is missing; the catalogue is written last."""
        missing = [p for p in self.products if not self._item_path(p).exists()]
        self.done = len(self.products) - len(missing)
        self.progress(self.done, len(self.products))
        if missing:
            _ = self.world  # drawn here, once, before threads ask for it
        # Whole tiles are made two products at a time, since each needs up to 2 GB.
        workers = min(os.cpu_count() or 1, 2 if self.size > 4096 else 8)
        with ThreadPoolExecutor(workers) as pool:
            self._write_products([p for p in missing if p.tile is None], None, pool)
            for tile in self.tiles:
                self._make_tile(tile, [p for p in missing if p.tile is tile], pool)
        if not (self.folder / "truth" / "events.json").exists():
            truth.write_events(self.folder / "truth" / "events.json", self.world)
        catalogue = self.folder / "catalog.json"
        if missing or not catalogue.exists():
            self._write_collections()
            stac.write_catalogue(self.folder)
        names = tuple(tile.name for tile in self.tiles)
        return SimulatedArchive(
            self.folder,
            catalogue,
            stac.COLLECTIONS,
            names,
            len(self.products),
            sum(p.megapixels for p in missing),
            Truth(self.folder / "truth", names),
        )

    def _item_path(self, product: Product) -> Path:
        return self.folder / product.collection / product.id / f"{product.id}.json"

    def _make_tile(self, tile: Tile, missing: list[Product], pool: ThreadPoolExecutor) -> None:
        known = self.folder / "truth" / tile.name / truth.LAST
        if not missing and known.exists():
            return
        ground = lay_ground(self.world, tile)
        self._write_products(missing, ground, pool)
        if not known.exists():
            chosen = sorted({0, len(self.skies) // 2, len(self.skies) - 1})
            skies = [self.skies[i] for i in chosen]
            truth.write_tile_truth(known.parent, self.world, ground, skies, pool)

    def _write_products(
        self, products: list[Product], ground: Ground | None, pool: ThreadPoolExecutor
    ) -> None:
        pending = [pool.submit(self._write_product, p, ground) for p in products]
        try:
            for finished in as_completed(pending):
                finished.result()
                self.done += 1
                self.progress(self.done, len(self.products))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise

    def _write_product(self, product: Product, ground: Ground | None) -> None:
        path = self._item_path(product)
        path.parent.mkdir(parents=True, exist_ok=True)
        assets, measured = product.write(path.parent, self.world, ground)
        properties = {**product.properties, **measured}
        shape = product.tile.outline if product.tile else shapely.box(*stac.find_bounds(self.tiles))
        item = stac.make_item(
            stac.SHELVES[product.collection], product.id, shape, product.time, assets, properties
        )
        # Last, so that an item whose JSON is there is whole.
        write_json(path, item)

    def _write_collections(self) -> None:
        for shelf in stac.SHELVES.values():
            held = [p for p in self.products if p.collection == shelf.id]
            times = [stac.stamp(p.time) for p in held if p.time is not None]
            span = (min(times), max(times)) if times else stac.YEAR
            stac.write_collection(self.folder, shelf, [p.id for p in held], self.tiles, span)

"""The contract of readers as tests: subclass it, say how a product is made, and pytest does the rest.

::

    class TestSentinel2(ReaderContract):
        reader = sentinel2.READER

        def make_product(self, folder):
            return write_safe(folder)
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eocene.archive import Archive, Search
from eocene.archive.fetch import Door
from eocene.archive.normalise import is_data, is_table
from eocene.archive.product import IngestOptions, name_extensions
from eocene.archive.readers import find_reader, readers
from eocene.model import EoceneError, Layout
from eocene.model.grid import Grid
from eocene.testing.damage import Damage, copy_product, damage_product

if TYPE_CHECKING:
    from eocene.archive.product import Product, Reader

_LARGE_BYTES = 4 * 2**30
_SEEN_PIXELS = 64


class ReaderContract:
    """What every reader promises; a subclass named ``Test…`` is collected by pytest.

    Attributes
    ----------
    reader : Reader
        The reader under test.
    datetime : str or None
        Given to ingest, where the format does not say when data were taken.
    damages : int
        How many damaged copies of the product are ingested.
    slowest_s : float
        No damaged copy may take longer than this.
    """

    reader: ClassVar[Reader]
    datetime: ClassVar[str | None] = None
    damages: ClassVar[int] = 200
    slowest_s: ClassVar[float] = 20.0

    def make_product(self, folder: Path) -> Path:
        """Write a small complete product into an empty folder and return its path (to be overridden)."""
        raise AssertionError(f"{type(self).__name__} does not say how a product is made in {folder}.")

    def test_it_recognises_its_products_and_nothing_else(self, tmp_path: Path) -> None:
        """Its products are its own; an empty folder, noise and source code are not."""
        product = self.make_product(tmp_path / "made")
        expect(self.reader.recognise(product), f"{product} is not recognised")
        if self.reader in readers():
            expect(find_reader(product) is self.reader, f"{product} is taken by {find_reader(product).name}")
        empty = tmp_path / "empty"
        empty.mkdir()
        noise = tmp_path / "noise.bin"
        noise.write_bytes(bytes(range(256)) * 64)
        for other in (empty, noise, Path(__file__)):
            expect(not self.reader.recognise(other), f"{other} is recognised")

    def test_it_recognises_cheaply(self, tmp_path: Path) -> None:
        """Files of 4 GiB take less than half a second of computing: names and first bytes suffice."""
        product = copy_product(self.make_product(tmp_path / "made"), tmp_path / "large")
        for file in [product] if product.is_file() else [f for f in product.rglob("*") if f.is_file()]:
            _grow(file)
        start = time.process_time()
        self.reader.recognise(product)
        spent = time.process_time() - start
        expect(spent < 0.5, f"recognising a product with files of 4 GiB took {spent:.2f} s")

    def test_its_items_are_valid_stac(self, tmp_path: Path) -> None:
        """Collections and items keep the schemas of STAC 1.1 and declare the extensions they use."""
        for collection, items in self._read(self.make_product(tmp_path / "made"), tmp_path / "assets"):
            expect(bool(items), f"the collection {collection['id']} has no items")
            for document in (collection, *items):
                check_stac(document)
            expect(all(i["collection"] == collection["id"] for i in items), "items name another collection")

    def test_its_hrefs_are_absolute_and_inside_its_roots(self, tmp_path: Path) -> None:
        """Every asset passes the door that the reader asks for."""
        product = self.make_product(tmp_path / "made")
        door = Door.of((*self.reader.find_roots(product), tmp_path / "assets"))
        for _, items in self._read(product, tmp_path / "assets"):
            for asset in (asset for item in items for asset in item["assets"].values()):
                expect(Path(asset["href"]).is_absolute(), f"{asset['href']} is relative")
                door.resolve(asset["href"])

    def test_it_reads_the_same_twice_and_anywhere(self, tmp_path: Path) -> None:
        """Items follow from the product alone, but for where it lies."""
        product = self.make_product(tmp_path / "made")
        first, again = (self._read(product, tmp_path / "assets") for _ in range(2))
        expect(first == again, "two readings differ")
        moved = copy_product(product, tmp_path / "elsewhere" / product.parent.name)
        text = json.dumps(self._read(moved, tmp_path / "assets"))
        there = json.loads(text.replace(str(moved.parent), str(product.parent)))
        expect(there == json.loads(json.dumps(first)), "a copy in another place gives other items")

    def test_it_leaves_the_product_as_it_is(self, tmp_path: Path) -> None:
        """Ingest and reading pixels write nothing into the product."""
        product = self.make_product(tmp_path / "made")
        before = _describe_tree(product)
        archive = Archive(Layout(tmp_path / "workspace"))
        for item in archive.ingest(product, datetime=self.datetime):
            look_at(archive, item)
        archive.close()
        expect(_describe_tree(product) == before, f"{product} was changed")

    def test_damaged_products_give_a_clear_error_and_change_nothing(self, tmp_path: Path) -> None:
        """Damage never ends in a crash, a hang, another error or half a catalogue."""
        product = self.make_product(tmp_path / "made")
        archive = Archive(Layout(tmp_path / "workspace"))
        archive.ingest(product, datetime=self.datetime)
        refused = 0
        for seed in range(self.damages):
            damage = damage_product(product, tmp_path / f"damaged-{seed}", seed)
            start = time.monotonic()
            refused += self._ingest_damaged(archive, damage)
            spent = time.monotonic() - start
            expect(spent < self.slowest_s, f"{damage} took {spent:.1f} s")
        archive.close()
        expect(refused >= self.damages // 4, f"of {self.damages} damaged products {refused} were refused")

    def _ingest_damaged(self, archive: Archive, damage: Damage) -> bool:
        """Return whether it was refused; harmless damage and that of pixels may pass."""
        before = _describe_catalogue(archive)
        try:
            items = archive.ingest(damage.product, datetime=self.datetime)
        except EoceneError as error:
            check_error(error, damage)
            expect(_describe_catalogue(archive) == before, f"{damage} changed the catalogue")
            return True
        for item in items:
            check_stac(item)
            try:
                look_at(archive, item)
            except EoceneError as error:
                check_error(error, damage)
        return False

    def _read(self, product: Path, assets: Path) -> list[Product]:
        options = IngestOptions(datetime=self.datetime, assets=assets)
        return [(c, list(items)) for c, items in self.reader.read_product(product, options)]


def expect(holds: bool, otherwise: str) -> None:
    """Raise AssertionError with a text unless something holds."""
    if not holds:
        raise AssertionError(otherwise)


def check_stac(document: dict[str, Any]) -> None:
    """Check a collection or item against the schemas of STAC and the rules of the fields it has.

    Raises
    ------
    AssertionError, pystac.errors.STACValidationError
        If it is not valid.
    """
    from pystac.validation import validate_dict

    json.dumps(document, allow_nan=False)
    # The structural links are added where a document is served.
    served = document | {"links": [*document["links"], {"rel": "collection", "href": "./collection.json"}]}
    validate_dict(served, stac_version="1.1.0", extensions=[])
    missing = set(name_extensions(document)) - set(document["stac_extensions"])
    expect(not missing, f"{document['id']} uses the undeclared extensions {missing}")
    for name, asset in document.get("assets", {}).items():
        shape, affine = asset.get("proj:shape", [1, 1]), asset.get("proj:transform", [1.0] * 6)
        expect(len(shape) == 2 and all(type(n) is int and n > 0 for n in shape), f"{name}: shape {shape}")
        expect(len(affine) in (6, 9), f"{name}: transform {affine}")
        expect(str(asset.get("proj:code", "EPSG:1")).startswith("EPSG:"), f"{name}: {asset.get('proj:code')}")
        expect(bool(asset.get("roles")), f"{name} has no roles")


def check_error(error: EoceneError, damage: Damage) -> None:
    """Check that an error names the damaged file or its product, and says what to do."""
    named = damage.file.name in error.message or damage.product.name in error.message
    expect(named, f"{damage}: the error does not name the file: {error.message}")
    expect(bool(error.remedy), f"{damage}: the error does not say what to do: {error.message}")


def look_at(archive: Archive, item: dict[str, Any]) -> None:
    """Read the first pixels of each raster of an item that is in the catalogue."""
    for asset in item["assets"].values():
        if is_data(asset) and not is_table(asset):
            raster = archive.open_raster(asset)
            full = raster.levels[0]
            rows, columns = (min(n, _SEEN_PIXELS) for n in full.shape)
            raster.read(Grid(full.lattice, full.left, full.top, columns, rows))
            raster.close()


def _grow(file: Path) -> None:
    """Make a file 4 GiB long without writing that much; its original is left alone."""
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    with file.open("r+b") as stream:
        stream.truncate(_LARGE_BYTES)


def _describe_tree(product: Path) -> list[tuple[str, int, int]]:
    files = sorted(product.rglob("*")) if product.is_dir() else [product]
    return [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files]


def _describe_catalogue(archive: Archive) -> tuple[Any, ...]:
    catalogue = archive.catalogue
    return catalogue.collections(), catalogue.search(Search()), catalogue.roots()

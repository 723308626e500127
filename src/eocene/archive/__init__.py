"""Products in: readers, catalogue, the one door to the outside."""

from eocene.archive.archive import Archive
from eocene.archive.catalogue import Catalogue
from eocene.archive.raster import Raster
from eocene.archive.search import Search
from eocene.archive.sqlite_catalogue import SqliteCatalogue

__all__ = ["Archive", "Catalogue", "Raster", "Search", "SqliteCatalogue"]

"""Products in: readers, catalogue, the one door to the outside."""

from eocene.archive.archive import Archive
from eocene.archive.catalogue.interface import Catalogue
from eocene.archive.catalogue.search import Search
from eocene.archive.catalogue.sqlite import SqliteCatalogue
from eocene.archive.raster import Raster

__all__ = ["Archive", "Catalogue", "Raster", "Search", "SqliteCatalogue"]

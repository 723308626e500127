"""Where the catalogue is kept: in the workspace's folder, or in the database that the operator names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from eocene.archive.catalogue.sqlite import SqliteCatalogue
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive.catalogue.interface import Catalogue

VARIABLE = "EOCENE_CATALOGUE"


def open_catalogue(path: Path) -> Catalogue:
    """Open the catalogue in PostgreSQL whose address the environment gives, else the file.

    Parameters
    ----------
    path : Path
        The SQLite file; it is made if it does not exist.

    Raises
    ------
    InputError
        If the address is not one of PostgreSQL, or the file is something else.
    UnavailableError
        If the packages for PostgreSQL are not installed.
    DamageError
        If the database cannot be reached or changed.
    """
    url = os.environ.get(VARIABLE, "")
    if not url:
        return SqliteCatalogue(path)
    if not url.startswith(("postgresql://", "postgres://")):
        raise InputError(
            f"{VARIABLE} is not the address of a PostgreSQL database.",
            "Write postgresql://user:password@host/database, or unset it for a file in the workspace.",
        )
    from eocene.archive.catalogue.pgstac import PgstacCatalogue

    return PgstacCatalogue(url)

"""Value types that every room speaks: grids, time spans, bands, errors."""

from eocene.model.band import Band
from eocene.model.errors import (
    AuthenticationError,
    ConflictError,
    DamageError,
    EoceneError,
    ForbiddenError,
    InputError,
    NotFoundError,
    StateError,
    UnavailableError,
)
from eocene.model.grid import BBox, Grid, Lattice, transform_bbox, transformer
from eocene.model.layout import Layout
from eocene.model.timespan import TimeSpan

__all__ = [
    "AuthenticationError",
    "BBox",
    "Band",
    "ConflictError",
    "DamageError",
    "EoceneError",
    "ForbiddenError",
    "Grid",
    "InputError",
    "Lattice",
    "Layout",
    "NotFoundError",
    "StateError",
    "TimeSpan",
    "UnavailableError",
    "transform_bbox",
    "transformer",
]

"""What people say in Python as the archive says it, and back: boxes, pixel grids, searches, items."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

from eocene.model import InputError, Lattice, TimeSpan
from eocene.workspace.arguments import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pystac

    from eocene.archive import Search
    from eocene.model import BBox


def make_search(  # noqa: PLR0913 (what a STAC API asks by)
    collections: Sequence[str] | str,
    *,
    bbox: BBox | Sequence[float] | None,
    datetime: str | None,
    filter: str | dict[str, Any] | None,  # noqa: A002 (STAC's name)
    ids: Sequence[str],
    cells: Sequence[str],
    sortby: Sequence[str],
    limit: int | None,
) -> Search:
    """Return the search of :meth:`eocene.Workspace.search`; raises InputError naming what is wrong."""
    from eocene.archive import Search
    from eocene.archive.majortom import widen_cells

    return Search(
        collections=(collections,) if isinstance(collections, str) else tuple(collections),
        ids=tuple(ids),
        bbox=None if bbox is None else as_bbox(bbox),
        span=TimeSpan.from_stac(datetime),
        filter=filter,
        cells=widen_cells(cells),
        sortby=tuple(sortby),
        limit=limit,
    )


def as_bbox(bbox: Sequence[float]) -> BBox:
    """Return west, south, east, north in degrees; raises InputError unless these are four numbers."""
    try:
        west, south, east, north = (_read_number(v) for v in bbox)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{show(bbox)} is not a box.", "Give west, south, east, north in degrees.",
            code="ProcessParameterInvalid",
        ) from error  # fmt: skip
    return west, south, east, north


def _read_number(value: Any) -> float:
    """Return a number as float; raises TypeError for texts, which float would read, and for booleans."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError
    return float(value)


def as_lattice(crs: int | str | None, resolution: float | None) -> Lattice | None:
    """Return the pixel grid of an EPSG code and a pixel size, None for neither; raises InputError."""
    if crs is None and resolution is None:
        return None
    if crs is None or resolution is None:
        raise InputError(
            "'crs' and 'resolution' go together.", "Give both or neither.", code="ProcessParameterInvalid"
        )
    text = str(crs).upper().removeprefix("EPSG:")
    if not (text.isascii() and text.isdigit()):
        raise InputError(
            f"The crs {crs!r} is not an EPSG code.", "Write 32631 or 'EPSG:32631'.",
            code="ProcessParameterInvalid",
        )  # fmt: skip
    try:
        size = _read_number(resolution)
    except (TypeError, OverflowError) as error:
        raise InputError(
            f"The resolution {show(resolution)} is not a number.",
            "Give the size of a pixel in units of the CRS.",
            code="ProcessParameterInvalid",
        ) from error  # fmt: skip
    return Lattice(int(text), (size, size))


def as_items(found: Iterable[Mapping[str, Any]]) -> list[pystac.Item]:
    """Return the documents of the catalogue as pystac's items."""
    import pystac

    return [pystac.Item.from_dict(dict(i), preserve_dict=True) for i in found]

"""Map pixels that take the number of the image pixel under their centre."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    ReadPart = Callable[[slice, slice], NDArray[Any]]


def pick_pixels(
    places: tuple[NDArray[np.float64], NDArray[np.float64]],
    shape: tuple[int, int],
    read_part: ReadPart,
    out: NDArray[Any],
) -> None:
    """Put the numbers of an image into ``out`` where it has any; the rest of ``out`` stays as it is.

    Parameters
    ----------
    places : tuple of ndarray
        Row and column of the image under each pixel centre, NaN outside of it; row r reaches from r to r + 1.
    shape : tuple of int
        Rows and columns of the image.
    read_part : callable
        Returns rows and columns of the image.
    out : ndarray
        Of the shape of the places.
    """
    inside = np.isfinite(places[0])
    if not inside.any():
        return
    down, right = (
        np.clip(np.floor(place[inside]).astype(np.intp), 0, most - 1)
        for place, most in zip(places, shape, strict=True)
    )
    top, left = int(down.min()), int(right.min())
    part = read_part(slice(top, int(down.max()) + 1), slice(left, int(right.max()) + 1))
    out[inside] = part[down - top, right - left]

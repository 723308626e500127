"""How a plane is cut for a model of chips: cores on the absolute grid, each looked at with a halo around it.

What a pixel's answer rests on must not depend on the window it is asked in. There are two ways:

- **Exact**: the network looks no further than the halo, and moves with its input by multiples of a stride,
  that of its pooling. Then any window whose edges are multiples of the stride, with the halo around it, gives
  what the whole plane at once would give, and windows are as large as they come.
- **Tiles** of one size at multiples of the core in absolute pixel numbers, for networks that look further,
  that take chips of one size only, or where blending is asked for. Between two tiles one is cropped at the
  middle of their overlap, or both are blended over it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eocene.model import Grid, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.learn.signature import Signature

BLENDS = ("crop", "linear", "cosine")
FREE_TILE = 256
"""Edge of a tile of a network that takes any size."""


@dataclass(frozen=True)
class Reach:
    """How far a network looks.

    Parameters
    ----------
    stride : int or None
        It moves with its input by multiples of it; None if by none that was tried.
    halo : int or None
        Pixels around one that its answer depends on; None if it looks at the whole chip.
    """

    stride: int | None
    halo: int | None


@dataclass(frozen=True)
class Tiling:
    """How a plane is cut.

    Parameters
    ----------
    halo : int
        Pixels around a core, or a window, that are looked at too.
    core : int
        Edge of a core; its multiples in absolute pixel numbers are where cores begin. Of an exact tiling the
        stride of the network.
    exact : bool
        Whether windows stand for themselves: see the module.
    blend : str
        "crop", "linear" or "cosine".
    """

    halo: int
    core: int
    exact: bool = False
    blend: str = "crop"

    @property
    def edge(self) -> int:
        """Edge of a tile in pixels."""
        return self.core + 2 * self.halo

    def cover(self, window: Grid, extent: Grid) -> Grid:
        """Return what has to be known for a window: all of the tiles that it rests on."""
        if self.exact:
            inside = self.snap(extent).intersect(self.snap(window).pad(self.halo))
            return inside or self.snap(window)
        cores = self.cores(window)
        return cores.pad(self.halo)

    def snap(self, window: Grid) -> Grid:
        """Return a window grown to whole cores."""
        left, top = window.left // self.core * self.core, window.top // self.core * self.core
        right = -(-(window.left + window.width) // self.core) * self.core
        bottom = -(-(window.top + window.height) // self.core) * self.core
        return replace(window, left=left, top=top, width=right - left, height=bottom - top)

    def cores(self, window: Grid) -> Grid:
        """Return the cores that a window rests on, as one grid; blended ones reach into each other."""
        return self.snap(window if self.blend == "crop" else window.pad(self.halo))

    def tiles(self, window: Grid) -> Iterator[Grid]:
        """Yield the tiles that a window rests on, halo included, row by row."""
        for core in self.cores(window).blocks(self.core):
            yield core.pad(self.halo)

    def ramp(self) -> NDArray[np.float32]:
        """Return the (edge,) weights of a tile along one axis; those of neighbours add up to 1."""
        width = 2 * self.halo
        rising = (np.arange(width, dtype=np.float64) + 0.5) / max(width, 1)
        if self.blend == "cosine":
            rising = (1 - np.cos(np.pi * rising)) / 2
        flat = np.ones(self.edge - 2 * width)
        return np.concatenate([rising, flat, 1 - rising]).astype(np.float32)


def choose_tiling(
    signature: Signature, reach: Reach | None, *, free: bool, overlap: int | None = None, blend: str = "crop"
) -> Tiling:
    """Return how a plane is cut for a model.

    Parameters
    ----------
    signature : Signature
        Of a model of chips.
    reach : Reach or None
        How far it looks, if that is known.
    free : bool
        Whether it takes windows of any size.
    overlap : int, optional
        Pixels of halo; by default as far as the network looks, or else an eighth of its chip.
    blend : str
        "crop", "linear" or "cosine".

    Raises
    ------
    InputError
        If there is no such blend, or the overlap leaves no core.
    """
    _check_choice(signature, blend)
    known = reach or Reach(None, None)
    if free and blend == "crop" and known.stride and known.halo is not None:
        halo = known.halo if overlap is None else overlap
        if halo >= known.halo:
            return Tiling(-(-halo // known.stride) * known.stride, known.stride, exact=True)
    rows, cols = signature.chip or (1, 1)
    edge = FREE_TILE if free else rows
    if rows != cols and not free:
        raise InputError(f"The model takes chips of {rows} × {cols} pixels.", "Train it on square chips.")
    halo = _default_halo(signature, known, edge) if overlap is None else overlap
    if not signature.dense:
        halo = 0
    if halo < 0 or 4 * halo > edge:
        raise InputError(
            f"An overlap of {overlap} pixels leaves no core of a tile of {edge}.",
            f"Give 0 to {edge // 4}.",
            code="ProcessParameterInvalid",
        )
    return Tiling(halo, edge - 2 * halo, blend=blend if halo else "crop")


def _default_halo(signature: Signature, reach: Reach, edge: int) -> int:
    """Return as far as the network looks if a quarter of a tile holds that, else an eighth of it."""
    halo = reach.halo if reach.halo is not None and 4 * reach.halo <= edge else edge // 8
    stride = reach.stride or 1
    rounded = -(-halo // stride) * stride
    return rounded if signature.dense and 4 * rounded <= edge else halo


def _check_choice(signature: Signature, blend: str) -> None:
    if blend not in BLENDS:
        raise InputError(
            f"There is no blend {blend!r}.", f"Use {', '.join(BLENDS)}.", code="ProcessParameterInvalid"
        )
    if blend != "crop" and not signature.dense:
        raise InputError(
            "A model that answers once for a chip cannot be blended.",
            'Leave blend at "crop".',
            code="ProcessParameterInvalid",
        )

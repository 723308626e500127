"""A U-Net with temporal attention on series of chips: U-TAE."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.learn.models.kind import CHIP_SERIES
from eocene.learn.models.network import NetworkSettings, network_kind
from eocene.learn.models.settings import whole


@dataclass(frozen=True)
class UtaeSettings(NetworkSettings):
    """Settings of a U-TAE (Garnot & Landrieu 2021, arXiv:2107.07933).

    Parameters
    ----------
    width : int
        Filters of the first stage, a multiple of heads; each stage has twice those of the one before.
    depth : int
        Stages; the edges of chips must be multiples of 2 to the power of depth − 1.
    heads : int
        Heads of the attention.
    key : int
        Length of queries and keys.
    """

    width: int = whole(16, 1, 512)
    depth: int = whole(3, 1, 8)
    heads: int = whole(8, 1, 64)
    key: int = whole(4, 1, 256)


network_kind("u_tae", UtaeSettings, title="U-TAE", takes=(CHIP_SERIES,))

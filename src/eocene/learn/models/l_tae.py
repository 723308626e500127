"""Lightweight temporal attention on series of a pixel: L-TAE."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.learn.models.kind import SERIES
from eocene.learn.models.network import NetworkSettings, network_kind
from eocene.learn.models.settings import whole


@dataclass(frozen=True)
class LtaeSettings(NetworkSettings):
    """Settings of an L-TAE (Garnot & Landrieu 2020, arXiv:2007.00586).

    Parameters
    ----------
    heads : int
        Heads, each with channels of its own.
    head_width : int
        Channels of a head.
    key : int
        Length of queries and keys.
    dense : int
        Units of the dense layer.
    """

    heads: int = whole(16, 1, 64)
    head_width: int = whole(8, 1, 256)
    key: int = whole(8, 1, 256)
    dense: int = whole(128, 1, 8192)


network_kind("l_tae", LtaeSettings, title="L-TAE", takes=(SERIES,))

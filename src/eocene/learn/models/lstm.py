"""A long short-term memory on series of a pixel."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.learn.models.kind import SERIES
from eocene.learn.models.network import NetworkSettings, network_kind
from eocene.learn.models.settings import whole


@dataclass(frozen=True)
class LstmSettings(NetworkSettings):
    """Settings of a long short-term memory.

    Parameters
    ----------
    width : int
        Cells in each direction.
    depth : int
        Layers of cells.
    """

    width: int = whole(64, 1, 2048)
    depth: int = whole(1, 1, 8)


network_kind("lstm", LstmSettings, title="LSTM", takes=(SERIES,))

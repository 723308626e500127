"""Convolutions along time on series of a pixel: TempCNN."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.learn.models.kind import SERIES
from eocene.learn.models.network import NetworkSettings, network_kind
from eocene.learn.models.settings import choice, whole


@dataclass(frozen=True)
class TempCnnSettings(NetworkSettings):
    """Settings of a TempCNN (Pelletier, Webb & Petitjean 2019, doi:10.3390/rs11050523).

    Parameters
    ----------
    filters : int
        Filters of a convolution.
    kernel : int
        Dates that a filter sees; odd.
    depth : int
        Convolutions.
    dense : int
        Units of the dense layer.
    """

    filters: int = whole(64, 1, 2048)
    kernel: int = choice(5, (1, 3, 5, 7, 9, 11, 13))
    depth: int = whole(3, 1, 12)
    dense: int = whole(256, 1, 8192)


network_kind("temp_cnn", TempCnnSettings, title="TempCNN", takes=(SERIES,))

"""A plain small convolutional network on chips."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.learn.models.kind import CHIPS
from eocene.learn.models.network import NetworkSettings, network_kind
from eocene.learn.models.settings import whole


@dataclass(frozen=True)
class SmallCnnSettings(NetworkSettings):
    """Settings of a plain convolutional network.

    Parameters
    ----------
    width : int
        Filters of the first stage; each stage has twice those of the one before.
    depth : int
        Stages, each at half the size of the one before.
    """

    width: int = whole(16, 1, 512)
    depth: int = whole(3, 1, 8)


network_kind("small_cnn", SmallCnnSettings, title="Convolutional network", takes=(CHIPS,))

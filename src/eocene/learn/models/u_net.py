"""A U-Net on chips: classes of each pixel, or of the chip as the mean of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.learn.models.kind import CHIPS
from eocene.learn.models.network import NetworkSettings, network_kind
from eocene.learn.models.settings import whole


@dataclass(frozen=True)
class UnetSettings(NetworkSettings):
    """Settings of a U-Net (Ronneberger, Fischer & Brox 2015, arXiv:1505.04597).

    Parameters
    ----------
    width : int
        Filters of the first stage; each stage has twice those of the one before.
    depth : int
        Stages; the edges of chips must be multiples of 2 to the power of depth − 1.
    """

    width: int = whole(16, 1, 512)
    depth: int = whole(4, 1, 8)


network_kind("u_net", UnetSettings, title="U-Net", takes=(CHIPS,))

"""How an encoder is pretrained."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.learn.models.network import NetworkSettings
from eocene.learn.models.settings import choice, number, whole


@dataclass(frozen=True)
class PretrainingSettings(NetworkSettings):
    """Settings of a masked autoencoder (He et al. 2022, doi:10.1109/CVPR52688.2022.01553).

    Of the settings that all networks share, those that are about labels have no effect.

    Parameters
    ----------
    hidden : float
        Part of the dates or patches that is hidden, and guessed from the rest.
    width, depth, heads : int
        Of the encoder: numbers in a token and in a vector, blocks, heads of attention.
    patch : int
        Edge of a patch of chips in pixels; for series of pixels it has no effect.
    decoder_width : int
        Numbers in a token of the decoder.
    """

    epochs: int = whole(150, 1, 100_000)
    batch_size: int = whole(128, 1, 65_536)
    weight_decay: float = number(0.05, 0.0, 10.0)
    hidden: float = number(0.6, 0.05, 0.95)
    width: int = choice(64, (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768))
    depth: int = whole(3, 1, 24)
    heads: int = choice(4, (1, 2, 4, 8))
    patch: int = whole(8, 1, 128)
    decoder_width: int = choice(64, (16, 32, 64, 128, 256))

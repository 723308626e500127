"""A multilayer perceptron on rows of features."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.learn.models.kind import ROWS, SERIES
from eocene.learn.models.network import NetworkSettings, network_kind
from eocene.learn.models.settings import whole


@dataclass(frozen=True)
class MlpSettings(NetworkSettings):
    """Settings of a multilayer perceptron.

    Parameters
    ----------
    width : int
        Units of a hidden layer.
    depth : int
        Hidden layers.
    """

    width: int = whole(128, 1, 8192)
    depth: int = whole(2, 1, 20)


network_kind(
    "mlp",
    MlpSettings,
    title="Multilayer perceptron",
    takes=(
        ROWS,
        SERIES,
    ),
)

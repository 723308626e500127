"""A transformer that was pretrained without labels, tuned to classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eocene.learn.models.kind import CHIP_SERIES, CHIPS, SERIES, Context, Fitted, model_kind
from eocene.learn.models.network import NetworkSettings
from eocene.learn.models.settings import choice, number, text, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHODS = ("full", "lora", "linear_probe", "frozen", "random")


@dataclass(frozen=True)
class TuningSettings(NetworkSettings):
    """Settings of an encoder that learns classes.

    Parameters
    ----------
    encoder : str or None
        Id of a pretrained encoder that this process has made or loaded: that of its weights, or that in the
        store of the workspace.
    method : str
        "linear_probe" leaves the encoder as it is and learns one layer on its vectors, to the end; "lora"
        goes on from there with a low-rank product beside each attention, "full" with all weights; "frozen"
        learns two layers on the vectors; "random" is "full" from new weights, as if nothing had been
        pretrained: what the others are compared with.
    strength : float
        Of the linear probe: how far its weights may bend to the labels (inverse of its regularisation).
    rank : int
        Of the low-rank products.
    """

    epochs: int = whole(60, 1, 100_000)
    batch_size: int = whole(32, 1, 65_536)
    weight_decay: float = number(0.05, 0.0, 10.0)
    validation: float = number(0.0, 0.0, 0.5)
    encoder: str | None = text(None)
    method: str = choice("full", METHODS)
    strength: float = number(0.3, 1e-6, 1e6)
    rank: int = whole(4, 1, 256)


@model_kind(
    "pretrained",
    TuningSettings,
    title="Pretrained transformer",
    package="torch",
    takes=(SERIES, CHIPS, CHIP_SERIES),
    in_graphs=False,
)
def fit(
    features: NDArray[Any], labels: NDArray[Any], options: TuningSettings, seed: int, context: Context
) -> Fitted:
    """Tune an encoder to labels; see :mod:`eocene.learn.pretraining`."""
    from eocene.learn.pretraining.tuning import fit_pretrained

    return fit_pretrained(features, labels, options, seed, context)

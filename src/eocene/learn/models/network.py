"""What the settings of all networks share, and how a kind that is a network is registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eocene.learn.models.kind import Context, Fitted, model_kind
from eocene.learn.models.settings import choice, number, text, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.learn.fractions import Fractions


@dataclass(frozen=True)
class NetworkSettings:
    """How a network is trained.

    Parameters
    ----------
    epochs : int
        Times that every sample is seen.
    batch_size : int
        Samples a step, over all processes.
    learning_rate : float
        The highest, after a warm-up over the first twentieth of the steps; it falls to 0 as a cosine.
    weight_decay : float
        Of AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).
    dropout : float
        Part of the units that are left out while learning.
    label_smoothing : float
        Part of each label that is shared out over all classes (Szegedy et al. 2016, arXiv:1512.00567).
    class_weight : str or None
        "balanced" weighs samples by the inverse frequency of their class.
    validation : float
        Part of the samples, whole blocks of ground, that is held out; the weights that did best on it are
        kept. 0 holds nothing out and keeps the last weights.
    patience : int or None
        Epochs without a better loss on the part held out after which training ends.
    members : int
        Networks, each with a seed of its own, whose probabilities are averaged.
    jitter : float
        Standard deviation of noise on the scaled values.
    drop_dates : float
        Part of the dates that go missing in a batch.
    warp_time : float
        Dates by which series are shifted and stretched at most.
    mixup : float
        Parameter of the beta distribution by which samples are mixed (Zhang et al. 2018, arXiv:1710.09412).
    checkpoint_steps : int
        Steps from one checkpoint to the next, where there is a folder for them.
    leave_out : str or None
        A layer, by its dotted name, that passes on what it gets: for ablation.
    """

    epochs: int = whole(60, 1, 100_000)
    batch_size: int = whole(64, 1, 65_536)
    learning_rate: float = number(1e-3, 1e-7, 10.0)
    weight_decay: float = number(1e-2, 0.0, 10.0)
    dropout: float = number(0.2, 0.0, 0.95)
    label_smoothing: float = number(0.0, 0.0, 0.9)
    class_weight: str | None = choice(None, (None, "balanced"))
    validation: float = number(0.15, 0.0, 0.5)
    patience: int | None = whole(None, 1, 100_000)
    members: int = whole(1, 1, 100)
    jitter: float = number(0.0, 0.0, 10.0)
    drop_dates: float = number(0.0, 0.0, 0.9)
    warp_time: float = number(0.0, 0.0, 10.0)
    mixup: float = number(0.0, 0.0, 10.0)
    checkpoint_steps: int = whole(200, 1, 1_000_000)
    leave_out: str | None = text(None)


def network_kind(
    name: str, settings: type[NetworkSettings], *, title: str, takes: tuple[tuple[str, ...], ...]
) -> None:
    """Register a kind whose network is ``build(settings, shape)`` in ``eocene.learn.networks.<name>``."""

    def fit(
        features: NDArray[Any],
        labels: NDArray[Any] | Fractions,
        options: NetworkSettings,
        seed: int,
        context: Context,
    ) -> Fitted:
        from eocene.learn.training.fit import fit_network

        return fit_network(name, features, labels, options, seed, context)

    model_kind(name, settings, title=title, package="torch", takes=takes, fractions=True)(fit)

"""Learning without labels: an encoder of one's own archive, by guessing what was hidden from it."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eocene.learn.models.kind import CHIP_SERIES, CHIPS, SERIES
from eocene.learn.networks.frame import Frame
from eocene.learn.networks.shape import describe_shape
from eocene.learn.pretraining.networks import Encoder, MaskedAutoencoder
from eocene.learn.training.augment import Augmentation
from eocene.learn.training.batches import ArraySource
from eocene.learn.training.fit import measure_scale
from eocene.learn.training.loop import Lesson, own_state, teach
from eocene.learn.training.loss import Loss
from eocene.model import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from eocene.curate import Samples
    from eocene.learn.networks.shape import Shape
    from eocene.learn.pretraining.settings import PretrainingSettings

_AT_ONCE = 1024
_SCORES_AT_ONCE = 2**26
"""Of attention, in all heads of one block: 256 MB."""
_KNOWN: OrderedDict[str, Pretrained] = OrderedDict()
_MOST_KNOWN = 32
_FORMS = {SERIES: "series", CHIPS: "chips", CHIP_SERIES: "chip-series"}
"""Forms of samples that can be cut into tokens, as they are named in an id."""


@dataclass(frozen=True, eq=False)
class Pretrained:
    """An encoder with weights, and what it was taught on.

    Parameters
    ----------
    network : Frame
        Scales samples and encodes them; in evaluation mode.
    axes : mapping of str to tuple of str
        The dimensions of one sample.
    settings : PretrainingSettings
    seed : int
    sources : mapping
        Where the samples came from.
    history : list
        What was measured after each epoch.
    """

    network: Frame
    axes: Mapping[str, tuple[str, ...]]
    settings: PretrainingSettings
    seed: int
    sources: Mapping[str, Any]
    history: list[dict[str, float]]

    def __post_init__(self) -> None:
        self.remember(self.id)

    def remember(self, name: str) -> None:
        """Let ``find_pretrained`` find it by a name."""
        _KNOWN[name] = self
        while len(_KNOWN) > _MOST_KNOWN:
            _KNOWN.popitem(last=False)

    @property
    def shape(self) -> Shape:
        """The dimensions of one sample."""
        return describe_shape(self.axes, self.settings.width)

    @property
    def id(self) -> str:
        """Named by its weights: the same samples, settings and seed give the same id."""
        digest = hashlib.sha256(json.dumps([asdict(self.settings), list(self.axes.items())]).encode())
        for name, value in sorted(self.network.state_dict().items()):
            digest.update(name.encode() + value.numpy().tobytes())
        return f"masked-{_FORMS[tuple(self.axes)]}-{digest.hexdigest()[:12]}"

    @property
    def at_once(self) -> int:
        """How many samples are encoded in one pass."""
        tokens = len(self.network.get_buffer("core.places"))
        return max(1, min(_AT_ONCE, _SCORES_AT_ONCE // (self.settings.heads * tokens**2)))

    def embed(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, width) vectors of (n, …) samples; NaN is a missing value."""
        parts = [np.empty((0, self.settings.width), np.float32)]
        with torch.no_grad():
            for start in range(0, len(features), self.at_once):
                rows = np.array(features[start : start + self.at_once], dtype=np.float32, order="C")
                parts.append(self.network(torch.from_numpy(rows)).numpy())
        return np.concatenate(parts)

    def export_tensors(self) -> bytes:
        """Return the weights as safetensors."""
        from safetensors.torch import save

        return save({key: value.contiguous().clone() for key, value in self.network.state_dict().items()})


class Reconstruction(Loss):
    """The loss of a network that measures its own errors, one a sample; all samples are of one class."""

    def _measure(self, scores: Tensor, answers: Tensor) -> Tensor:
        del answers
        return scores.float()


def pretrain(
    samples: Samples,
    settings: PretrainingSettings,
    *,
    seed: int = 0,
    rows: NDArray[np.intp] | None = None,
    threads: int = 2,
    folder: Path | None = None,
) -> Pretrained:
    """Teach an encoder to see what is typical of samples; their labels are not looked at.

    Parameters
    ----------
    samples : Samples
        Series {"t", "bands"}, chips {"bands", "y", "x"} or series of chips {"t", "bands", "y", "x"}; NaN is
        a missing value.
    settings : PretrainingSettings
    seed : int
        The same samples, settings, seed and number of threads give the same weights.
    rows : (k,) int, optional
        Learn from these samples only.
    threads : int
    folder : Path, optional
        Where checkpoints go; a training that was cut off there goes on.

    Raises
    ------
    InputError
        If the samples are of another form, or patches do not divide them.
    """
    features = samples.features if rows is None else samples.features[rows]
    shape = describe_shape(samples.axes, settings.width)
    check_form(shape, settings)
    with own_state(threads, seed):
        mean, deviation = (torch.from_numpy(part) for part in measure_scale(features, shape))
        encoder = make_encoder(shape, settings)
        model = MaskedAutoencoder(encoder, settings.hidden, settings.decoder_width)
        ones = np.ones(len(features), np.float32)
        told = [samples.id, asdict(settings), seed, None if rows is None else rows.tolist()]
        lesson = Lesson(
            source=ArraySource(features, np.zeros(len(features), np.int64), ones, settings.batch_size, seed),
            loss=Reconstruction(np.ones(1, np.float32)),
            options=settings,
            seed=seed,
            change=Augmentation(settings, deviation.numpy(), shape.dims, seed).change,
            folder=folder,
            name=hashlib.sha256(json.dumps(told).encode()).hexdigest(),
        )
        history = teach(Frame(model, shape, mean, deviation), lesson)
    network = Frame(encoder.cpu(), shape, mean, deviation).eval()
    sources = {**samples.sources, "dataset": samples.id, "samples": len(features)}
    return Pretrained(network, samples.axes, settings, seed, sources, history)


def make_encoder(shape: Shape, settings: PretrainingSettings) -> Encoder:
    """Return an encoder with new weights."""
    patch = 1 if shape.of_pixels else settings.patch
    return Encoder(shape, patch, settings.width, settings.depth, settings.heads)


def check_form(shape: Shape, settings: PretrainingSettings) -> None:
    """Refuse samples that cannot be cut into tokens."""
    if shape.dims not in _FORMS:
        raise InputError(
            f"Samples of ({', '.join(shape.dims)}) cannot be pretrained on.",
            "Take series (t, bands), chips (bands, y, x) or series of chips (t, bands, y, x).",
        )
    if not shape.of_pixels and any(size % settings.patch for size in shape.sizes[-2:]):
        rows, cols = shape.sizes[-2:]
        raise InputError(
            f"Patches of {settings.patch} pixels do not divide chips of {rows} × {cols}.",
            "Choose a patch that divides both edges.",
        )


def find_pretrained(encoder_id: str | None) -> Pretrained:
    """Return one of the last encoders that this process has made or loaded.

    Raises
    ------
    NotFoundError
        If there is none of this id.
    """
    found = _KNOWN.get(encoder_id or "")
    if found is None:
        raise NotFoundError(
            f"No encoder {encoder_id!r} is loaded.",
            "Pretrain one, or load it with load_pretrained.",
        )
    return found

"""Encoders that learn from samples without labels, and models that are tuned from them (extra ``torch``).

Importing this package imports torch. The kind of model "pretrained" is known without it.
"""

from eocene.learn.extra import import_extra

import_extra("torch")

from eocene.learn.models.pretrained import TuningSettings  # noqa: E402
from eocene.learn.pretraining.adapting import adapt_module  # noqa: E402
from eocene.learn.pretraining.masked import Pretrained, pretrain  # noqa: E402
from eocene.learn.pretraining.settings import PretrainingSettings  # noqa: E402
from eocene.learn.pretraining.storing import load_pretrained, save_pretrained  # noqa: E402
from eocene.learn.pretraining.tuning import fit_pretrained  # noqa: E402

__all__ = [
    "Pretrained",
    "PretrainingSettings",
    "TuningSettings",
    "adapt_module",
    "fit_pretrained",
    "load_pretrained",
    "pretrain",
    "save_pretrained",
]

"""What to train: a model's kind and its settings, as a value."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from eocene.model import InputError

KINDS = ("random_forest",)


@dataclass(frozen=True)
class ModelSpec:
    """Settings of a model.

    Parameters
    ----------
    kind : str
        "random_forest": missing values filled by the median of the training samples, then a forest
        of classification trees (Breiman 2001, doi:10.1023/A:1010933404324).
    n_estimators : int
        Trees, 1 to 2000.
    max_depth : int or None
        Deepest tree; None grows until leaves are pure.
    min_samples_leaf : int
        Smallest leaf.
    class_weight : str or None
        "balanced" weighs samples by the inverse frequency of their class.
    seed : int
        Decides every draw; the same samples, spec and seed give the same model.

    Raises
    ------
    InputError
        If a setting is outside its range.
    """

    kind: str = "random_forest"
    n_estimators: int = 200
    max_depth: int | None = None
    min_samples_leaf: int = 1
    class_weight: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        _require(self.kind in KINDS, f"The model kind {self.kind!r} is unknown.", f"Take one of {KINDS}.")
        _require_whole("n_estimators", self.n_estimators, 1, 2000)
        _require_whole("min_samples_leaf", self.min_samples_leaf, 1, 1_000_000)
        _require_whole("seed", self.seed, 0, 2**32 - 1)
        if self.max_depth is not None:
            _require_whole("max_depth", self.max_depth, 1, 1000)
        _require(
            self.class_weight in (None, "balanced"),
            f"The class weight {self.class_weight!r} is unknown.",
            'Take "balanced" or null.',
        )

    def to_json(self) -> str:
        """Return the settings as JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read settings; names that are left out keep their default.

        Raises
        ------
        InputError
            If the text is no JSON object or has a name that is none of the settings.
        """
        try:
            value: Any = json.loads(text)
        except ValueError as error:
            raise InputError(f"The model spec is no JSON: {error}.", "Write a JSON object.") from error
        _require(isinstance(value, dict), "The model spec is no JSON object.", 'Write {"n_estimators": 200}.')
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(value) - known)
        _require(not unknown, f"The model spec has no {unknown}.", f"Settings are {sorted(known)}.")
        return cls(**value)


def _require(condition: bool, message: str, remedy: str) -> None:
    if not condition:
        raise InputError(message, remedy, code="ProcessParameterInvalid")


def _require_whole(name: str, value: Any, low: int, high: int) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    _require(whole, f"{name} is {value!r}.", f"Give a whole number from {low} to {high}.")

"""What to train: a model's kind, its seed and its settings, as a value."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.learn.extra import import_extra
from eocene.learn.models.kind import Kind, find_kind, kind_names
from eocene.learn.models.settings import make_settings
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL, FRACTIONS = "label", "fractions"
"""What is learnt of a sample: the one label (or value) that it has, or the shares of all classes."""
_FIELDS = ("kind", "seed", "settings", "target")
_BENDING = ("class_weight", "label_smoothing")
_MAX_TEXT = 2**20


@dataclass(frozen=True)
class ModelSpec:
    """A kind of model with its settings.

    Parameters
    ----------
    kind : str
        One of ``eocene.learn.models.kind_names()``, such as "random_forest".
    seed : int
        Decides every draw; the same samples and spec give the same model.
    settings : mapping
        Settings of the kind; those that are left out get their default, so that the spec is complete.
    target : str
        "label", the class of a sample (of a regression its value), or "fractions", the share of each class
        as the columns ``fraction_<class>`` tell it: then probabilities are shares.

    Raises
    ------
    InputError
        If the kind or a setting is unknown, a value outside its range, or the kind cannot learn the target.

    Examples
    --------
    >>> ModelSpec("random_forest", seed=1, settings={"n_estimators": 50}).settings["min_samples_leaf"]
    1
    """

    kind: str = "random_forest"
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    target: str = LABEL

    def __post_init__(self) -> None:
        whole = isinstance(self.seed, int) and not isinstance(self.seed, bool) and 0 <= self.seed < 2**32
        _require(whole, f"seed is {self.seed!r}.", "Give a whole number from 0 to 4294967295.")
        _require(
            hasattr(self.settings, "items"), f"settings is {self.settings!r}.", "Give names with values."
        )
        options: Any = make_settings(self.described.settings, self.settings, self.kind)
        object.__setattr__(self, "settings", asdict(options))
        _require(
            self.target in (LABEL, FRACTIONS), f"target is {self.target!r}.", f"Take {LABEL} or {FRACTIONS}."
        )
        if self.of_fractions:
            self._check_fractions()

    def _check_fractions(self) -> None:
        able = ", ".join(name for name in kind_names() if find_kind(name).fractions)
        _require(
            self.described.fractions,
            f"The kind {self.kind!r} learns no shares of classes.",
            f'Take one of {able}, or the target "{LABEL}".',
        )
        bending = [name for name in _BENDING if self.settings.get(name)]
        _require(
            not bending,
            f"With {' and '.join(bending)} answers would be no shares any more.",
            f'Leave that out, or take the target "{LABEL}".',
        )

    @property
    def of_fractions(self) -> bool:
        """Whether shares of classes are learnt."""
        return self.target == FRACTIONS

    @property
    def learns_classes(self) -> bool:
        """Whether labels are classes, which can conflict: neither numbers nor shares."""
        return not self.of_fractions and self.described.task != "regression"

    @property
    def described(self) -> Kind:
        """The kind: its title, what samples it takes, and how it is fitted."""
        return find_kind(self.kind)

    @property
    def options(self) -> Any:
        """The settings as the frozen dataclass of the kind."""
        return self.described.settings(**self.settings)

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as plain values; the target where it is not the label, so that ids stay."""
        more = {} if self.target == LABEL else {"target": self.target}
        return {"kind": self.kind, "seed": self.seed, "settings": dict(self.settings), **more}

    def to_json(self) -> str:
        """Return the spec as JSON text."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def to_yaml(self) -> str:
        """Return the spec as YAML text."""
        return str(import_extra("yaml").safe_dump(self.to_dict(), sort_keys=False))

    @classmethod
    def from_dict(cls, value: Any) -> ModelSpec:
        """Make a spec of plain values; names that are left out keep their default.

        Raises
        ------
        InputError
            If it is no mapping or has a name other than kind, seed, settings and target.
        """
        remedy = 'Write {"kind": "random_forest", "settings": {"n_estimators": 200}}.'
        _require(isinstance(value, dict), "The model spec is no JSON object.", remedy)
        unknown = sorted(str(name) for name in value if name not in _FIELDS)
        _require(
            not unknown, f"The model spec has no {', '.join(unknown)}.", f"Names are {', '.join(_FIELDS)}."
        )
        return cls(**value)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read JSON text.

        Raises
        ------
        InputError
            If the text is no JSON object or has a name or value that the spec refuses.
        """
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"The model spec is no JSON: {error}.", "Write a JSON object.") from error
        return cls.from_dict(value)

    @classmethod
    def from_yaml(cls, text: str) -> ModelSpec:
        """Read YAML text of plain values, without aliases; JSON is YAML too.

        Raises
        ------
        InputError
            If the text is longer than 1 MiB, no YAML, or has a name or value that the spec refuses.
        """
        value = read_yaml(text, "model spec")
        return cls.from_dict({} if value is None else value)


def read_yaml(text: str, what: str) -> Any:
    """Read YAML text of plain values, without aliases.

    Raises
    ------
    InputError
        If the text is longer than 1 MiB or no such YAML.
    """
    yaml = import_extra("yaml")
    _require(len(text) <= _MAX_TEXT, f"The {what} has {len(text)} characters.", "Write at most 1 MiB.")
    try:
        aliases = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader))
        _require(not aliases, f"The {what} has YAML aliases.", "Write each value where it belongs.")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"The {what} is no YAML: {error}.", "Write names and plain values.") from error


def _require(condition: bool, message: str, remedy: str) -> None:
    if not condition:
        raise InputError(message, remedy, code="ProcessParameterInvalid")

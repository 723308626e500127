"""What a search may choose from, as plain values of YAML or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_REMEDY = 'Write {"learning_rate": {"low": 0.0001, "high": 0.01, "log": true}, "width": [32, 64, 128]}.'


def check_space(space: Any) -> dict[str, Any]:
    """Return a space: for each setting a list of choices, or {"low", "high", "log"}.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if not isinstance(space, dict) or not space:
        raise InputError("The space of the search is no mapping of settings.", _REMEDY)
    for name, told in space.items():
        if isinstance(told, list) and told:
            continue
        numbers = isinstance(told, dict) and all(
            isinstance(told.get(key), int | float) and not isinstance(told.get(key), bool)
            for key in ("low", "high")
        )
        if not numbers or set(told) - {"low", "high", "log"} or not told["low"] < told["high"]:
            raise InputError(f"The setting {name!r} has the range {told!r}.", _REMEDY)
        if told.get("log", False) not in (True, False) or (told.get("log") and told["low"] <= 0):
            raise InputError(f"The logarithm of {name!r} from {told['low']} has no meaning.", _REMEDY)
    return dict(space)


def suggest(trial: Any, space: Mapping[str, Any]) -> None:
    """Let an optuna trial choose a value for every setting."""
    for name, told in space.items():
        if isinstance(told, list):
            trial.suggest_categorical(name, told)
        elif isinstance(told["low"], int) and isinstance(told["high"], int):
            trial.suggest_int(name, told["low"], told["high"], log=bool(told.get("log", False)))
        else:
            trial.suggest_float(
                name, float(told["low"]), float(told["high"]), log=bool(told.get("log", False))
            )

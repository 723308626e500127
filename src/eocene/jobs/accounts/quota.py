"""What a user may use: limits of the operator, other ones for single users."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from eocene.model import InputError

QUOTA = "EOCENE_QUOTA"


@dataclass(frozen=True)
class Quota:
    """What one account may use at most; None is no limit.

    Parameters
    ----------
    jobs : int or None
        Batch jobs that are queued or running at once.
    requests : int or None
        Requests a minute.
    storage : int or None
        Bytes of results and uploaded files.
    credits : float or None
        What all jobs together may cost.
    """

    jobs: int | None = None
    requests: int | None = None
    storage: int | None = None
    credits: float | None = None

    @classmethod
    def of_environment(cls) -> Quota:
        """Return the limits that ``EOCENE_QUOTA`` says, as JSON or as the path of a JSON file."""
        return cls().override(read_setting(QUOTA) or {})

    def override(self, given: Any) -> Quota:
        """Return these limits with some replaced; null removes one.

        Raises
        ------
        InputError
            If a name is unknown or a value is not a number from 0 on.
        """
        known = [f.name for f in fields(self)]
        if not isinstance(given, dict):
            raise InputError("The limits are not an object.", f"Give some of {', '.join(known)}.")
        for name, value in given.items():
            if name not in known:
                raise InputError(f"The limit {name!r} is unknown.", f"Use some of {', '.join(known)}.")
            kinds = (int, float) if name == "credits" else (int,)
            whole = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
            if value is not None and not (whole and value >= 0):
                raise InputError(f"The limit {name!r} is not a number from 0 on.", "Give one, or null.")
        return replace(self, **given)

    def to_dict(self) -> dict[str, Any]:
        """Return the limits that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def read_setting(variable: str) -> Any:
    """Return the JSON that an environment variable holds, or that the file which it names holds.

    Raises
    ------
    InputError
        If it is neither JSON nor a readable file of JSON.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    try:
        return json.loads(text if text[0] in "{[" else Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{variable} is neither JSON nor the path of a JSON file: {error}.", "Correct it."
        ) from error

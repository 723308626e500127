"""A feature view: a named graph with an owner, a schema and checks, immutable by its content."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.dataset.identity import canonical, make_plain
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.curate.samples import Samples

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Check:
    """What the values of a band must keep to.

    Parameters
    ----------
    band : str
        Of the view's schema.
    minimum, maximum : float
        No value may lie outside.
    most_missing : float
        At most this share of the values may be missing.
    """

    band: str
    minimum: float = -math.inf
    maximum: float = math.inf
    most_missing: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the check as JSON, which has no infinite numbers."""
        bounds = {"minimum": self.minimum, "maximum": self.maximum}
        finite = {key: value for key, value in bounds.items() if math.isfinite(value)}
        return {"band": self.band, "most_missing": self.most_missing, **finite}


@dataclass(frozen=True)
class FeatureView:
    """A named graph whose result is features.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and hyphens.
    owner : str
        Who answers for it.
    graph : mapping
        An openEO process graph.
    bands : tuple of str
        The schema: the bands of its result, in order.
    description : str
        What the features mean.
    checks : tuple of Check
        What values must keep to.
    lookahead_days : float
        How far behind its date a value looks beyond the next date, as smoothing does; it is not known before.

    Raises
    ------
    InputError
        If the name cannot be used or a check names no band.
    """

    name: str
    owner: str
    graph: Mapping[str, Any]
    bands: tuple[str, ...]
    description: str = ""
    checks: tuple[Check, ...] = field(default=())
    lookahead_days: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "bands", tuple(self.bands))
        object.__setattr__(self, "checks", tuple(self.checks))
        if not _NAME.fullmatch(self.name) or not self.owner:
            raise InputError(
                f"{self.name!r} of {self.owner!r} is no view.",
                "Name it in lower-case letters, digits and hyphens, and name an owner.",
            )
        unknown = [check.band for check in self.checks if check.band not in self.bands]
        if unknown or self.lookahead_days < 0:
            raise InputError(
                f"The view checks {unknown} and looks {self.lookahead_days} days ahead.",
                f"Check bands of {self.bands}, and look ahead 0 days or more.",
            )

    @property
    def id(self) -> str:
        """The name and a hash of all of it."""
        told = hashlib.sha256(canonical(self.to_json()).encode()).hexdigest()
        return f"{self.name}-{told[:12]}"

    def to_json(self) -> dict[str, Any]:
        """Return the view as plain JSON."""
        return {
            "name": self.name,
            "owner": self.owner,
            "graph": make_plain(self.graph),
            "bands": list(self.bands),
            "description": self.description,
            "checks": [check.to_json() for check in self.checks],
            "lookahead_days": float(self.lookahead_days),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FeatureView:
        """Return the view that JSON describes."""
        checks = tuple(Check(**check) for check in value["checks"])
        return cls(**{**value, "bands": tuple(value["bands"]), "checks": checks})


def check_values(view: FeatureView, samples: Samples) -> list[str]:
    """Return in words which checks of a view do not hold for its values; none if all do."""
    found = []
    bands = samples.features.reshape(len(samples), -1, len(view.bands))
    for check in view.checks:
        values = bands[..., view.bands.index(check.band)]
        known = values[~np.isnan(values)]
        outside = int(((known < check.minimum) | (known > check.maximum)).sum())
        if outside:
            found.append(f"{outside} values of {check.band} lie outside {check.minimum} to {check.maximum}")
        missing = 1 - known.size / values.size if values.size else 0.0
        if missing > check.most_missing:
            found.append(f"{missing:.1%} of {check.band} are missing, more than {check.most_missing:.1%}")
    return found

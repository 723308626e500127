"""The report of the gate, for programs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.curate.faults.finding import Finding
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "eocene-faults-1"


@dataclass(frozen=True)
class FaultReport:
    """What the gate found in one data set.

    Parameters
    ----------
    samples_id : str
        The id of the data set: its content, so that a report belongs to no other.
    size : int
        How many samples it has.
    findings : tuple of Finding
    checked : mapping of str to float
        The kinds that were checked, each with its seconds.
    skipped : mapping of str to str
        The kinds that could not be checked, each with why.
    names : mapping of int to str
        Names of the samples that are found, from the column "sample" where there is one.
    """

    samples_id: str
    size: int
    findings: tuple[Finding, ...]
    checked: Mapping[str, float] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)

    def find(self, *kinds: str, severity: str | None = None) -> list[Finding]:
        """Return the findings of some kinds, or of all, and of one severity or both."""
        return [
            f
            for f in self.findings
            if (not kinds or f.kind in kinds) and (severity is None or f.severity == severity)
        ]

    def rows(self, *kinds: str, severity: str | None = None) -> list[int]:
        """Return the sorted rows that such findings name, each once."""
        return sorted({row for f in self.find(*kinds, severity=severity) for row in f.samples})

    @property
    def faults(self) -> dict[str, int]:
        """How many samples have each kind of fault; suspicions do not count."""
        found = self.find(severity="fault")
        return {kind: len(self.rows(kind, severity="fault")) for kind in sorted({f.kind for f in found})}

    @property
    def suspicions(self) -> dict[str, int]:
        """How many samples are suspected, by kind."""
        found = self.find(severity="suspicion")
        return {kind: len(self.rows(kind, severity="suspicion")) for kind in sorted({f.kind for f in found})}

    def to_json(self) -> dict[str, Any]:
        """Return the whole report as JSON."""
        return {
            "format": FORMAT,
            "samples_id": self.samples_id,
            "size": self.size,
            "faults": self.faults,
            "suspicions": self.suspicions,
            "checked": dict(self.checked),
            "skipped": dict(self.skipped),
            "findings": [f.to_json(self.names) for f in self.findings],
        }

    def __str__(self) -> str:
        told = Counter(self.faults) + Counter()
        found = ", ".join(f"{n} {kind}" for kind, n in told.items()) or "no fault"
        looked = ", ".join(f"{n} {kind}" for kind, n in self.suspicions.items()) or "none"
        return f"{self.samples_id}: {self.size} samples; {found}; to look at: {looked}"

    @classmethod
    def from_json(cls, text: str | Mapping[str, Any]) -> FaultReport:
        """Read a report again.

        Raises
        ------
        InputError
            If it is none, or one of another version.
        """
        try:
            told = json.loads(text) if isinstance(text, str) else text
            if told["format"] != FORMAT:
                raise ValueError(f"format {told['format']!r}")
            findings = tuple(Finding.from_json(f) for f in told["findings"])
            names = {
                int(row): str(name)
                for f in told["findings"]
                for row, name in zip(f["samples"], f.get("names", ()), strict=False)
            }
            return cls(
                str(told["samples_id"]),
                int(told["size"]),
                findings,
                dict(told["checked"]),
                dict(told["skipped"]),
                names,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"This is no report of the gate: {error!r}.", f"Give one in the format {FORMAT}."
            ) from error

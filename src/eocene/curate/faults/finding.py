"""What a check found: which samples, why, how sure, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

Severity = Literal["fault", "suspicion"]
"""A fault is proved by the data and stops training; a suspicion is for someone to look at."""
Proposal = Literal["drop", "relabel", "look"]


@dataclass(frozen=True)
class Finding:
    """Some samples with one fault.

    Parameters
    ----------
    kind : str
        The check that found it, such as "nodata".
    samples : tuple of int
        Row numbers in the data set that was checked.
    reason : str
        One sentence with the figures that prove it.
    severity : "fault" or "suspicion"
    proposal : "drop", "relabel" or "look"
        What is usually done about it.
    drop : tuple of int
        Which of the samples go when the finding is resolved by dropping; one of a group of copies stays.
    labels : tuple of int
        The label that each of the samples should probably bear, if the proposal is to relabel.
    scores : tuple of float
        How far each of the samples is out, in units that the reason tells; may be empty.
    evidence : mapping
        Further figures, as JSON.
    """

    kind: str
    samples: tuple[int, ...]
    reason: str
    severity: Severity
    proposal: Proposal = "drop"
    drop: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self, names: Mapping[int, str]) -> dict[str, Any]:
        """Return the finding as JSON; empty parts are left out."""
        told: dict[str, Any] = {
            "kind": self.kind,
            "severity": self.severity,
            "proposal": self.proposal,
            "reason": self.reason,
            "samples": list(self.samples),
        }
        if names:
            told["names"] = [names[row] for row in self.samples]
        parts = {"drop": self.drop, "labels": self.labels, "scores": self.scores}
        told |= {key: list(part) for key, part in parts.items() if part}
        return told | ({"evidence": dict(self.evidence)} if self.evidence else {})

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Finding:
        """Read a finding again.

        Raises
        ------
        InputError
            If it is none.
        """
        try:
            return cls(
                kind=str(told["kind"]),
                samples=_rows(told["samples"]),
                reason=str(told["reason"]),
                severity="fault" if told["severity"] == "fault" else "suspicion",
                proposal=told["proposal"],
                drop=_rows(told.get("drop", ())),
                labels=_rows(told.get("labels", ())),
                scores=tuple(float(v) for v in told.get("scores", ())),
                evidence=dict(told.get("evidence", {})),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"This is no finding: {error!r}.", "Take the report as it was written."
            ) from error


def _rows(values: Any) -> tuple[int, ...]:
    return tuple(int(v) for v in values)

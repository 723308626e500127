"""What the gate is told beforehand, and where it draws its lines."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.model import InputError


@dataclass(frozen=True)
class GateSettings:
    """Limits of the checks.

    Parameters
    ----------
    nodata : float, optional
        The value that stands for no data, if the features still hold it; else it is found.
    mostly_empty : float
        A sample with at least this share of no data is a nodata sample.
    max_missing : float
        A sample may lack this share of its values.
    label_days : float
        Days that may lie between the columns "time" and "label_time".
    period : (str, str), optional
        ISO dates between which all samples must lie.
    today : str, optional
        ISO date after which no sample can have been seen; None lets the future be.
    area : (west, south, east, north), optional
        Degrees; all samples must lie inside.
    folds : int
        Folds of the check for mislabels.
    block_size_m : float, optional
        Edge of their blocks; None takes a tenth of the extent.
    seed : int
        Decides all draws.

    Raises
    ------
    InputError
        If a share is none, or there are fewer than two folds.
    """

    nodata: float | None = None
    mostly_empty: float = 0.9
    max_missing: float = 0.5
    label_days: float = 183.0
    period: tuple[str, str] | None = None
    today: str | None = None
    area: tuple[float, float, float, float] | None = None
    folds: int = 5
    block_size_m: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("mostly_empty", "max_missing"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)}.", "Give a share above 0, at most 1.")
        if self.folds < 2:
            raise InputError(f"folds is {self.folds}.", "Take 2 folds or more.")

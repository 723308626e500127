"""What a labelling is about: the pool, the classes, the model, and how the rounds go."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eocene.learn.models.kind import CHIPS, PIXELS
from eocene.learn.spec import ModelSpec
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.curate import Samples
    from eocene.learn.active.book import Entry, LabelBook


@dataclass(frozen=True)
class Terms:
    """What is labelled, and how the rounds go.

    Parameters
    ----------
    dataset : str
        Id of the pool; its labels are not looked at.
    classes : mapping of int to str
        At least two.
    spec : mapping
        The model that learns between rounds, as ``ModelSpec.to_dict`` tells it.
    first, step : int
        Labels before the first model, and between two of them.
    seed : int
    test : str, optional
        Id of a labelled data set that each round is scored on.
    """

    dataset: str
    classes: Mapping[int, str]
    spec: Mapping[str, Any] = field(default_factory=dict)
    first: int = 20
    step: int = 10
    seed: int = 0
    test: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", {int(v): str(name) for v, name in self.classes.items()})
        if len(self.classes) < 2 or self.first < 2 or self.step < 1:
            raise InputError(
                f"{len(self.classes)} classes, {self.first} first labels and steps of {self.step} are no "
                "labelling.",
                "Give two classes or more, two first labels or more, and steps of one or more.",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the terms as JSON."""
        return {**asdict(self), "classes": {str(v): name for v, name in self.classes.items()}}


@dataclass(frozen=True, eq=False)
class Kept:
    """A labelling as it is kept.

    Parameters
    ----------
    name : str
        Its id in the book.
    samples : Samples
        The pool.
    book : LabelBook
        Where it was started with its terms.
    """

    name: str
    samples: Samples
    book: LabelBook

    @cached_property
    def terms(self) -> Terms:
        """What was agreed; raises NotFoundError if it was never started."""
        return Terms(**self.book.find(self.name))

    def entries(self) -> list[Entry]:
        """Return what holds now, labels and skips, the oldest first."""
        return self.book.current(self.name)

    def labels(self) -> list[Entry]:
        """Return the labels that hold now, the oldest first."""
        return [entry for entry in self.entries() if entry.act == "label"]


def choose_spec(form: tuple[str, ...]) -> ModelSpec:
    """Return a model that learns within seconds from samples of a form.

    Raises
    ------
    InputError
        If there is none for series of chips.
    """
    if form in PIXELS:
        return ModelSpec(settings={"n_estimators": 200})
    if form == CHIPS:
        return ModelSpec("chip_texture")
    raise InputError(
        f"No quick model learns from samples of ({', '.join(form)}).", "Name one by --spec, such as u_tae."
    )

"""The labellings of a workspace: begun from a data set, opened again by their id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eocene.curate import Samples
from eocene.learn.active.book import LabelBook
from eocene.learn.active.labelling import Labelling
from eocene.learn.active.pool import UNLABELLED
from eocene.learn.active.terms import Kept, Terms, choose_spec
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.learn.spec import ModelSpec
    from eocene.model import Layout


def begin_labelling(
    layout: Layout,
    dataset: str,
    *,
    classes: Mapping[int, str] | None = None,
    spec: ModelSpec | None = None,
    first: int = 20,
    step: int = 10,
    test: str | None = None,
) -> str:
    """Begin to label a data set and return the id, which is the data set's; one that was begun goes on.

    Parameters
    ----------
    layout : Layout
    dataset : str
        The pool.
    classes : mapping of int to str, optional
        By default those of the data set.
    spec : ModelSpec, optional
        By default a random forest, or for chips one on texture features.
    first, step : int
        As of ``Terms``.
    test : str, optional
        A labelled data set that each round is scored on.

    Raises
    ------
    NotFoundError
        If there is no such data set.
    InputError
        If it was begun with other classes, or there are fewer than two.
    """
    pool = _load(layout, dataset)
    if test is not None:
        _load(layout, test)
    known = {v: name for v, name in pool.class_names.items() if name != UNLABELLED}
    model = spec or choose_spec(tuple(pool.axes))
    terms = Terms(dataset, classes or known, model.to_dict(), first, step, model.seed, test)
    kept = Terms(**LabelBook(layout.labels).start(dataset, terms.to_dict()))
    if classes and dict(classes) != dict(kept.classes):
        raise InputError(
            f"{dataset} is labelled with the classes {', '.join(kept.classes.values())}.",
            "Leave out --classes to go on with these.",
        )
    return dataset


def open_labelling(layout: Layout, name: str) -> Labelling:
    """Return a labelling that was begun, where it was; raises NotFoundError if there is none of this id."""
    kept = find_labelling(layout, name)
    return Labelling(kept, None if kept.terms.test is None else _load(layout, kept.terms.test))


def find_labelling(layout: Layout, name: str) -> Kept:
    """Return what is kept of a labelling; raises NotFoundError if there is none of this id."""
    book = LabelBook(layout.labels)
    return Kept(name, _load(layout, Terms(**book.find(name)).dataset), book)


def _load(layout: Layout, dataset: str) -> Samples:
    """Return a data set by its plain name."""
    if dataset != dataset.strip("./\\") or "/" in dataset or "\\" in dataset:
        raise InputError(f"{dataset[:80]!r} is no id of a data set.", "Name one of eocene dataset list.")
    return Samples.load(layout.datasets / dataset)

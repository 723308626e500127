"""Samples whose label is probably wrong: confident learning on probabilities from folds left out.

Source: Northcutt, Jiang & Chuang 2021, doi:10.1613/jair.1.12125. Their threshold, the mean probability of a
class, passes over part of what is wrong where classes are clear, for half of their members lie below it; so
what is as much rather of the other class as all but few of its undisputed members are counts too. The folds
are blocks of ground, since a neighbour in the training set would hand on the same wrong label.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.arrays import chunked
from eocene.curate.faults.check import NotApplicable, check, import_science
from eocene.curate.faults.finding import Finding
from eocene.curate.faults.material import WIDEST
from eocene.curate.sampling.designs import take_lowest
from eocene.curate.splits import SplitWarning, block_split, random_split
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material
    from eocene.curate.splits import Split

_BEFORE = ("nodata", "missing", "scale", "stripes", "conflicts", "crs", "outliers")
_TREES = 100
_GROWN_ON, _HELD = 20_000, 50_000
"""Samples that a tree is grown on, and those that the trees of a forest draw them from."""
_MARGIN, _CLEAR = 0.1, 0.3
_FEW, _LEAST = 0.01, 1e-3


@check("mislabels", "labels that the other samples contradict", after=_BEFORE, suspects=True)
def find_mislabels(material: Material) -> Iterator[Finding]:
    """Name samples that a model which never saw their ground takes, with confidence, for another class."""
    rows = material.without(*_BEFORE)
    labels = material.labels[rows]
    classes = np.unique(labels)
    if len(classes) < 2 or len(rows) < 10 * material.settings.folds:
        raise NotApplicable("this needs two classes and ten samples a fold")
    blocked, splits = _split(material, rows)
    answer = _estimate_out_of_fold(material, rows, labels, splits)
    proposed, margin = find_label_errors(answer, np.searchsorted(classes, labels))
    wrong = np.flatnonzero(proposed >= 0)
    if not len(wrong):
        return
    wrong = wrong[np.argsort(-margin[wrong], kind="stable")]
    told = tuple(int(row) for row in rows[wrong])
    where = "other blocks of ground" if blocked else "other folds (at random: there are no blocks)"
    yield Finding(
        "mislabels",
        told,
        f"{len(told)} samples are taken for another class by models trained on {where}.",
        "suspicion",
        "relabel",
        drop=told,
        labels=tuple(int(classes[k]) for k in proposed[wrong]),
        scores=tuple(round(float(v), 4) for v in margin[wrong]),
    )


def find_label_errors(
    probabilities: NDArray[np.float64], given: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find the off-diagonal of the confident joint.

    Parameters
    ----------
    probabilities : (n, k) float64
        Of models that never saw the sample; NaN rows, and classes that were not there to learn, count for
        nothing.
    given : (n,) int
        Column of the label that each sample bears.

    Returns
    -------
    proposed : (n,) int
        Column of the class that a sample confidently has instead, −1 where its label stands.
    margin : (n,) float64
        Probability of that class less that of the label.
    """
    rows = np.arange(len(given))
    own = probabilities[rows, given]
    known = np.isfinite(own)
    held = np.where(known[:, None], probabilities, -1.0)
    best = held.argmax(axis=1)
    likely = held[rows, best]
    usual, odds = _find_thresholds(probabilities, given, known & (best == given))
    confident = (likely >= usual[best]) & (own < usual[given])
    # What the other class's members look like beside this class, it looks like too.
    as_members = np.log(np.maximum(likely, _LEAST) / np.maximum(own, _LEAST)) >= odds[best, given]
    margin = np.where(known & (best != given), likely - own, 0.0)
    wrong = (confident & (margin > _MARGIN)) | (as_members & (margin > _CLEAR))
    return np.where(wrong, best, -1), margin


def _find_thresholds(
    probabilities: NDArray[np.float64], given: NDArray[np.intp], agreed: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what is usual for each class.

    (k,) the mean probability that its samples have for it, and (k, k) the logarithmic odds of it against
    each other class that all but few of its undisputed samples reach.
    """
    count = probabilities.shape[1]
    usual, odds = np.full(count, np.inf), np.full((count, count), np.inf)
    for k in range(count):
        mine = (given == k) & np.isfinite(probabilities[:, k])
        clear = probabilities[agreed & mine]
        if len(clear):
            usual[k] = probabilities[mine, k].mean()
            ratios = np.log(np.maximum(clear[:, [k]], _LEAST) / np.maximum(clear, _LEAST))
            odds[k] = np.quantile(ratios, _FEW, axis=0)
    return usual, odds


def _estimate_out_of_fold(
    material: Material, rows: NDArray[np.intp], labels: NDArray[np.int64], splits: list[Split]
) -> NDArray[np.float64]:
    """Return (k, classes) probabilities of each row by a forest that was grown without its fold.

    NaN where the fold's training samples lacked the class that the sample bears.
    """
    forest = import_science("sklearn.ensemble")
    classes = np.unique(labels)
    answer = np.full((len(labels), len(classes)), np.nan)
    for train, test in splits:
        learnt = _draw(train, labels, material.settings.seed)
        model = forest.ExtraTreesClassifier(
            n_estimators=_TREES,
            min_samples_leaf=2,
            bootstrap=True,
            max_samples=min(1.0, _GROWN_ON / len(learnt)),
            class_weight="balanced",
            random_state=material.settings.seed,
            n_jobs=2,
        )
        model.fit(_read_features(material, rows[learnt]), labels[learnt])
        columns = np.searchsorted(classes, model.classes_)
        for part in chunked(len(test), max(material.width, _TREES * len(classes))):
            some = test[part]
            told = np.zeros((len(some), len(classes)))
            told[:, columns] = model.predict_proba(_read_features(material, rows[some]))
            told[~np.isin(labels[some], model.classes_)] = np.nan
            answer[some] = told
    return answer


def _draw(rows: NDArray[np.intp], labels: NDArray[np.int64], seed: int) -> NDArray[np.intp]:
    """Return those of very many rows that forests are grown on, as many of each class as of the others."""
    if len(rows) <= _HELD:
        return rows
    classes = np.unique(labels[rows], return_inverse=True)[1].reshape(-1)
    keys = np.random.default_rng(seed).random(len(rows))
    return rows[take_lowest(classes, keys, max(1, _HELD // (int(classes.max()) + 1)))]


def _read_features(material: Material, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return standardised values, or the strongest directions where there are very many."""
    if material.described > WIDEST:
        return material.embedding[rows]
    found = np.empty((len(rows), material.described), np.float32)
    for part in chunked(len(rows), material.width):
        found[part] = material.describe(rows[part])
    return found


def _split(material: Material, rows: NDArray[np.intp]) -> tuple[bool, list[Split]]:
    settings, places = material.settings, material.locate(rows)
    extent = max(float(np.ptp(places.x)), float(np.ptp(places.y)))
    size = settings.block_size_m or max(extent / 10, 1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SplitWarning)
        try:
            return True, block_split(places, settings.folds, size, settings.seed)
        except InputError:  # degrees, or a single place: folds at random are better than none
            return False, random_split(places, settings.folds, settings.seed)

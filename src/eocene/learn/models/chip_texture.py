"""Chips told apart by their texture: fixed statistics of ten families, then a kernel machine.

The statistics are of ``texture_onnx``. Each becomes its rank among the training samples, so that neither
outliers nor units matter; each family of them tells how alike two chips are by a Gaussian kernel, and the
average of the families is the kernel of a ridge regression on the classes. Families are compared separately
because what is strange in one of them must not make a chip unlike everything that was learnt.

Ridge regression on classes estimates their probabilities by least squares; what falls below 0 is cut off.
With more training samples than ``centres``, as many of them are drawn and span the solution.

Source: Rifkin, Yeo & Poggio 2003, "Regularized least-squares classification"; Williams & Seeger 2001, "Using
the Nyström method to speed up kernel machines" (NeurIPS 13).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # its parts are loaded when they are first used

from eocene.learn.fractions import Fractions, as_fractions
from eocene.learn.models.kind import CHIPS, Context, model_kind
from eocene.learn.models.settings import number, text, whole
from eocene.learn.models.texture_graph import SMALLEST, GraphWriter, find_limits
from eocene.learn.models.texture_onnx import FAMILIES, write_texture
from eocene.learn.onnx_file import open_session
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ALL = "+".join(FAMILIES)
_ROWS = 32
_TINY = 1e-6


@dataclass(frozen=True)
class ChipTextureSettings:
    """Settings of a kernel machine on texture.

    Parameters
    ----------
    penalty : float
        How little single samples are believed: the ridge, for a kernel whose diagonal is 1.
    sharpness : float
        How fast chips become unlike: the exponent of the kernel for a mean squared difference of 1 between
        ranks that have a variance of 1.
    knots : int
        Points of each distribution between which ranks are interpolated.
    centres : int
        Training samples that span the solution; time grows as its cube, a model's size in proportion.
    families : str
        By which of the families of numbers chips are compared, joined by "+": distribution, variation,
        correlation, extremes, spectrum, direction, spots, cooccurrence, patterns, dependence.

    Raises
    ------
    InputError
        If there is no such family, or one is named twice.
    """

    penalty: float = number(0.5, 1e-6, 1e6)
    sharpness: float = number(0.3, 1e-3, 100.0)
    knots: int = whole(33, 2, 1000)
    centres: int = whole(4000, 2, 20_000)
    families: str = text(ALL)

    def __post_init__(self) -> None:
        named = self.families.split("+")
        if len(set(named)) < len(named) or not FAMILIES.keys() >= set(named):
            raise InputError(
                f"families is {self.families!r}.",
                f'Join some of {", ".join(FAMILIES)} by "+".',
                code="ProcessParameterInvalid",
            )


@dataclass(frozen=True, eq=False)
class FittedTexture:
    """A kernel machine that is its own ONNX form."""

    classes: NDArray[np.int64]
    data: bytes

    @cached_property
    def _session(self) -> Any:
        return open_session(self.data)

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (n, k) probabilities of (n, bands, y, x) chips."""
        return _run(self._session, features)["probabilities"]

    def export_onnx(self) -> bytes:
        """Return the ONNX form."""
        return self.data

    def export_tensors(self) -> None:
        """All is in the ONNX form."""


@model_kind(
    "chip_texture",
    ChipTextureSettings,
    title="Kernel machine on texture",
    package="onnxruntime",
    takes=(CHIPS,),
    fractions=True,
)
def fit_chip_texture(
    features: NDArray[np.float32],
    labels: NDArray[np.int64] | Fractions,
    settings: ChipTextureSettings,
    seed: int,
    context: Context,
) -> FittedTexture:
    """Fit a kernel machine; the seed only draws its centres, where there are fewer than samples.

    Raises
    ------
    InputError
        If the chips have fewer than 4 pixels along an edge, or more than one label.
    """
    sample = features.shape[1:]
    of_pixels = not isinstance(labels, Fractions) and labels.ndim != 1
    if min(sample[1:]) < SMALLEST or of_pixels:
        raise InputError(
            f"Texture needs chips of at least {SMALLEST} × {SMALLEST} pixels with one label each.",
            "Cut larger chips, or take a kind that answers for each pixel, such as u_net.",
        )
    limits = find_limits(features)
    texture = measure_texture(features, settings.families, limits)
    if not texture:
        raise InputError("A single band goes with no other.", "Take further families, or more bands.")
    classes, machine = fit_kernels(texture, labels, settings, seed, context.weights)
    return FittedTexture(classes, _write_model(sample, limits, machine))


@dataclass(frozen=True, eq=False)
class KernelMachine:
    """Families of numbers → probabilities.

    Parameters
    ----------
    knots : mapping of family to (length, knots) float32
        Quantiles of each number.
    centres : mapping of family to (m, length) float32
        Ranks of the samples that span the solution.
    solution : (m, k) float64
    shares : (k,) float64
        Of the classes among the training samples.
    sharpness : float
    """

    knots: Mapping[str, NDArray[np.float32]]
    centres: Mapping[str, NDArray[np.float32]]
    solution: NDArray[np.float64]
    shares: NDArray[np.float64]
    sharpness: float

    def estimate_probabilities(self, texture: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return the (n, k) probabilities of the (n, length) numbers of each family."""
        ranks = {name: _rank(texture[name], knots) for name, knots in self.knots.items()}
        scores = _compare(ranks, self.centres, self.sharpness) @ self.solution + self.shares
        positive = np.maximum(scores, _TINY)
        probabilities: NDArray[np.float64] = positive / positive.sum(axis=1, keepdims=True)
        return probabilities


def fit_kernels(
    texture: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64] | Fractions,
    settings: ChipTextureSettings,
    seed: int,
    weights: NDArray[Any] | None = None,
) -> tuple[NDArray[np.int64], KernelMachine]:
    """Return the (k,) classes and a kernel machine on the (n, length) numbers of families.

    What ``fit_chip_texture`` does once texture is measured, for who fits often to the same chips.
    """
    knots = {name: _find_knots(values, settings.knots) for name, values in texture.items()}
    ranks = {name: _rank(values, knots[name]) for name, values in texture.items()}
    chosen = _draw_centres(len(labels), settings.centres, seed)
    centres = {name: values[chosen] for name, values in ranks.items()}
    kernel = _compare(ranks, centres, settings.sharpness)
    told = as_fractions(labels)
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    shares = np.average(told.values, axis=0, weights=weights)
    solution = _solve_ridge(kernel, chosen, told.values - shares, weights, settings.penalty)
    return told.classes, KernelMachine(knots, centres, solution, shares, settings.sharpness)


def measure_texture(
    features: NDArray[np.float32], families: str = ALL, limits: NDArray[np.float32] | None = None
) -> dict[str, NDArray[np.float32]]:
    """Return the (n, length) numbers of each family of (n, bands, y, x) chips; of one band none of pairs.

    ``limits`` are the (bands, 7) values between levels of grey, by default those of these chips.
    """
    graph, sample = GraphWriter(), features.shape[1:]
    limits = find_limits(features) if limits is None else limits
    written = write_texture(graph, sample, limits, families.split("+"))
    if not written:
        return {}
    made = {graph("Identity", name, to=family): family for family, name in written.items()}
    return _run(open_session(graph.write(dict.fromkeys(made), sample)), features)


def _find_knots(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the (length, count) quantiles of each number."""
    return np.quantile(values, np.linspace(0, 1, count), axis=0).T.astype(np.float32)


def _rank(values: NDArray[np.float32], knots: NDArray[np.float32]) -> NDArray[np.float32]:
    graph = GraphWriter()
    graph("Identity", _write_ranks(graph, "features", knots), to="ranks")
    sample = values.shape[1:]
    return _run(open_session(graph.write({"ranks": sample[0]}, sample)), values)["ranks"]


def _write_ranks(graph: GraphWriter, values: str, knots: NDArray[np.float32]) -> str:
    """Add the rank of each number among its knots, evenly spread with mean 0 and variance 1."""
    low = graph.constant(knots[:, :-1])
    width = graph.constant(np.maximum(np.diff(knots, axis=1), _TINY))
    spread = graph.reshape(values, 0, len(knots), 1)
    steps = graph("Clip", graph("Div", graph("Sub", spread, low), width), 0.0, 1.0)
    return graph("Mul", graph("Sub", graph.mean(steps, 2), 0.5), 2 * np.sqrt(3))


def _draw_centres(count: int, most: int, seed: int) -> NDArray[np.intp]:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def _compare(
    ranks: Mapping[str, NDArray[np.float32]], centres: Mapping[str, NDArray[np.float32]], sharpness: float
) -> NDArray[np.float64]:
    """Return the (n, m) mean over families of the Gaussian kernel between ranks and centres."""
    kernels = []
    for name, own in centres.items():
        rows = ranks[name]
        squares = (rows**2).sum(axis=1)[:, None] + (own**2).sum(axis=1) - 2 * rows @ own.T
        kernels.append(np.exp(-sharpness / own.shape[1] * squares))
    kernel: NDArray[np.float64] = np.mean(kernels, axis=0).astype(np.float64)
    return kernel


def _solve_ridge(
    kernel: NDArray[np.float64],
    chosen: NDArray[np.intp],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    penalty: float,
) -> NDArray[np.float64]:
    """Return the (m, k) coefficients of the centres that fit the targets best under the penalty."""
    if len(chosen) == len(kernel):
        root = np.sqrt(weights)[:, None]
        system = root * kernel * root.T + penalty * np.eye(len(kernel))
        exact: NDArray[np.float64] = root * scipy.linalg.solve(system, root * targets, assume_a="pos")
        return exact
    among = kernel[chosen]
    lower = np.linalg.cholesky((among + among.T) / 2 + _TINY * np.eye(len(chosen)))
    white = scipy.linalg.solve_triangular(lower, kernel.T, lower=True)
    gram = (white * weights) @ white.T + penalty * np.eye(len(chosen))
    fitted = scipy.linalg.cho_solve(scipy.linalg.cho_factor(gram, lower=True), (white * weights) @ targets)
    coefficients: NDArray[np.float64] = scipy.linalg.solve_triangular(lower, fitted, lower=True, trans="T")
    return coefficients


def _write_model(sample: tuple[int, ...], limits: NDArray[np.float32], machine: KernelMachine) -> bytes:
    """Return texture, ranks, kernel and regression as one ONNX graph."""
    graph = GraphWriter()
    kernels = []
    for name, values in write_texture(graph, sample, limits, machine.knots).items():
        ranks, own = _write_ranks(graph, values, machine.knots[name]), machine.centres[name]
        squares = graph("ReduceSumSquare", ranks, axes=[1], keepdims=1)
        products = graph("MatMul", ranks, graph.constant(-2 * own.T))
        distance = graph("Add", graph("Add", squares, graph.constant((own**2).sum(axis=1))), products)
        kernels.append(graph("Exp", graph("Mul", distance, -machine.sharpness / own.shape[1])))
    solution, shares = graph.constant(machine.solution), graph.constant(machine.shares)
    scores = graph("Add", graph("MatMul", graph("Mean", *kernels), solution), shares)
    positive = graph("Max", scores, _TINY)
    graph("Div", positive, graph("ReduceSum", positive, graph.constant([1], np.int64)), to="probabilities")
    return graph.write({"probabilities": len(machine.shares)}, sample)


def _run(session: Any, features: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return what a session answers, a few samples at a time, so that memory stays small."""
    names = [output.name for output in session.get_outputs()]
    starts = range(0, max(len(features), 1), _ROWS)
    parts = [session.run(names, {"features": features[first : first + _ROWS]}) for first in starts]
    return {
        name: np.concatenate(values) for name, values in zip(names, zip(*parts, strict=True), strict=True)
    }

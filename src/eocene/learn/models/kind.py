"""What a kind of model is, and which kinds there are."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

ROWS, SERIES = ("features",), ("t", "bands")
CHIPS, CHIP_SERIES = ("bands", "y", "x"), ("t", "bands", "y", "x")
PIXELS = (ROWS, SERIES)
"""Forms of samples that are one pixel each: their ONNX input is (n, features), in the order of the names."""


class Fitted(Protocol):
    """What fitting gives: a model in memory, without any file."""

    @property
    def classes(self) -> NDArray[Any]:
        """(k,) int64: class values in the order of the probabilities."""

    def estimate_probabilities(self, features: NDArray[Any]) -> NDArray[Any]:
        """Return the (n, k) probabilities of (n, …) float32 features; NaN is a missing value.

        A network taught with one label a pixel of its chips answers (n, k, y, x).
        """

    def export_onnx(self) -> bytes:
        """Return the model as ONNX without external data.

        Its input "features" is float32, (n, features) for pixels and (n, …) as the samples for chips, with
        n free and NaN for what is missing; its output is "probabilities" float32.
        """

    def export_tensors(self) -> bytes | None:
        """Return the weights as safetensors; None for a kind that has no tensors."""


@dataclass(frozen=True, eq=False)
class Context:
    """What a kind may know about its training samples beside features and labels.

    Parameters
    ----------
    axes : mapping of str to tuple of str
        As of ``Samples``: the dimensions of one sample, each with its labels.
    x, y : (n,) float64
        Places, in units of a CRS.
    weights : (n,) float64 or None
        How much each sample counts.
    threads : int
        Processor threads that may be used; must not change the result.
    folder : Path or None
        Where checkpoints and the record of the training go; a training that was cut off there goes on.
    until : int, optional
        Stop after this many epochs, with a checkpoint in ``folder``, as a search does.
    """

    axes: Mapping[str, tuple[str, ...]]
    x: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any] | None = None
    threads: int = 2
    folder: Path | None = None
    until: int | None = None

    @property
    def form(self) -> tuple[str, ...]:
        """The names of the dimensions of a sample."""
        return tuple(self.axes)


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Parameters
    ----------
    name : str
        As in ``ModelSpec.kind``.
    title : str
        The architecture in words, such as "Random Forest".
    package : str
        The distribution that does the work, such as "scikit-learn".
    settings : type
        Frozen dataclass of the settings, its fields made by ``eocene.learn.models.settings``.
    takes : tuple of forms
        The forms of samples that it learns from.
    fit : callable
        ``fit(features, labels, settings, seed, context) -> Fitted`` with (n, …) float32 features.
    """

    name: str
    title: str
    package: str
    settings: type
    takes: tuple[tuple[str, ...], ...]
    fit: Callable[[Any, Any, Any, int, Context], Fitted] = field(repr=False)
    task: str = "classification"
    """Or "regression": it gets float64 targets in place of labels, has no classes, and estimates (n, 1)
    values in place of probabilities; its ONNX output is "values"."""
    in_graphs: bool = True
    """Whether a graph can ask for it: its settings name nothing that only this process holds."""
    fractions: bool = False
    """Whether it can learn shares of classes: it gets ``Fractions`` in place of labels then, and the
    probabilities that it estimates are shares."""


_KINDS: dict[str, Kind] = {}


def model_kind(  # noqa: PLR0913 (what a kind tells)
    name: str,
    settings: type,
    *,
    title: str,
    package: str,
    takes: tuple[tuple[str, ...], ...],
    task: str = "classification",
    in_graphs: bool = True,
    fractions: bool = False,
) -> Callable[[Callable[..., Fitted]], Callable[..., Fitted]]:
    """Register the decorated function as the one that fits models of a kind."""

    def register(fit: Callable[..., Fitted]) -> Callable[..., Fitted]:
        _KINDS[name] = Kind(name, title, package, settings, takes, fit, task, in_graphs, fractions)
        return fit

    return register


@cache
def _load_kinds() -> None:
    package = import_module("eocene.learn.models")
    for module in pkgutil.iter_modules(package.__path__, "eocene.learn.models."):
        import_module(module.name)
    for point in entry_points(group="eocene.models"):
        point.load()


def kind_names() -> tuple[str, ...]:
    """Return the names of all kinds."""
    _load_kinds()
    return tuple(sorted(_KINDS))


def find_kind(name: str) -> Kind:
    """Return a kind by its name.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    names = kind_names()
    if name not in _KINDS:
        raise InputError(
            f"The model kind {name!r} is unknown.",
            f"Take one of {', '.join(names)}.",
            code="ProcessParameterInvalid",
        )
    return _KINDS[name]

"""What a model takes and gives: the axes of a sample, and classes or a value, once or for every pixel."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from eocene.curate.naming import join_names
from eocene.learn.models.kind import PIXELS

if TYPE_CHECKING:
    from collections.abc import Mapping

INPUT, PROBABILITIES, VALUES = "features", "probabilities", "values"
"""Names of the input and of the output: probabilities of classes, or values of a regression."""


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives.

    Parameters
    ----------
    axes : mapping of str to tuple of str
        The dimensions of one sample, each with its labels, as of ``Samples``.
    classes : mapping of int to str
        Class values with their names, in the order of the probabilities; empty for a regression.
    dense : bool
        Whether it answers for each pixel of a chip, (n, k, y, x), not once for a sample, (n, k).
    """

    axes: Mapping[str, tuple[str, ...]]
    classes: Mapping[int, str] = field(default_factory=dict)
    dense: bool = False

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each number of a sample: labels of its axes joined by a slash, the last one fastest."""
        return join_names(list(self.axes.values()))

    @property
    def layers(self) -> dict[str, tuple[str, ...]]:
        """The axes of a sample without y and x."""
        return {dim: labels for dim, labels in self.axes.items() if dim not in ("y", "x")}

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The name of each number on a pixel of a sample."""
        return join_names(list(self.layers.values()))

    @property
    def of_pixels(self) -> bool:
        """Whether a sample is one pixel, so that the ONNX form takes (n, features)."""
        return tuple(self.axes) in PIXELS

    @property
    def sample(self) -> tuple[int, ...]:
        """The shape of a sample as the ONNX form takes it."""
        lengths = tuple(len(labels) for labels in self.axes.values())
        return (prod(lengths),) if self.of_pixels else lengths

    @property
    def chip(self) -> tuple[int, int] | None:
        """Rows and columns of a chip that it was taught with; None for pixels."""
        return None if self.of_pixels else (len(self.axes["y"]), len(self.axes["x"]))

    @property
    def is_regression(self) -> bool:
        """Whether it gives values, not probabilities."""
        return not self.classes

    @property
    def output(self) -> str:
        """The name of what it gives."""
        return VALUES if self.is_regression else PROBABILITIES

    @property
    def width(self) -> int:
        """Numbers that it gives at a place: probabilities, or one value."""
        return len(self.classes) or 1

    def input_shape(self, batch: int) -> tuple[int, ...]:
        """Return the shape of a batch."""
        return (batch, *self.sample)

    def find_fault(
        self, inputs: Mapping[str, tuple[Any, ...]], outputs: Mapping[str, tuple[Any, ...]]
    ) -> str | None:
        """Return in what the inputs and outputs of a graph are not those of this model; None if they are."""
        given, made = inputs.get(INPUT, ()), outputs.get(self.output, ())
        if set(inputs) == {INPUT} and self._takes(given) and self._gives(made):
            return None
        return (
            f"it takes {dict(inputs)} and gives {dict(outputs)}, not {_say(self.sample)} {INPUT} and "
            f"{_say((self.width, *(self.chip or ())) if self.dense else (self.width,))} {self.output}"
        )

    def _takes(self, shape: tuple[Any, ...]) -> bool:
        wanted = (None, *self.sample)
        if self.dense and len(shape) == len(wanted) and shape[-2:] == (None, None):
            return shape[:-2] == wanted[:-2]
        return shape == wanted

    def _gives(self, shape: tuple[Any, ...]) -> bool:
        """Whether an output fits; torch leaves lengths that it has computed free."""
        wanted = (None, self.width, *(self.chip or ())) if self.dense else (None, self.width)
        return (
            len(shape) == len(wanted)
            and shape[1] in (None, wanted[1])
            and all(n in (None, m) for n, m in zip(shape[2:], wanted[2:], strict=True))
        )


def _say(shape: tuple[int, ...]) -> str:
    return " × ".join(str(n) for n in shape)

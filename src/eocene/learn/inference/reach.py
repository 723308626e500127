"""How far a network looks, found by asking it: what changes when a pixel does, and what moves with its input.

The field is measured, not read from the graph, so that it holds for networks of any make. Source of the idea:
Luo et al. 2016, "Understanding the effective receptive field" (NIPS 29); here its bound, not its shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.learn.inference.tiling import Reach
from eocene.learn.signature import INPUT

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from eocene.learn.signature import Signature

STRIDES = (1, 2, 4, 8, 16, 32)
_SIZES = (128, 256)
_SAME = 1e-4
_TRIES = 3


def measure_reach(session: Any, signature: Signature, features: NDArray[np.float32]) -> Reach:
    """Return by which stride a network moves with its input, and how far a pixel's answer looks.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    signature : Signature
        Of a model that answers for each pixel of a chip.
    features : (n, …, y, x) float32
        Samples, which say how large numbers are.
    """
    free = not isinstance(session.get_inputs()[0].shape[-1], int)
    known = [] if signature.chip is None else [min(signature.chip)]
    for size in _SIZES if free else known:
        asked = _Asked(session, signature, features, size)
        stride = asked.find_stride()
        if stride is None:
            return Reach(None, None)
        halo = asked.find_halo(stride)
        if halo is not None:
            return Reach(stride, halo)
    return Reach(None, None)


class _Asked:
    """A network with fields of noise of one size, as large in each layer as the samples."""

    def __init__(self, session: Any, signature: Signature, features: NDArray[np.float32], size: int) -> None:
        self.session, self.output, self.size = session, signature.output, size
        with np.errstate(all="ignore"):
            part = features[:256].astype(np.float64)
            axes = (0, part.ndim - 2, part.ndim - 1)
            self.mean = np.nan_to_num(np.nanmean(part, axis=axes, keepdims=True))
            self.spread = np.nan_to_num(np.nanstd(part, axis=axes, keepdims=True)) + 1e-3
        self.random = np.random.default_rng(0)

    def noise(self, rows: int, cols: int) -> NDArray[np.float32]:
        shape = (*self.mean.shape[:-2], rows, cols)
        field: NDArray[np.float32] = (self.mean + self.spread * self.random.standard_normal(shape)).astype(
            np.float32
        )
        return field

    def answer(self, field: NDArray[np.float32]) -> NDArray[np.float32]:
        (made,) = self.session.run([self.output], {INPUT: np.ascontiguousarray(field)})
        return np.asarray(made[0])

    def find_stride(self) -> int | None:
        """Return the smallest step by which the answer moves with the input, away from the edges."""
        size, middle = self.size, self.size // 2
        for step in STRIDES:
            field = self.noise(size + step, size + step)
            whole, moved = self.answer(field[..., :size, :size]), self.answer(field[..., step:, step:])
            near = slice(middle - step, middle + step)
            shifted = slice(middle - 2 * step, middle)
            if middle < 2 * step:
                return None
            if np.abs(whole[..., near, near] - moved[..., shifted, shifted]).max() <= _SAME:
                return step
        return None

    def find_halo(self, stride: int) -> int | None:
        """Return how far a change is felt; None if at the edge."""
        middle = self.size // 2 // stride * stride
        patch = slice(middle, middle + stride)
        reach = 0
        for _ in range(_TRIES):
            field = self.noise(self.size, self.size)
            other = field.copy()
            other[..., patch, patch] = self.noise(stride, stride) + 10 * self.spread.astype(np.float32)
            felt = (self.answer(field) != self.answer(other)).any(axis=0)
            rows, cols = np.nonzero(felt.any(axis=1))[0], np.nonzero(felt.any(axis=0))[0]
            if not len(rows):
                continue
            low, high = min(rows[0], cols[0]), max(rows[-1], cols[-1])
            if low == 0 or high == self.size - 1:
                return None
            reach = max(reach, middle - int(low), int(high) - (middle + stride - 1))
        return reach

"""Least squares for every pixel by itself: Levenberg and Marquardt's method, all pixels in step.

What a pixel gets does not depend on the pixels beside it: sums run over the samples in their order, each
pixel has its own damping, and one that has converged is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_STEPS = 100
_STEP = np.cbrt(np.finfo(np.float64).eps)
_CONVERGED = 1e-10


def fit(
    model: Callable[[Floats], Floats], values: Floats, weight: Floats, guess: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Fit a model to the samples of each pixel.

    Parameters
    ----------
    model : callable
        (parameters, pixels) → (samples, pixels).
    values : ndarray (samples, pixels)
        What is to be met.
    weight : ndarray (samples, pixels)
        1 where a sample counts, 0 where it does not.
    guess : ndarray (parameters,)
        Where the search starts.

    Returns
    -------
    tuple of ndarray
        (parameters, pixels), and for which pixels there is a fit: those with at least as many samples as
        parameters whose search did not end in numbers that are not finite.
    """
    pixels = values.shape[1]
    found = np.repeat(guess[:, None], pixels, axis=1).astype(np.float64)
    damping = np.full(pixels, 1e-3)
    residual = _residual(model, found, values, weight)
    cost = _add_up(residual * residual)
    active = _add_up(weight) >= len(guess)
    solvable = active.copy()
    for _ in range(MAX_STEPS):
        if not active.any():
            break
        slopes = [_slope(model, found, k) * weight for k in range(len(guess))]
        step = _solve(slopes, residual, damping)
        moved = np.where(active, found + step, found)
        new_residual = _residual(model, moved, values, weight)
        new_cost = _add_up(new_residual * new_residual)
        better = active & (new_cost <= cost)
        small = np.all(np.abs(step) <= _CONVERGED * (np.abs(found) + _CONVERGED), axis=0)
        found = np.where(better, moved, found)
        residual = np.where(better, new_residual, residual)
        settled = small | (better & (cost - new_cost <= 1e-15 * cost)) | (damping > 1e12)
        cost = np.where(better, new_cost, cost)
        damping = np.where(better, damping / 10, damping * 10)
        active &= ~settled
    return found, solvable & np.isfinite(found).all(axis=0) & np.isfinite(cost)


def _residual(model: Any, parameters: Floats, values: Floats, weight: Floats) -> Floats:
    return np.where(weight > 0, values - model(parameters), 0)


def _slope(model: Any, parameters: Floats, k: int) -> Floats:
    """Return the derivative of the model by one parameter, from both sides."""
    step = _STEP * np.maximum(np.abs(parameters[k]), 1)
    up, down = parameters.copy(), parameters.copy()
    up[k] += step
    down[k] -= step
    difference: Floats = (model(up) - model(down)) / (2 * step)
    return difference


def _solve(slopes: list[Floats], residual: Floats, damping: Floats) -> Floats:
    """Solve the damped normal equations of each pixel; where they have no solution there is no step."""
    size, pixels = len(slopes), residual.shape[1]
    normal = np.empty((pixels, size, size))
    right = np.empty((pixels, size, 1))
    for i in range(size):
        right[:, i, 0] = _add_up(slopes[i] * residual)
        for j in range(i, size):
            normal[:, i, j] = normal[:, j, i] = _add_up(slopes[i] * slopes[j])
    diagonal = np.arange(size)
    ridge = normal[:, diagonal, diagonal] * damping[:, None]
    normal[:, diagonal, diagonal] += np.where(ridge > 0, ridge, 1e-30)
    usable = np.isfinite(normal).all(axis=(1, 2)) & np.isfinite(right).all(axis=(1, 2))
    normal[~usable] = np.eye(size)
    right[~usable] = 0
    return np.ascontiguousarray(_eliminate(normal, right[:, :, 0]).T)


def _eliminate(matrix: Floats, right: Floats) -> Floats:
    """Solve small symmetric positive systems, one for each pixel, by Cholesky's method; NaN becomes 0."""
    size = matrix.shape[1]
    lower = np.zeros_like(matrix)
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[:, i, j].copy()
            for k in range(j):
                rest -= lower[:, i, k] * lower[:, j, k]
            lower[:, i, j] = np.sqrt(rest) if i == j else rest / lower[:, j, j]
    forward = np.zeros_like(right)
    for i in range(size):
        rest = right[:, i].copy()
        for k in range(i):
            rest -= lower[:, i, k] * forward[:, k]
        forward[:, i] = rest / lower[:, i, i]
    solution = np.zeros_like(right)
    for i in reversed(range(size)):
        rest = forward[:, i].copy()
        for k in range(i + 1, size):
            rest -= lower[:, k, i] * solution[:, k]
        solution[:, i] = rest / lower[:, i, i]
    finite = np.asarray(np.isfinite(solution).all(axis=1))
    return np.where(finite[:, None], solution, 0)


def _add_up(parts: Floats) -> Floats:
    """Return the sum over the first axis, added in order whatever the shape of the rest."""
    total = np.zeros(parts.shape[1:])
    for part in parts:
        total += part
    return total

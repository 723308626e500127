"""A registered model that answers: onnxruntime behind class and confidence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from eocene.learn.onnx_file import INPUT, PROBABILITIES, check_onnx, open_session
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ROWS_AT_ONCE = 16_384


class Predictor:
    """Answers for feature rows; safe to share between threads.

    Parameters
    ----------
    data : bytes
        The ONNX file; checked before it is run.
    feature_names : sequence of str
        In the order of the model's columns.
    classes : mapping of int to str
        Class values with their names, in the order of the probabilities.
    threads : int
        Parts of a large batch worked on at once; the answer does not depend on it.

    Raises
    ------
    DamageError
        If the bytes are not a self-contained model of this shape.
    UnavailableError
        If onnxruntime is not installed.
    """

    def __init__(
        self,
        data: bytes,
        feature_names: Sequence[str],
        classes: Mapping[int, str],
        *,
        threads: int = 2,
        name: str = "the model",
    ) -> None:
        if threads < 1:
            raise InputError(f"{threads} threads cannot work.", "Give 1 or more.")
        self.feature_names = tuple(feature_names)
        self.classes = tuple(classes)
        self.class_names = dict(classes)
        self.name = name
        self.threads = threads
        check_onnx(data, len(self.feature_names), len(self.classes), name)
        self._session = open_session(data)

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (n, classes) probabilities of (n, f) features; NaN is a missing value.

        Raises
        ------
        InputError
            If the number of columns is not the model's.
        """
        rows = np.ascontiguousarray(features, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != len(self.feature_names):
            raise InputError(
                f"{self.name} takes {len(self.feature_names)} features, the rows have shape {rows.shape}.",
                f"Give the columns {', '.join(self.feature_names[:4])}, … in this order.",
            )
        parts = [rows[i : i + ROWS_AT_ONCE] for i in range(0, len(rows), ROWS_AT_ONCE)]
        if self.threads == 1 or len(parts) < 2:
            answers = [self._run(part) for part in parts]
        else:
            with ThreadPoolExecutor(min(self.threads, len(parts))) as pool:
                answers = list(pool.map(self._run, parts))
        return np.concatenate(answers) if answers else np.empty((0, len(self.classes)), np.float32)

    def predict(self, features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return class values and their probabilities, (n,) float32 each.

        Rows in which every feature is missing are NaN in both.
        """
        rows = np.ascontiguousarray(features, dtype=np.float32)
        probabilities = self.estimate_probabilities(rows)
        best = probabilities.argmax(axis=1)
        answer = np.asarray(self.classes, dtype=np.float32)[best]
        confidence = np.take_along_axis(probabilities, best[:, None], axis=1)[:, 0]
        empty = np.isnan(rows).all(axis=1)
        answer[empty] = np.nan
        confidence[empty] = np.nan
        return answer, confidence

    def _run(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        (answer,) = self._session.run([PROBABILITIES], {INPUT: rows})
        # The float32 sum over the trees can end a rounding error outside [0, 1].
        result: NDArray[np.float32] = np.clip(answer, 0.0, 1.0)
        return result

"""A registered model that answers: onnxruntime behind probabilities, class and confidence, or values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from eocene.learn.onnx_check import check_onnx, working_bytes
from eocene.learn.onnx_file import open_session
from eocene.learn.signature import INPUT
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    from eocene.learn.inference.tiling import Reach
    from eocene.learn.signature import Signature

ROWS_AT_ONCE = 16_384
_BATCH_BYTES = 64 * 2**20


class Predictor:
    """Answers for samples; safe to share between threads.

    Parameters
    ----------
    data : bytes
        The ONNX file; checked before it is run.
    signature : Signature
        What it takes and gives.
    reach : Reach, optional
        How far a pixel's answer looks, of a model that answers for each pixel of a chip.
    threads : int
        Parts of a large batch worked on at once; the answer does not depend on it.
    graph : mapping, optional
        The process graph that its features come from, if that is known.

    Raises
    ------
    DamageError
        If the bytes are not a self-contained model of this form.
    UnavailableError
        If onnxruntime is not installed.
    """

    def __init__(
        self,
        data: bytes,
        signature: Signature,
        *,
        reach: Reach | None = None,
        threads: int = 2,
        name: str = "the model",
        graph: Mapping[str, Any] | None = None,
    ) -> None:
        if threads < 1:
            raise InputError(f"{threads} threads cannot work.", "Give 1 or more.")
        self.signature = signature
        self.feature_names = signature.feature_names
        self.classes = tuple(signature.classes)
        self.class_names = dict(signature.classes)
        self.reach = reach
        self.graph = graph
        self.name = name
        self.threads = threads
        check_onnx(data, signature, name)
        self._session = open_session(data)
        self.sample_bytes = working_bytes(data, signature) or 4096 * int(np.prod(signature.sample))
        self.is_free = signature.dense and not isinstance(self._session.get_inputs()[0].shape[-1], int)
        """Whether it takes windows of any size, not just chips."""

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (n, classes) probabilities of samples, (n, classes, y, x) if it answers for pixels.

        Of a regression its values: (n, 1).

        Parameters
        ----------
        features : (n, …) float32
            Samples as the signature has them, or flat: (n, features); NaN is a missing value.

        Raises
        ------
        InputError
            If a sample has another number of values than the model's.
        """
        rows = self._shape(features)
        step = max(1, min(ROWS_AT_ONCE, _BATCH_BYTES // max(1, self.sample_bytes)))
        parts = [rows[i : i + step] for i in range(0, len(rows), step)]
        if self.threads == 1 or len(parts) < 2:
            answers = [self.run(part) for part in parts]
        else:
            with ThreadPoolExecutor(min(self.threads, len(parts))) as pool:
                answers = list(pool.map(self.run, parts))
        dense = self.signature.chip or () if self.signature.dense else ()
        empty = np.empty((0, self.signature.width, *dense), np.float32)
        return np.concatenate(answers) if answers else empty

    def predict(self, features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return class values and their probabilities, (n,) float32 each, or (n, y, x).

        Of a regression the values come first, and 1 for each. Samples in which every feature is missing
        are NaN in both.
        """
        rows = self._shape(features)
        answer, confidence = self.decide(self.estimate_probabilities(rows))
        missing = np.isnan(rows)
        empty = missing.all(axis=tuple(range(1, missing.ndim)))
        answer[empty] = np.nan
        confidence[empty] = np.nan
        return answer, confidence

    def classify(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the most probable class values, (n,) or (n, y, x)."""
        best = self.estimate_probabilities(features).argmax(axis=1)
        answer: NDArray[np.int64] = np.asarray(self.classes, dtype=np.int64)[best]
        return answer

    def decide(self, scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return class values and their probabilities of (n, classes, …) probabilities; see ``predict``."""
        if self.signature.is_regression:
            return scores[:, 0].copy(), np.ones_like(scores[:, 0])
        best = scores.argmax(axis=1)
        confidence = np.take_along_axis(scores, best[:, None], axis=1)[:, 0]
        return np.asarray(self.classes, dtype=np.float32)[best], confidence

    def run(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network gives for one batch, probabilities within [0, 1]."""
        (answer,) = self._session.run([self.signature.output], {INPUT: np.ascontiguousarray(rows)})
        result: NDArray[np.float32] = answer
        if not (self.signature.is_regression or self.signature.dense):
            # The float32 sum over the trees can end a rounding error outside [0, 1].
            np.clip(result, 0.0, 1.0, out=result)
        return result

    def _shape(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = np.ascontiguousarray(features, dtype=np.float32)
        wanted = self.signature.sample
        if rows.ndim < 2 or int(np.prod(rows.shape[1:])) != int(np.prod(wanted)):
            raise InputError(
                f"{self.name} takes {len(self.feature_names)} features, the rows have shape {rows.shape}.",
                f"Give the columns {', '.join(self.feature_names[:4])}, … in this order.",
            )
        return rows.reshape(len(rows), *wanted)

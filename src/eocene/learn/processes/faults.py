"""The gate of a training set in a graph: faults stop the job, unless the graph says why they stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.curate.faults import Resolution, find_proofs, list_proofs, resolve
from eocene.learn.gate import require_sound
from eocene.model import ConflictError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec

KINDS = list_proofs()
"""The kinds of fault that training refuses, and that a graph may keep."""


def read_kept(options: Any) -> dict[str, str]:
    """Return the kinds of fault that options keep, each with its reason.

    Raises
    ------
    InputError
        If there are other options, kinds that training does not look for, or no reason.
    """
    told = options or {}
    kept = told.get("keep_faults", {}) if isinstance(told, dict) and set(told) <= {"keep_faults"} else None
    if not isinstance(kept, dict) or not set(kept) <= set(KINDS):
        raise _refuse(options)
    if not all(isinstance(reason, str) and reason.strip() for reason in kept.values()):
        raise _refuse(options)
    return dict(kept)


def _refuse(options: Any) -> InputError:
    kinds = ", ".join(KINDS)
    return InputError(
        f"options is {options!r}.",
        f'Write {{"keep_faults": {{"{KINDS[0]}": "why it does no harm"}}}}; the kinds are {kinds}.',
        code="ProcessParameterInvalid",
    )


def settle_faults(samples: Samples, keep: Mapping[str, str] | None, spec: ModelSpec) -> Samples:
    """Return samples that may be trained on: without faults but those that are kept, which they record.

    Parameters
    ----------
    samples : Samples
    keep : mapping of str to str, or None
        Kinds of fault that stay, each with its reason; None of a process that has no option for it.
    spec : ModelSpec
        What is to learn from them.

    Raises
    ------
    ConflictError
        If there are others; says how a graph keeps them.
    """
    report, known = find_proofs(samples), keep or {}
    wanted = [Resolution(kind, "keep", reason) for kind, reason in known.items() if report.find(kind)]
    kept = resolve(samples, report, wanted) if wanted else samples
    try:
        require_sound(kept, spec)
    except ConflictError as error:
        kinds = ", ".join(f'"{kind}": "…"' for kind in report.faults if kind not in known)
        options = f'options={{"keep_faults": {{{kinds}}}}}'
        way = f"say why they stay: {options}" if keep is not None else f"train by ml_fit with {options}"
        raise ConflictError(
            f"The training set cannot be learnt from: {error.message}",
            f"Leave those geometries out, or {way}.",
            code="ProcessParameterInvalid",
        ) from error
    return kept

"""The gate of a training set in a graph: faults stop the job, unless the graph says why they stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.curate.faults import CHECKS, Resolution, check_quickly, require_resolved, resolve
from eocene.model import ConflictError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.curate import Samples

QUICK = tuple(kind for kind, each in CHECKS.items() if each.quick)
"""The kinds of fault that training looks for by itself."""


def read_kept(options: Any) -> dict[str, str]:
    """Return the kinds of fault that options keep, each with its reason.

    Raises
    ------
    InputError
        If there are other options, kinds that training does not look for, or no reason.
    """
    told = options or {}
    kept = told.get("keep_faults", {}) if isinstance(told, dict) and set(told) <= {"keep_faults"} else None
    if not isinstance(kept, dict) or not set(kept) <= set(QUICK):
        raise _refuse(options)
    if not all(isinstance(reason, str) and reason.strip() for reason in kept.values()):
        raise _refuse(options)
    return dict(kept)


def _refuse(options: Any) -> InputError:
    kinds = " and ".join(QUICK)
    return InputError(
        f"options is {options!r}.",
        f'Write {{"keep_faults": {{"{QUICK[0]}": "why it does no harm"}}}}; the kinds are {kinds}.',
        code="ProcessParameterInvalid",
    )


def settle_faults(samples: Samples, keep: Mapping[str, str], task: str) -> Samples:
    """Return samples that may be trained on: without faults but those that are kept, which they record.

    Raises
    ------
    ConflictError
        If there are others; says how a graph keeps them.
    """
    report = check_quickly(samples)
    wanted = [Resolution(kind, "keep", reason) for kind, reason in keep.items() if report.find(kind)]
    kept = resolve(samples, report, wanted) if wanted else samples
    try:
        require_resolved(kept, kinds=None if task == "classification" else {"nodata"})
    except ConflictError as error:
        kinds = ", ".join(f'"{kind}": "…"' for kind in report.faults if kind not in keep)
        raise ConflictError(
            f"The training set cannot be learnt from: {error.message}",
            f'Leave those geometries out, or say why they stay: options={{"keep_faults": {{{kinds}}}}}.',
            code="ProcessParameterInvalid",
        ) from error
    return kept

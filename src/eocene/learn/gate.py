"""The one gate of training: whoever asks for it, samples with faults that nobody resolved are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eocene.curate.faults import admit, list_proofs, require_resolved

if TYPE_CHECKING:
    from eocene.curate import Dataset, Samples
    from eocene.curate.faults import FaultReport
    from eocene.learn.spec import ModelSpec

CONFLICTS = "conflicts"


def require_sound(
    samples: Samples | Dataset,
    spec: ModelSpec,
    *,
    per_pixel: bool = False,
    report: FaultReport | None = None,
) -> None:
    """Refuse samples with a proved fault that nobody resolved.

    Only where labels are classes, neither values nor shares nor those of pixels, can they conflict.

    Parameters
    ----------
    samples : Samples or Dataset
        Looked at once for the same content; see :func:`~eocene.curate.faults.find_proofs`.
    spec : ModelSpec
        What is to learn from them.
    per_pixel : bool
        Whether labels of pixels are learnt.
    report : FaultReport, optional
        What the gate found in these samples, if it has looked.

    Raises
    ------
    ConflictError
        Names the faults and what to do. Who goes on in spite of them says why:
        :func:`~eocene.curate.faults.resolve` keeps them with a reason, or ``admit`` all of a kind.
    InputError
        If the report is of other samples.
    """
    classes = spec.learns_classes and not per_pixel
    kinds = list_proofs() if classes else [kind for kind in list_proofs() if kind != CONFLICTS]
    require_resolved(samples, report, kinds)


def admit_parts(samples: Samples, reason: str) -> Samples:
    """Return what was made of samples that passed the gate, so that it passes without being looked at."""
    return admit(samples, list_proofs(), reason)

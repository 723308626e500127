"""A runner of users' code for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from eocene.model import EoceneError

if TYPE_CHECKING:
    from eocene.process.udf import UdfCall


class TrustingRunner:
    """Runs the code in this very process: good for a test, and for nothing else."""

    runtimes: ClassVar[dict[str, Any]] = {
        "Python": {"type": "language", "default": "3", "versions": {"3": {"libraries": {}}}}
    }

    def run(self, call: UdfCall) -> Any:
        names: dict[str, Any] = {}
        try:
            exec(call.code, names)  # noqa: S102 (the runner of a test)
            return names["apply"](call.data, call.context)
        except Exception as error:
            raise EoceneError(f"The code failed: {error!r}.", "Mend it.", code="UdfFailed") from error

"""Plans and budgets as openEO means them: there is one plan, and a budget is above nothing."""

from __future__ import annotations

from typing import Any

from eocene.model import InputError

PLAN = "open"
BILLING = {
    "currency": "credits",
    "default_plan": PLAN,
    "plans": [
        {
            "name": PLAN,
            "description": "A credit is a minute of processor time; the operator limits what accounts use.",
            "paid": False,
        }
    ],
}
"""What the costs of jobs mean; nobody has to pay."""


def read_billing(body: dict[str, Any]) -> dict[str, Any]:
    """Return ``plan`` and ``budget`` of a body as they are kept, of those that it has; null is the default.

    Raises
    ------
    InputError
        BillingPlanInvalid or BudgetInvalid.
    """
    fields: dict[str, Any] = {}
    if "plan" in body:
        if str(body["plan"] or PLAN).lower() != PLAN:
            raise InputError(
                f"There is no billing plan {str(body['plan'])[:64]!r}.",
                f"Leave it out, or give {PLAN!r}.",
                code="BillingPlanInvalid",
            )
        fields["plan"] = PLAN
    if "budget" in body:
        budget = body["budget"]
        if budget is not None and not budget > 0:
            raise InputError(
                f"The budget {budget:g} pays for nothing.",
                "Give credits above 0, or null for no limit.",
                code="BudgetInvalid",
            )
        fields["budget"] = budget
    return fields


def check_budget(budget: float | None, costs: float) -> None:
    """Raise InputError BudgetInvalid if something is estimated to cost more credits than it may."""
    if budget is not None and costs > budget:
        raise InputError(
            f"The result is estimated to cost {costs:.3g} credits, and its budget is {budget:g}.",
            "Ask for a smaller area, fewer dates or a coarser resolution, or raise its budget.",
            code="BudgetInvalid",
        )

"""A fault of ours is not told as the user's: what fails on a block, not on one pixel, stays what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eocene.model import InputError
from eocene.process import registry
from tests.process.rasters import plan_of, random_cube

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fail_above() -> Iterator[Any]:
    """Register the process ``stumble``, which raises an error on blocks of more than so many pixels."""

    def make(most_pixels: int, error: Exception) -> None:
        def stumble(x: Any) -> Any:
            if x.values.shape[-1] * x.values.shape[-2] > most_pixels:
                raise error
            return x

        registry.register(registry.ProcessDefinition("stumble", stumble))

    assert registry.get("floor")  # all are loaded
    yield make
    registry.withdraw("stumble")


CALLBACK = {
    "process_graph": {
        "inner": {"process_id": "stumble", "arguments": {"x": {"from_parameter": "x"}}, "result": True}
    }
}
FAULTS = [TypeError("a fault"), ValueError("a fault"), KeyError("a fault"), ZeroDivisionError("a fault")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_what_fails_on_one_pixel_is_told_as_misuse_before_anything_is_read(
    fail_above: Any, fault: Exception
) -> None:
    fail_above(0, fault)
    with pytest.raises(InputError, match=r"stumble.*only/inner.*a fault") as caught:
        plan_of(random_cube(), "apply", process=CALLBACK)
    assert caught.value.code == "ProcessParameterInvalid"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_what_fails_on_a_block_stays_what_it_is_and_notes_the_nodes(
    fail_above: Any, fault: Exception
) -> None:
    fail_above(1, fault)
    plan = plan_of(random_cube(), "apply", process=CALLBACK)
    with pytest.raises(type(fault), match="a fault") as caught:
        plan.run()
    assert caught.value.__notes__ == [
        "Computing node 'only/inner', process 'stumble'.",
        "Computing node 'only', process 'apply'.",
    ]


def test_what_a_process_says_of_the_data_itself_is_the_users_at_any_time(fail_above: Any) -> None:
    fail_above(1, InputError("The data are odd.", "Mend them.", code="ProcessParameterInvalid"))
    plan = plan_of(random_cube(), "apply", process=CALLBACK)
    with pytest.raises(InputError, match="The data are odd"):
        plan.run()

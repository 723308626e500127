"""A pool of sandboxes as everybody gets them, and who attacks from inside one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eocene.process.udf.pool import Pool
from tests.attack.udf_code import HEAD, KIND, LIMITS
from tests.process.udf.places import SMALL, Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool(LIMITS)
    yield pool
    pool.close()


@pytest.fixture
def attack(pool: Pool) -> Callable[[str], Lines]:
    """Run code, one attack after another in the same process while it lives, and return what it prints."""

    def run(body: str) -> Lines:
        lines = Lines()
        code = HEAD + "".join(f"    {line}\n" for line in body.strip().splitlines()) + KIND
        with pool.lend("attacker") as sandbox:
            result = sandbox.call(code, SMALL, {}, lines)
        np.testing.assert_array_equal(result.values, SMALL.values * 2)
        return lines

    return run

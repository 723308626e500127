"""How much is damaged: a part in the run of every day, all where long tests are asked for."""

from __future__ import annotations

import pytest

from eocene.testing.readers import ReaderContract

USUAL_DAMAGES = 50


@pytest.fixture(autouse=True)
def fewer_damages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop after the first damaged copies of each product, unless long tests run too."""
    contract = request.cls
    if contract and issubclass(contract, ReaderContract) and request.config.option.markexpr == "not long":
        usual = getattr(contract, "usual_damages", USUAL_DAMAGES)
        monkeypatch.setattr(contract, "damages", min(contract.damages, usual))

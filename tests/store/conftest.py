"""An S3 server for all tests of the store, and a fresh bucket for each."""

from __future__ import annotations

import os
import secrets
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eocene.archive.store import Bucket
from eocene.testing.swift import SwiftServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def swift() -> Iterator[SwiftServer]:
    """OpenStack Swift behind its S3 interface; tests that need it are skipped where it cannot be had."""
    if find_spec("swift") is None:
        pytest.skip("OpenStack Swift is not installed")
    with tempfile.TemporaryDirectory(prefix="eocene-") as folder, SwiftServer(Path(folder)) as server:
        yield server


@pytest.fixture
def bucket(swift: SwiftServer) -> str:
    """A bucket that nobody else has written into."""
    return swift.make_bucket(f"b{secrets.token_hex(6)}")


@pytest.fixture
def store(swift: SwiftServer, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The place that the environment names as the store, below a prefix of a fresh bucket."""
    for name, value in swift.environment(f"{bucket}/work space").items():
        monkeypatch.setenv(name, value.replace(" ", "-"))
    return Bucket(os.environ["EOCENE_STORE"])

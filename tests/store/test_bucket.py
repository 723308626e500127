"""Objects in a real store: whole or not there, verified, read in ranges, and clear errors."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.archive.store import Bucket, StoreUnavailableError
from eocene.archive.store.names import decode_name, encode_name
from eocene.model import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.testing.swift import SwiftServer

STRANGE = "Ä/b c/50% #1?.~tif"


def test_a_file_comes_back_as_it_was_whole_and_in_ranges(store: Bucket, tmp_path: Path) -> None:
    data, path = os.urandom(9 << 20), tmp_path / "large.bin"  # more than one part
    path.write_bytes(data)
    store.put("a/large.bin", path)
    content = store.open("a/large.bin")
    assert content.size == len(data)
    assert content.read(8_000_000, 1_000_000) == data[8_000_000:9_000_000]
    store.fetch("a/large.bin", tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == data
    sent = store.find("a/large.bin")
    store.put("a/large.bin", path, sent)
    assert store.find("a/large.bin") == sent


def test_names_of_any_characters_are_listed_and_deleted(store: Bucket) -> None:
    for name in (STRANGE, "Ä/other", "Äther", "empty"):
        store.put_bytes(name, b"" if name == "empty" else name.encode())
    assert {e.name: e.size for e in store.list("Ä")} == {STRANGE: len(STRANGE.encode()), "Ä/other": 8}
    assert store.read(STRANGE).decode() == STRANGE
    assert store.read("empty") == b""
    store.delete([STRANGE, "never was"])
    assert store.find(STRANGE) is None
    assert {e.name for e in store.list("")} == {"empty", "Äther", "Ä/other"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_name_has_a_key_of_its_own(name: str) -> None:
    key = encode_name(name)
    assert decode_name(key) == name
    assert key.isascii()
    assert not set(key) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-=/")


def test_a_name_that_is_too_long_is_the_users_fault(store: Bucket) -> None:
    with pytest.raises(InputError, match="too long"):
        store.put_bytes("ä" * 200, b"")


def test_wrong_keys_are_told_as_such(store: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    with pytest.raises(StoreUnavailableError, match="refuses the keys"):
        Bucket(os.environ["EOCENE_STORE"]).put_bytes("a", b"a")


def test_a_bucket_without_keys_is_refused_at_once(store: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(InputError, match="AWS_ACCESS_KEY_ID"):
        Bucket(store.url)


def test_a_bucket_that_is_not_there_is_named(store: Bucket, swift: SwiftServer) -> None:
    with pytest.raises(Exception, match="no-such-bucket"):
        Bucket(f"s3://{secrets.token_hex(4)}-no-such-bucket").put_bytes("a", b"a")

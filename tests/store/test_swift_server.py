"""The S3 server that tests start is a real one: held to by obstore, which is not ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import obstore
import pytest
from obstore.store import S3Store

if TYPE_CHECKING:
    from eocene.testing.swift import SwiftServer


def connect(server: SwiftServer, bucket: str, **changes: str) -> S3Store:
    config = {
        "endpoint": server.url,
        "region": "us-east-1",
        "access_key_id": server.access_key,
        "secret_access_key": server.secret_key,
    }
    return S3Store(bucket, config=config | changes, client_options={"allow_http": True})


@pytest.mark.long
def test_it_keeps_what_came_in_parts_also_when_it_is_started_again(swift: SwiftServer, bucket: str) -> None:
    store, data = connect(swift, bucket), os.urandom(6 << 20)
    obstore.put(store, "a/parts.bin", data, chunk_size=5 << 20)
    swift.stop()
    swift.start()
    assert obstore.get(store, "a/parts.bin").bytes() == data
    assert [entry["path"] for entry in obstore.list(store).collect()] == ["a/parts.bin"]


def test_it_lets_in_nobody_without_the_key(swift: SwiftServer, bucket: str) -> None:
    with pytest.raises(obstore.exceptions.PermissionDeniedError):
        obstore.put(connect(swift, bucket, secret_access_key="guessed"), "a.txt", b"a")


def test_its_environment_names_endpoint_keys_and_place(swift: SwiftServer) -> None:
    assert swift.environment("bucket/inside") == {
        "AWS_ENDPOINT_URL": swift.url,
        "AWS_ACCESS_KEY_ID": swift.access_key,
        "AWS_SECRET_ACCESS_KEY": swift.secret_key,
        "AWS_REGION": "us-east-1",
        "EOCENE_STORE": "s3://bucket/inside",
    }

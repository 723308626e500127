"""Buckets: signed with the keys of the environment, and otherwise read like everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eocene.archive.fetch import Door, MissingError
from eocene.model import DamageError, EoceneError
from eocene.testing.faults import Fault, Faults, FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = bytes(range(256)) * 1000
KEYS = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Moto's S3 on the loopback address with one bucket, filled by another client."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "someone", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys)
    client.create_bucket(Bucket="scenes")
    for key in ("s2/a.tif", "s2/with space+plus.tif", "private/b.tif"):
        client.put_object(Bucket="scenes", Key=key, Body=DATA)
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def keys(monkeypatch):
    for name, value in {**KEYS, "EOCENE_REMOTE": "s3://scenes/s2/"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def door(endpoint, keys, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return Door.of([])


@pytest.fixture
def canary(keys, monkeypatch, tmp_path):
    """An endpoint that counts."""
    (tmp_path / "scenes" / "s2").mkdir(parents=True)
    (tmp_path / "scenes" / "s2" / "a.tif").write_bytes(DATA)
    with FaultServer(tmp_path) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def test_an_object_is_read_in_ranges_and_downloaded(door, tmp_path):
    content = door.open("s3://scenes/s2/a.tif")
    assert content.size == len(DATA)
    assert content.read_many([(100_000, 10), (3, 4)]) == [DATA[100_000:100_010], DATA[3:7]]
    door.download("s3://scenes/s2/a.tif", tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == DATA


def test_a_key_with_spaces_and_signs_is_found(door):
    assert door.open("s3://scenes/s2/with%20space%2Bplus.tif").size == len(DATA)


def test_what_is_missing_is_told_by_its_own_name(door):
    with pytest.raises(MissingError) as error:
        door.open("s3://scenes/s2/none.tif")
    assert "s3/scenes" not in str(error.value)
    assert "Amz" not in str(error.value)


def test_requests_are_signed_only_where_there_are_keys(canary, monkeypatch):
    door = Door.of([])
    content = door.open("s3://scenes/s2/a.tif")
    canary.faults = Faults([Fault("reset"), Fault("status", status=503)])
    assert content.read(100_000, 5) == DATA[100_000:100_005]
    assert all("X-Amz-Signature" in seen.target for seen in canary.seen)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    content.read(120_000, 5)
    assert canary.seen[-1].target == "/scenes/s2/a.tif"


HOSTILE = [
    "s3://scenes/private/b.tif", "s3://scenes/s2/../private/b.tif", "s3://scenes/s2/%2e%2e/private/b.tif",
    "s3://scenes/s2/%252e%252e/private/b.tif", "s3://scenes/s2/..%2fprivate/b.tif", "s3://scenes/s2x/a.tif",
    "s3://other/s2/a.tif", "s3://scenes", "s3:///s2/a.tif", "s3://scenes@evil/s2/a.tif",
    "s3://scenes:80/s2/a.tif", "s3://scenes/s2/a.tif?versionId=1", "s3://SCENES_/s2/a.tif",
    "s3://..scenes/s2/a.tif", "s3://scenes.evil.example/s2/a.tif", "s3://sce%6Ees/s2/a.tif", "s3a://scenes/s2/a",
    "s3://scenes\\@evil/s2/a.tif", "s3://scenes/s2/a.tif#x", "s3:scenes/s2/a.tif",
    "s3://scenes/s2/a\r\nHost: x",
]  # fmt: skip


def test_nothing_outside_the_prefix_is_asked_for(canary):
    for href in HOSTILE:
        with pytest.raises(EoceneError):
            Door.of([]).open(href)
    assert canary.requests == 0


def test_a_bucket_that_redirects_elsewhere_is_not_followed(canary, tmp_path):
    with FaultServer(tmp_path) as other:
        canary.faults = Faults(always=Fault("redirect", 307, {"Location": f"{other.url}/scenes/s2/a.tif"}))
        with pytest.raises(EoceneError):
            Door.of([]).open("s3://scenes/s2/a.tif")
        assert other.requests == 0


def test_keys_that_are_wrong_are_an_error_that_does_not_tell_them(canary):
    canary.faults = Faults(always=Fault("status", status=403))
    with pytest.raises(DamageError) as error:
        Door.of([]).open("s3://scenes/s2/a.tif")
    assert "someone" not in str(error.value)
    assert "s3://scenes/s2/a.tif" in str(error.value)

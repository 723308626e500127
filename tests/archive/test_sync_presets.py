"""Tokens of providers go into requests and nowhere else; bands are found under names that providers use."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from eocene.archive import Search
from eocene.archive.mirror.presets import PRESETS, Preset, find_access, find_preset
from eocene.archive.mirror.presets_access import SignedAccess, TokenAccess
from eocene.archive.mirror.sync_report import SyncOptions
from eocene.archive.mirror.sync_source import Wanted
from eocene.testing.faults.handler import Answer

from .sync_source import StacSource

S2 = Wanted("s2")
SECRETS = ("SECRET", "HUSH", "anna")


class ClosedSource(StacSource):
    """A source that gives files only for a signature or a token."""

    signature, lasts_s, expects_header = "SECRET1", 3600.0, False
    forms: list = []  # noqa: RUF012 (set anew by each test)

    def answer(self, method, target, body):
        parts = urlsplit(target)
        if parts.path.startswith("/sas/token/"):
            end = datetime.now(UTC) + timedelta(seconds=self.lasts_s)
            return self._say({"token": f"sig={self.signature}&se=2030", "msft:expiry": end.isoformat()})
        if parts.path == "/openid/token":
            self.forms.append(parse_qs(body.decode()))
            if self.forms[-1].get("password") != ["HUSH"]:
                return Answer(401, b"{}")
            return self._say({"access_token": self.signature, "expires_in": self.lasts_s})
        is_signed = self.expects_header or parse_qs(parts.query).get("sig") == [self.signature]
        if parts.path.startswith("/data/") and not is_signed:
            return Answer(403, b"no")
        return super().answer(method, target, body)


@pytest.fixture
def source(tmp_path, products, monkeypatch):
    made = ClosedSource(tmp_path / "source", products, scenes=2)
    made.forms = []
    monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", made.server.host)
    with made.server:
        yield made


@pytest.fixture
def signed(source):
    url = source.server.url
    return Preset(url, (f"{url}/data/",), SignedAccess(f"{url}/sas/token"))


@pytest.fixture
def guarded(source, monkeypatch):
    monkeypatch.setenv("CDSE_USERNAME", "anna")
    monkeypatch.setenv("CDSE_PASSWORD", "HUSH")
    source.expects_header = True
    url = source.server.url
    access = TokenAccess(f"{url}/openid/token", "cdse-public", "CDSE_USERNAME", "CDSE_PASSWORD")
    return Preset(url, (f"{url}/data/",), access, alternate="https")


def check_quiet(archive, caplog, *texts):
    """Look for secrets in every file of the workspace, in the log and in texts."""
    for path in archive.layout.root.rglob("*"):
        if path.is_file():
            assert not any(secret.encode() in path.read_bytes() for secret in SECRETS), path
    assert not any(secret in text for secret in SECRETS for text in (caplog.text, *map(str, texts)))


def check_pixels(archive, source):
    items = archive.catalogue.search(Search(collections=("s2",)))
    assert len(items) == len(source.items)
    for item in items:
        for band, asset in item["assets"].items():
            raster = archive.open_raster(asset)
            np.testing.assert_array_equal(raster.read(raster.levels[0]), source.pixels[item["id"], band])


def count(source, start):
    return sum(seen.target.startswith(start) for seen in source.server.seen)


def test_urls_are_signed_with_one_token_for_a_container(archive, source, signed, caplog):
    caplog.set_level("DEBUG")
    report = archive.sync(signed, S2)
    assert (report.added, report.failed) == (2, [])
    check_pixels(archive, source)
    assert count(source, "/sas/token/127/data") == 1
    check_quiet(archive, caplog, report)


def test_a_signature_that_ends_or_is_refused_is_asked_for_again(archive, source, signed, caplog):
    archive.sync(signed, S2)
    source.put(2)
    source.signature = "SECRET2"
    report = archive.sync(signed, S2)
    assert (report.added, report.failed) == (1, [])
    source.lasts_s = 30.0  # less than the minute before its end in which a token is renewed
    signed.access.forget()
    source.put(3)
    before = count(source, "/sas/token/")
    assert archive.sync(signed, S2).added == 1
    assert count(source, "/sas/token/") > before + 1
    check_pixels(archive, source)
    check_quiet(archive, caplog)


def test_a_damaged_file_is_repaired_with_a_signature(archive, source, signed, monkeypatch):
    monkeypatch.setitem(PRESETS, "test", signed)
    archive.sync("test", S2)
    path = Path(archive.catalogue.item("s2", "scene-0")["assets"]["red"]["href"])
    right = path.read_bytes()
    path.write_bytes(right[:-9])
    assert len(archive.verify(repair=True).repaired) == 1
    assert path.read_bytes() == right


def test_a_name_and_password_of_the_environment_become_a_token(archive, source, guarded, caplog):
    caplog.set_level("DEBUG")
    for item in source.items.values():
        for asset in item["assets"].values():
            here = f"{source.server.url}{asset['href']}"
            asset |= {"href": "s3://eodata/not/read", "alternate": {"https": {"href": here}}}
    report = archive.sync(guarded, S2)
    assert (report.added, report.failed) == (2, [])
    check_pixels(archive, source)
    wanted = {"grant_type": "password", "client_id": "cdse-public", "username": "anna", "password": "HUSH"}
    assert source.forms == [{key: [value] for key, value in wanted.items()}]
    sent = {seen.headers.get("Authorization") for seen in source.server.seen if "/data/" in seen.target}
    assert sent == {"Bearer SECRET1"}
    others = {seen.headers.get("Authorization") for seen in source.server.seen if "/data/" not in seen.target}
    assert others == {None}
    check_quiet(archive, caplog, report)


def test_missing_and_wrong_credentials_are_named_but_not_told(archive, source, guarded, monkeypatch, caplog):
    monkeypatch.setenv("CDSE_PASSWORD", "HUSH, but wrong")
    report = archive.sync(guarded, S2)
    assert len(report.failed) == 2
    assert all("401" in fault["error"] for fault in report.failed)
    check_quiet(archive, caplog, report)
    monkeypatch.delenv("CDSE_PASSWORD")
    report = archive.sync(guarded, S2)
    assert all("CDSE_PASSWORD" in fault["error"] for fault in report.failed)
    assert all(fault["error"].startswith("CredentialsMissing") for fault in report.failed)


@pytest.mark.parametrize("answer", [[], {}, {"token": 5}, {"token": "a b\n", "msft:expiry": "x"},
                                    {"token": "sig=1", "msft:expiry": "never"}])  # fmt: skip
def test_a_token_that_is_none_is_a_named_error(archive, source, signed, answer, monkeypatch):
    inner = source.server.route
    monkeypatch.setattr(
        source.server, "route",
        lambda method, target, body: Answer(200, json.dumps(answer).encode())
        if target.startswith("/sas/") else inner(method, target, body),
    )  # fmt: skip
    report = archive.sync(signed, S2)
    assert len(report.failed) == 2
    assert all("no usable token" in fault["error"] for fault in report.failed)


def test_bands_are_found_under_the_names_of_a_provider(archive, source):
    source.signature, source.expects_header = "", True
    preset = Preset(source.server.url, bands={"s2": {"B04": "red", "B08": "nir"}}, left_out=("ir",))
    assert archive.sync(preset, S2, SyncOptions(assets=("B04",))).files == 2
    assert set(archive.catalogue.item("s2", "scene-0")["assets"]) == {"red"}
    assert archive.sync(preset, S2).unchanged == 2, "what holds the same in another format is left out"


def test_presets_are_found_by_name_by_url_and_by_the_place_of_a_file():
    assert set(PRESETS) == {"cdse", "earth-search", "planetary-computer"}
    for name, preset in PRESETS.items():
        assert find_preset(name) is preset
        assert find_preset(f"{preset.url}/collections/x") is preset
        assert find_access(f"{preset.prefixes[0]}a.tif") is preset
        assert all(prefix.startswith(("https://", "s3://")) for prefix in preset.reachable)
    assert find_preset("https://earth-search.aws.element84.com.evil.example/v1") not in PRESETS.values()
    assert find_access("https://evil.blob.core.windows.net/a").can_read_in_place
    assert PRESETS["earth-search"].name_asset("sentinel-2-l2a", "B8A") == "nir08"
    assert PRESETS["cdse"].name_asset("sentinel-2-l2a", "SCL") == "SCL_20m"

"""A real OpenID provider for tests, and a person who logs in there with a browser."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx
from joserfc.jwk import RSAKey
from tests.node import install_packages
from tests.ports import claim_port

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).with_name("provider")
SECRET = "a-secret-that-only-this-test-knows-of"
AUDIENCE = "https://eocene.example"


def make_key(key_id: str) -> dict[str, Any]:
    """Return a new RSA key as a JWK with its private part."""
    return dict(RSAKey.generate_key(2048, {"kid": key_id, "use": "sig"}).as_dict(private=True))


@contextlib.contextmanager
def run_provider(folder: Path, *keys: dict[str, Any], port: int | None = None) -> Iterator[str]:
    """Run the provider with these signing keys for as long as the block lasts; gives its issuer."""
    if port is None:
        with claim_port() as free, run_provider(folder, *keys, port=free) as issuer:
            yield issuer
        return
    node = install_packages(HOME)
    stored, issuer = folder / "jwks.json", f"http://127.0.0.1:{port}"
    stored.write_text(json.dumps({"keys": keys}))
    command = [*node, str(HOME / "provider.mjs"), str(port), str(stored)]
    with (
        (folder / "provider.log").open("w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            assert process.stdout is not None
            said = process.stdout.readline().strip()
            assert said == b"listening", f"{said!r}; {(folder / 'provider.log').read_text()}"
            yield issuer
        finally:
            process.kill()


def get_token(issuer: str, client: str = "script", **asked: str) -> str:
    """Return an access token that the provider gives a program."""
    form = {"grant_type": "client_credentials"} | asked
    answer = httpx.post(f"{issuer}/token", data=form, auth=(client, SECRET), timeout=30)
    return str(answer.raise_for_status().json()["access_token"])


def log_in(address: str, name: str) -> None:
    """Do what a person does in a browser: confirm the device, log in, consent."""
    with httpx.Client(follow_redirects=True, timeout=30) as browser:
        page = browser.get(address)
        for _ in range(6):
            form = re.search(r"<form[^>]*action=\"([^\"]+)\"[^>]*>(.*?)</form>", page.text, re.DOTALL)
            if form is None:
                return
            fields = {
                unescape(found["name"]): unescape(found.get("value", ""))
                for tag in re.findall(r"<input([^>]*)>", form[2])
                if "name" in (found := dict(re.findall(r"([\w-]+)=\"([^\"]*)\"", tag)))
            }
            fields |= {key: name for key in ("login", "password") if key in fields}
            page = browser.post(urljoin(str(page.url), unescape(form[1])), data=fields)
            page.raise_for_status()

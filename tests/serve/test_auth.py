"""Every route refuses who has no good token, and shows nobody another's things."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from tests.serve.conftest import read_error, run_server, start_app

from eocene.jobs import Layer, Quota
from eocene.model import Layout
from eocene.serve.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

OPENEO = "/openeo/1.2"
OPEN = re.compile(
    rf"""/\.well-known/openeo | {OPENEO}/ | {OPENEO}/(conformance|file_formats|processes|service_types
    |udf_runtimes|collections(/[^/]+(/queryables)?)?|credentials/oidc|validation)
    | /ogc/(conformance|processes(/[^/]+)?)?
    | /stac/.* | /wmts.* | /health.* | /metrics | /sparql/examples""",
    re.VERBOSE,
)
"""What the openEO specification, STAC and the operator's tools leave open; all else needs a login."""

SIGNED = "/rules/{rule_id}/feed"
"""Opened by the signature in its address alone, since readers of feeds log in nowhere."""

READING = (
    f"{OPENEO}/validation", "/stac/search", "/stac/aggregate", "/sparql", "/series/{layer_id}",
    "/models/{model_id}/predict", "/models/{model_id}/explain",
)  # fmt: skip
"""What is posted and changes nothing."""

CHANGING_STAC = ("POST", "PUT", "PATCH", "DELETE")
SAMPLE = {"z": "1", "x": "1", "y": "1", "ending": "png"}
QUERY = "?lon=11&lat=48&query=ASK{}&collections=a&aggregations=total_count&request=GetCapabilities"
PROCESS = {"process_graph": {"a": {"process_id": "add", "arguments": {"x": 1, "y": 1}, "result": True}}}


@dataclass(frozen=True)
class Service:
    """A server whose data are closed, and the provider whose tokens it takes."""

    app: FastAPI
    client: httpx.Client
    issuer: str
    key: RSAKey

    def sign(self, **claims: Any) -> str:
        now = int(time.time())
        good = {"iss": self.issuer, "sub": "alice", "aud": "here", "iat": now, "exp": now + 600}
        return jwt.encode({"alg": "RS256", "kid": "k"}, good | claims, self.key)

    def call(self, method: str, path: str, token: str | None, **sent: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.request(method, path, headers=headers, **sent)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    key = RSAKey.generate_key(2048, {"kid": "k", "use": "sig"})
    documents: dict[str, Any] = {"/jwks": {"keys": [key.as_dict(private=False)]}}

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    provider = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    issuer = f"http://127.0.0.1:{provider.server_port}"
    documents["/.well-known/openid-configuration"] = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
    thread = threading.Thread(target=provider.serve_forever)
    thread.start()
    layout = Layout(tmp_path_factory.mktemp("workspace"))
    layout.marker.write_text("{}")
    known = Provider("lab", issuer, audience=("here",))
    app, _ = start_app(layout, workers=0, public_data=False, oidc=(known,), quota=Quota())
    try:
        with run_server(app) as url, httpx.Client(base_url=url, timeout=30) as client:
            yield Service(app, client, issuer, key)
    finally:
        provider.shutdown()
        provider.server_close()
        thread.join()


def list_routes(app: FastAPI) -> list[tuple[str, str]]:
    return [(m.upper(), path) for path, methods in app.openapi()["paths"].items() for m in methods]


def is_open(method: str, path: str) -> bool:
    changes = path.startswith("/stac/") and method in CHANGING_STAC
    assets = "/assets/" in path
    searches = method == "POST" and path in ("/stac/search", "/stac/aggregate")
    return bool(OPEN.fullmatch(path)) and not assets and (not changes or searches)


def fill(path: str) -> str:
    query = "?expires=99999999999&signature=wrong" if path == SIGNED else QUERY
    return re.sub(r"\{(\w+)\}", lambda m: SAMPLE.get(m[1], "nothing"), path) + query


def encode(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def forge(service: Service) -> dict[str, tuple[str, str]]:
    """Return bad credentials of each kind, and the code that each has to be refused with."""
    good, now = service.sign(), int(time.time())
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==="))
    unsigned = f"{encode({'alg': 'none', 'kid': 'k'})}.{body}."
    shared = f"{encode({'alg': 'HS256', 'kid': 'k'})}.{body}"
    secret = hmac.new(service.key.as_pem(private=False), shared.encode(), hashlib.sha256).digest()
    own = RSAKey.generate_key(2048, {"kid": "k"})
    bearing = {"alg": "RS256", "kid": "k", "jwk": own.as_dict(private=False)}
    tokens = {
        "expired": service.sign(exp=now - 60),
        "not yet valid": service.sign(nbf=now + 600),
        "without end": jwt.encode(
            {"alg": "RS256", "kid": "k"}, {k: v for k, v in claims.items() if k != "exp"}, service.key
        ),
        "wrong audience": service.sign(aud="elsewhere"),
        "wrong issuer": service.sign(iss="https://login.example"),
        "no subject": service.sign(sub=""),
        "an ID token": service.sign(nonce="n"),
        "alg none": unsigned,
        "alg none in capitals": unsigned.replace(
            encode({"alg": "none", "kid": "k"}), encode({"alg": "None"})
        ),
        "signed with the public key": f"{shared}.{base64.urlsafe_b64encode(secret).rstrip(b'=').decode()}",
        "with its own key": jwt.encode(bearing, claims, own),
        "tampered claims": f"{head}.{encode(claims | {'sub': 'eocene'})}.{signature}",
        "tampered signature": f"{head}.{body}.{'A' * len(signature)}",
        "critical header": f"{encode({'alg': 'RS256', 'crit': ['x'], 'x': 1})}.{body}.{signature}",
        "no token": "",
    }
    bad = {kind: (f"oidc/lab/{token}", "TokenInvalid") for kind, token in tokens.items()}
    for kind in ("expired", "wrong audience", "alg none", "tampered claims"):
        bad[f"plain, {kind}"] = (tokens[kind], "TokenInvalid")
    users = service.app.state.rooms.users
    bad["an ended session"] = (f"basic//{users.issue_token('eocene', life_s=-1)}", "TokenInvalid")
    bad["made up"] = ("basic//abc", "TokenInvalid")
    bad["of an unknown provider"] = (f"oidc/other/{good}", "AuthenticationSchemeInvalid")
    bad["of no kind"] = ("abc", "AuthenticationSchemeInvalid")
    return bad


def test_every_route_that_is_not_open_wants_a_token(service):
    for method, path in list_routes(service.app):
        if is_open(method, path) or path in (SIGNED, f"{OPENEO}/credentials/basic"):
            continue
        answer = service.call(method, fill(path), None)
        assert read_error_of(answer) == (401, "AuthenticationRequired"), (method, path)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_every_route_refuses_every_kind_of_bad_token(service):
    bad, tried = forge(service), 0
    for method, path in list_routes(service.app):
        for kind, (token, code) in bad.items():
            answer = service.call(method, fill(path), token)
            tried += 1
            if is_open(method, path):
                # What is open to all may overlook a token, but must give it no more than to nobody.
                assert answer.status_code < 500 or "health" in path, (method, path, kind)
            elif path == f"{OPENEO}/credentials/basic":
                assert read_error_of(answer) == (403, "AuthenticationSchemeInvalid")
            elif path == SIGNED:
                assert read_error_of(answer) == (403, "TokenInvalid")
            else:
                assert read_error_of(answer) == (403, code), (method, path, kind)
    assert tried > 1000


def test_the_good_token_from_which_the_bad_ones_were_made_is_accepted(service):
    assert service.call("GET", f"{OPENEO}/me", f"oidc/lab/{service.sign()}").status_code == 200
    assert service.call("GET", f"{OPENEO}/me", service.sign()).status_code == 200


def make_things(service: Service, owner: str) -> dict[str, str]:
    """Make one of each thing that a user can own; return its name by the parameter that paths have for it."""
    rule = {"title": "Mine", "when": {"kind": "schedule", "cron": "0 6 * * 1"}, "run": {"process": PROCESS}}
    made = service.call("POST", f"{OPENEO}/jobs", owner, json={"process": PROCESS})
    token = service.call("POST", "/account/tokens", owner, json={"title": "mine"})
    project = service.call("POST", "/account/projects", owner, json={"name": "water"})
    process = service.call("PUT", f"{OPENEO}/process_graphs/mine", owner, json=PROCESS)
    file = service.call("PUT", f"{OPENEO}/files/mine.txt", owner, content=b"mine")
    kept = service.call("POST", "/rules", owner, json=rule)
    for answer in (made, token, project, process, file, kept):
        assert answer.status_code < 300, answer.text
    account = service.call("GET", f"{OPENEO}/me", owner).json()["user_id"]
    # A service wants a cube to draw, and there are no data here: its layer is written down as it would be.
    layer = Layer("s-mine", "Mine", owner=account, process=PROCESS, style={"kind": "rgb"}, type="XYZ")
    service.app.state.rooms.layers.put(layer)
    return {
        "job_id": made.headers["OpenEO-Identifier"],
        "token_id": token.json()["id"],
        "project_id": project.json()["id"],
        "user_id": "eocene",
        "process_graph_id": "mine",
        "process_id": "mine",
        "path": "mine.txt",
        "name": "collection.json",
        "rule_id": kept.headers["Location"].rsplit("/", 1)[1],
        "service_id": "s-mine",
        "layer_id": "s-mine",
    } | SAMPLE


NEVER_RUN = ("/results/{job_id}/{name}", "/ogc/jobs/{job_id}/results")
"""What is not there for the owner, either, before a job has run."""


def test_another_users_things_do_not_exist(service):
    owner, other = f"oidc/lab/{service.sign()}", f"oidc/lab/{service.sign(sub='mallory')}"
    own = make_things(service, owner)
    bodies = {"PATCH": {"title": "theirs"}, "POST": {"process": PROCESS}, "PUT": {"role": "owner"}}
    tried = set()
    for method, path in list_routes(service.app):
        names = set(re.findall(r"\{(\w+)\}", path))
        makes_ones_own = method == "PUT" and not path.startswith("/account/")
        if not names or not names <= set(own) or makes_ones_own or path == SIGNED:
            continue
        target = path.format(**own) + QUERY
        body = {"json": bodies[method]} if method in bodies else {}
        answer = service.call(method, target, other, **body)
        assert answer.status_code == 404, (method, path, answer.text)
        if method == "GET" and path not in NEVER_RUN and "{layer_id}" not in path:
            assert service.call("GET", target, owner).status_code < 404, (path, "is not there for its owner")
        tried.add((method, path))
    of = {path.split("/")[1] if not path.startswith(OPENEO) else path.split("/")[3] for _, path in tried}
    assert of >= {
        "jobs", "services", "process_graphs", "files", "account", "rules", "layers", "tiles", "series",
        "wmts", "packages", "results", "ogc",
    }  # fmt: skip
    assert len(tried) >= 40
    assert service.call("GET", "/layers/s-mine", owner).status_code == 200
    for path in ("jobs", "process_graphs", "files", "services"):
        (listed,) = [
            v for k, v in service.call("GET", f"{OPENEO}/{path}", other).json().items() if k != "links"
        ]
        assert listed == []


def test_the_address_of_a_feed_opens_that_feed_alone(service):
    owner = f"oidc/lab/{service.sign()}"
    rule = {"when": {"kind": "schedule", "cron": "0 6 * * 1"}}
    first, second = (service.call("POST", "/rules", owner, json=rule).headers["Location"] for _ in range(2))
    links = service.call("GET", first, owner).json()["links"]
    (feed,) = [entry["href"] for entry in links if entry["rel"] == "alternate"]
    assert service.call("GET", feed, None).status_code == 200
    stolen = feed.replace(first.rsplit("/", 1)[1], second.rsplit("/", 1)[1])
    assert read_error_of(service.call("GET", stolen, None)) == (403, "TokenInvalid")


def test_a_token_that_may_only_read_starts_and_changes_nothing(service):
    owner = f"oidc/lab/{service.sign(sub='reader')}"
    made = service.call("POST", "/account/tokens", owner, json={"title": "reads", "scope": "read"})
    token, tried = made.json()["token"], 0
    for method, path in list_routes(service.app):
        if path.startswith("/account/") or path == f"{OPENEO}/credentials/basic":
            continue
        answer = service.call(method, fill(path), token, **({"json": {}} if method != "GET" else {}))
        reads = method == "GET" or path in READING
        if not reads:
            assert read_error_of(answer) == (403, "PermissionsInsufficient"), (method, path)
        elif path != SIGNED:
            assert answer.status_code != 403, (method, path, answer.text)
        tried += 1
    assert tried > 80


def test_who_a_provider_names_is_never_a_local_user(service):
    shown = service.call("GET", f"{OPENEO}/me", f"oidc/lab/{service.sign(sub='eocene')}").json()
    assert shown["user_id"] != "eocene"
    assert re.fullmatch(r"lab~[0-9a-f]{24}", shown["user_id"])
    assert re.fullmatch(r"[\w\-.~]+", shown["user_id"])


def read_error_of(answer: httpx.Response) -> tuple[int, str]:
    if answer.headers.get("content-type", "").startswith("application/json"):
        body = answer.json()
        # STAC and OGC API want an error to say more than openEO does.
        says_more = answer.request.url.path.startswith(("/stac/", "/ogc/"))
        return (answer.status_code, body["code"]) if says_more else read_error(answer)
    return answer.status_code, "no JSON"

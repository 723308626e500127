"""Ranges of files: what RFC 9110 calls valid is sent, what is beyond the end refused, the rest ignored."""

from __future__ import annotations

import email

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.serve.byte_ranges import RangeError, parse_range

FILES = "/openeo/1.2/files"
CONTENT = bytes(range(256)) * 40
SIZE = len(CONTENT)

SATISFIABLE = {
    "bytes=0-499": [(0, 500)],
    "bytes=-500": [(SIZE - 500, SIZE)],
    "bytes=9500-": [(9500, SIZE)],
    "BYTES=0-0": [(0, 1)],
    "bytes=0-0,-1": [(0, 1), (SIZE - 1, SIZE)],
    "bytes= 0-999, 4500-5499, -1000": [(0, 1000), (4500, 5500), (SIZE - 1000, SIZE)],
    "bytes=, ,5-6,,": [(5, 7)],
    "bytes=0-4,999999-": [(0, 5)],
    "bytes=10-99999999999999999999999": [(10, SIZE)],
    "bytes=-99999": [(0, SIZE)],
    "bytes=00000000000000000000000000001-2": [(1, 3)],
    "bytes=1-" + "9" * 5000: [(1, SIZE)],
}
INVALID = [
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes=-",
    "bytes=abc",
    "bytes=5-2",
    "bytes=0-4,7-6",
    "bytes=0-4,x",
    "bytes=--5",
    "bytes=1 - 2",
    "bytes=1-2-3",
    "bytes=0x1-2",
    "bytes 0-4",
    "octets=0-4",
    "=0-4",
    "bytes=" + "0-1," * 200,
]
BEYOND = ["bytes=SIZE-", "bytes=SIZE-99999999", "bytes=-0", "bytes=SIZE-, -0", "bytes=" + "9" * 5000 + "-"]


@pytest.fixture(scope="module")
def places(server):
    """Addresses of files, each with a request that gives its headers: uploads, assets, scripts."""
    server.client.put(f"{FILES}/ranges/a.bin", content=CONTENT, headers=server.as_user())
    item = server.get("/stac/search?limit=1&collections=sentinel-2-l2a").json()["features"][0]
    asset = f"/stac/collections/sentinel-2-l2a/items/{item['id']}/assets/B04"
    yield [f"{FILES}/ranges/a.bin", asset, "/label/files/label.js", "/docs-static/swagger-ui.css"]
    server.client.delete(f"{FILES}/ranges/a.bin", headers=server.as_user())


def ask(server, place, asked, **headers):
    return server.get(place, headers=server.as_user() | {"Range": asked} | headers)


@pytest.mark.parametrize("asked", SATISFIABLE)
def test_a_valid_range_is_sent(server, places, asked):
    answer, spans = ask(server, places[0], asked), SATISFIABLE[asked]
    assert parse_range(asked, SIZE) == spans
    assert answer.status_code == 206
    if len(spans) == 1:
        ((start, end),) = spans
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
        assert answer.content == CONTENT[start:end]
        return
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + answer.content).get_payload()
    assert [part["content-range"] for part in parts] == [f"bytes {a}-{b - 1}/{SIZE}" for a, b in spans]


@pytest.mark.parametrize("asked", INVALID)
def test_an_invalid_range_is_ignored_wherever_files_are_sent(server, places, asked):
    for place in places:
        whole = server.get(place, headers=server.as_user())
        answer = ask(server, place, asked)
        assert (answer.status_code, answer.content) == (200, whole.content), place
        assert "content-range" not in answer.headers


@pytest.mark.parametrize("asked", BEYOND)
def test_what_lies_beyond_the_end_is_refused_with_the_size_and_in_the_form_of_errors(server, places, asked):
    for place in places:
        size = len(server.get(place, headers=server.as_user()).content)
        answer = ask(server, place, asked.replace("SIZE", str(size)))
        assert (answer.status_code, answer.json()["code"]) == (416, "RangeNotSatisfiable"), place
        assert {"id", "code", "message", "links"} <= answer.json().keys()
        assert answer.headers["content-range"] == f"bytes */{size}"
        assert str(size) in answer.json()["message"]


def test_a_range_counts_for_get_alone_and_while_the_file_is_as_it_was(server, places):
    whole = server.get(places[1])
    headers = {"Range": "bytes=0-9", "If-Range": whole.headers["etag"]}
    assert server.get(places[1], headers=headers).content == whole.content[:10]
    for asked in ("bytes=0-9", f"bytes={10**12}-"):
        headers = {"Range": asked, "If-Range": '"of yesterday"'}
        answer = server.get(places[1], headers=headers)
        assert (answer.status_code, answer.content) == (200, whole.content)
        head = server.client.head(places[1], headers={"Range": asked})
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))


def test_an_empty_file_has_no_first_byte_but_all_of_its_last(server):
    place = f"{FILES}/ranges/empty.bin"
    server.client.put(place, content=b"", headers=server.as_user())
    assert ask(server, place, "bytes=0-").headers["content-range"] == "bytes */0"
    assert ask(server, place, "bytes=-5").status_code == 200
    server.client.delete(place, headers=server.as_user())


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40) | st.none()), min_size=1, max_size=5),
    st.integers(0, 30),
)
def test_spans_hold_the_bytes_that_are_asked_for_and_exist(asked, size):
    """Beside the words of the RFC, byte by byte."""
    if any(last is not None and last < first for first, last in asked):
        expected = []
    else:
        expected = [
            [n for n in range(size) if first <= n and (last is None or n <= last)] for first, last in asked
        ]
    text = ",".join(f"{first}-{'' if last is None else last}" for first, last in asked)
    if expected and not any(expected):
        with pytest.raises(RangeError) as caught:
            parse_range(f"bytes={text}", size)
        assert caught.value.headers["Content-Range"] == f"bytes */{size}"
    else:
        found = [list(range(*span)) for span in parse_range(f"bytes={text}", size)]
        assert found == [part for part in expected if part]

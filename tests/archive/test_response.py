"""What comes over a connection is an answer of HTTP/1 as it is written, or refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.archive.fetch.connection import compose_request
from eocene.archive.fetch.response import MOST_HEADERS, ProtocolError, Response


class Sent:
    """A socket on whose other side these pieces were sent, one at a time, and the connection was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def recv(self, most: int) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > most:
            self._pieces.insert(0, piece[most:])
        return piece[:most]

    def recv_into(self, view: memoryview) -> int:
        piece = self.recv(len(view))
        view[: len(piece)] = piece
        return len(piece)


def answered(*pieces: bytes) -> Response:
    response = Response(Sent(*pieces))
    response.read_headers()
    return response


def read(response: Response, most: int = 7) -> bytes:
    pieces = []
    while piece := response.read1(most):
        pieces.append(piece)
    return b"".join(pieces)


def test_a_declared_body_is_read_and_no_more():
    response = answered(
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 11\r\nETag: a\r\n\r\n", b"hello world"
    )
    assert (response.status, response.length, response.keeps_open) == (206, 11, True)
    assert response.headers == {"content-length": "11", "etag": "a"}
    assert not response.is_read
    assert read(response) == b"hello world"
    assert response.is_read


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(1, 400)))
def test_a_declared_body_fills_a_buffer_in_whatever_pieces_it_comes(body, cuts):
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    ends = sorted({0, *(cut for cut in cuts if cut < len(sent)), len(sent)})
    response = answered(*(sent[start:stop] for start, stop in pairwise(ends)))
    buffer, done = bytearray(len(body)), 0
    while count := response.read_into(memoryview(buffer)[done:]):
        done += count
    assert (buffer, response.is_read) == (body, True)


def test_a_chunked_body_is_joined():
    response = answered(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    )
    assert response.length is None
    assert (read(response), response.is_read) == (b"hello world", True)


def test_without_a_length_the_body_ends_with_the_connection():
    response = answered(b"HTTP/1.1 200 OK\r\n\r\nhello ", b"world")
    assert (read(response), response.is_read, response.keeps_open) == (b"hello world", True, False)


def test_what_is_said_before_the_answer_is_passed_over():
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    response = answered(early, b"HTTP/1.1 204 No Content\r\nA: 1\r\nA: 2\r\n\r\n")
    assert (response.status, response.headers, response.is_read) == (204, {"a": "1, 2"}, True)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"hello world\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\nmore than was asked for",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (MOST_HEADERS // 3),
    ],
)
def test_what_is_no_answer_is_refused(sent):
    with pytest.raises(ProtocolError):
        read(answered(sent))


def test_a_chunked_body_that_is_cut_off_is_no_body():
    response = answered(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
    with pytest.raises(ProtocolError, match="cut off"):
        read(response)


def test_a_declared_body_that_is_cut_off_is_not_read():
    response = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel")
    assert (read(response), response.is_read) == (b"hel", False)


def test_a_request_says_what_it_holds():
    assert compose_request("GET", "/a?b=c", {"Host": "x"}, None) == b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
    posted = compose_request("POST", "/", {}, b"body")
    assert posted == b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/a b", {}),
        ("/a\r\nX: y", {}),
        ("/é", {}),
        ("/", {"X": "y\r\nZ: w"}),
        ("/", {"X\n": "y"}),
        ("/", {"X": "\0"}),
    ],
)
def test_no_request_can_be_ended_early_by_what_it_holds(target, headers):
    with pytest.raises(ValueError, match="control character"):
        compose_request("GET", target, headers, None)

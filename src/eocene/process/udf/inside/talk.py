"""Messages between Eocene and a process inside the walls: a length (4 bytes, little endian), and JSON.

Both sides use this file, so it imports nothing of Eocene. Whoever reads a message may not trust who wrote it.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from contextlib import suppress
from typing import Any

MOST = 8 << 20
"""Bytes of a message."""


class TalkError(ValueError):
    """A message is not of the agreed form."""


def send(channel: socket.socket, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send a message, and file descriptors with it."""
    text = json.dumps(message).encode()
    if len(text) > MOST:
        raise TalkError(f"labels and attributes of {len(text):,} bytes are more than {MOST:,}")
    head = struct.pack("<I", len(text))
    if fds:
        socket.send_fds(channel, [head], list(fds))
        channel.sendall(text)
    else:
        channel.sendall(head + text)


def receive(channel: socket.socket, most_fds: int = 0) -> tuple[dict[str, Any], list[int]]:
    """Wait for a message and the file descriptors that come with it; raises EOFError at the end."""
    head, fds, _, _ = socket.recv_fds(channel, 4, most_fds) if most_fds else (channel.recv(4), [], 0, None)
    try:
        head += _read(channel, 4 - len(head)) if head else b""
        if not head:
            raise EOFError
        return parse(_read(channel, read_length(head))), fds
    except BaseException:
        for fd in fds:
            with suppress(OSError):
                os.close(fd)
        raise


def parse(text: bytes) -> dict[str, Any]:
    """Return a message as an object; raises TalkError."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TalkError("a message is not JSON") from error
    if not isinstance(message, dict):
        raise TalkError("a message is not an object")
    return message


def read_length(head: bytes) -> int:
    """Return how long the message after a head of 4 bytes is; raises TalkError."""
    length = int(struct.unpack("<I", head)[0])
    if length > MOST:
        raise TalkError(f"a message of {length:,} bytes is too long")
    return length


def _read(channel: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        more = channel.recv(min(1 << 20, count - len(found)))
        if not more:
            raise EOFError
        found += more
    return bytes(found)

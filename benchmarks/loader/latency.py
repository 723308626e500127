"""A range server with a delay: ``python latency.py FOLDER SECONDS``; prints its port and serves.

``GET /__stats`` tells requests, bytes and connections since ``/__reset``.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from functools import lru_cache
from pathlib import Path

_RANGE = re.compile(rb"^range: *bytes=(\d*)-(\d*)", re.IGNORECASE | re.MULTILINE)
_FIELDS = {"Accept-Ranges": "bytes", "ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}


@lru_cache(maxsize=1024)
def open_file(path: Path) -> tuple[int, int]:
    """Return a descriptor and the size of a file."""
    return os.open(path, os.O_RDONLY), path.stat().st_size


class Server:
    """Serves the files of a folder."""

    def __init__(self, folder: Path, delay: float) -> None:
        self.folder, self.delay = folder.resolve(), delay
        self.stats = {"requests": 0, "bytes": 0, "connections": 0}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.stats["connections"] += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
                writer.write(await self.answer(method, target, head))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, method: str, target: str, head: bytes) -> bytes:
        if target == "/__reset":
            self.stats.update(dict.fromkeys(self.stats, 0))
            return respond("204 No Content", b"")
        if target == "/__stats":
            return respond("200 OK", json.dumps(self.stats).encode())
        self.stats["requests"] += 1
        await asyncio.sleep(self.delay)
        path = (self.folder / target.lstrip("/").partition("?")[0]).resolve()
        if not path.is_relative_to(self.folder) or not path.is_file():
            return respond("404 Not Found", b"")
        return self.serve(path, method, _RANGE.search(head))

    def serve(self, path: Path, method: str, wanted: re.Match[bytes] | None) -> bytes:
        descriptor, size = open_file(path)
        first, last, status = 0, size - 1, "200 OK"
        fields = dict(_FIELDS)
        if wanted:
            start, end = wanted.groups()
            first = int(start) if start else max(0, size - int(end))
            last = min(int(end), last) if start and end else last
            status = "206 Partial Content"
            fields["Content-Range"] = f"bytes {first}-{last}/{size}"
        if method == "HEAD":
            return respond(status, b"", size, **fields)
        self.stats["bytes"] += last - first + 1
        return respond(status, os.pread(descriptor, last - first + 1, first), **fields)


def respond(status: str, body: bytes, length: int | None = None, **fields: str) -> bytes:
    fields["Content-Length"] = str(len(body) if length is None else length)
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def main(folder: Path, delay: float) -> None:
    server = await asyncio.start_server(Server(folder, delay).handle, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))

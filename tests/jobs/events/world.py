"""A feed of earthquakes and a receiver of webhooks, really served on the loopback."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.testing.faults.handler import Answer

if TYPE_CHECKING:
    from eocene.testing.faults import FaultServer

QUAKE_TIME = 1_699_990_000.0

ADD = {"process_graph": {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}}


def quake(name: str, magnitude: float, **more: Any) -> dict[str, Any]:
    """An event as the USGS writes it, three hours before the clock of the tests."""
    properties = {"mag": magnitude, "time": int(QUAKE_TIME * 1000), "title": f"M {magnitude}", **more}
    point = {"type": "Point", "coordinates": [13.2, 42.7, 10.0]}
    return {"type": "Feature", "id": name, "properties": properties, "geometry": point}


def collect(*features: dict[str, Any]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


@dataclass
class World:
    """A feed and a receiver of webhooks on the loopback; both can be told to fail."""

    feed: bytes = b""
    refused: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    server: FaultServer | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def route(self, method: str, target: str, body: bytes) -> Answer | None:
        if target.startswith("/feed"):
            return Answer(200, self.feed, {"Content-Type": "application/json"})
        if method == "POST" and target == "/hook":
            with self.lock:
                if self.refused > 0:
                    self.refused -= 1
                    return Answer(500)
                self.got.append((dict(self.server.seen[-1].headers), body))
            return Answer(204)
        return None

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    @property
    def keys(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


def watch(outside: World, **more: Any) -> dict[str, Any]:
    """A rule on earthquakes of 5 and more, that adds and tells."""
    when = {"kind": "feed", "url": f"{outside.server.url}/feed", "filter": "mag >= 5", "since": "2023-01-01"}
    hook = {"kind": "webhook", "url": f"{outside.server.url}/hook", "at": "event"}
    return {"title": "Earthquakes", "when": when, "run": {"process": ADD}, "tell": [hook]} | more

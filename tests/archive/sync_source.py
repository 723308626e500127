"""A small STAC API over a folder of COGs, to be mirrored: its items may change, its pages are small."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from eocene.testing.faults import FaultServer
from eocene.testing.faults.handler import Answer

PAGE = 3


class StacSource:
    """Items ``scene-0`` … of a collection ``s2``, a day apart, each with a red and a near-infrared COG."""

    def __init__(self, folder: Path, products: Any, *, scenes: int = 4, checksums: bool = True) -> None:
        self.folder, self.products, self.checksums = folder, products, checksums
        self.items: dict[str, dict[str, Any]] = {}
        self.pixels: dict[tuple[str, str], np.ndarray] = {}
        self.methods = ["POST", "GET"]
        for number in range(scenes):
            self.put(number)
        self.server = FaultServer(folder, route=self.answer)

    def put(self, number: int, seed: int = 0, **properties: Any) -> None:
        """Add an item, or another state of it."""
        name = f"scene-{number}"
        assets = {}
        for place, band in enumerate(("red", "nir")):
            pixels = self.products.random_pixels(96, 96, seed * 1000 + number * 10 + place)
            path = self.products.make_cog(self.folder / "data" / name / f"{band}.tif", pixels)
            self.pixels[name, band] = pixels
            assets[band] = {
                "href": f"/data/{name}/{band}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "bands": [{"name": band, "eo:common_name": band}],
            }
            if self.checksums:
                data = path.read_bytes()
                assets[band]["file:checksum"] = "1220" + hashlib.sha256(data).hexdigest()
                assets[band]["file:size"] = len(data)
        assets["preview"] = {"href": f"/data/{name}/preview.png", "type": "image/png", "roles": ["thumbnail"]}
        self.items[name] = self.products.make_item(
            name,
            bbox=(10.3, 46.9, 10.4, 47.0),
            properties={"datetime": f"2024-05-{number + 1:02d}T10:00:00Z", "updated": f"v{seed}"}
            | properties,
            assets=assets,
        )

    def answer(self, method: str, target: str, body: bytes) -> Answer | None:
        """Answer what is not a file."""
        parts = urlsplit(target)
        if parts.path == "/":
            return self._say(self._landing())
        if parts.path == "/collections/s2":
            return self._say(self.products.collection | {"license": "CC-BY-4.0"})
        if parts.path == "/search":
            asked = (
                json.loads(body) if body else {key: value[0] for key, value in parse_qs(parts.query).items()}
            )
            return self._say(self._search(method, asked))
        return None

    def _landing(self) -> dict[str, Any]:
        links = [{"rel": "search", "href": "/search", "method": method} for method in self.methods]
        return {
            "type": "Catalog",
            "id": "source",
            "conformsTo": ["https://api.stacspec.org/v1.0.0/item-search", "http://x/item-search#filter"],
            "links": links,
        }

    def _search(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        first = int(asked.get("token", 0))
        names = sorted(self.items)
        if "datetime" in asked:
            start, end = asked["datetime"].split("/")
            names = [n for n in names if start <= self.items[n]["properties"]["datetime"] <= end]
        links = []
        if first + PAGE < len(names):
            token = first + PAGE
            if method == "POST":
                links = [
                    {
                        "rel": "next",
                        "href": "/search",
                        "method": "POST",
                        "body": {"token": token},
                        "merge": True,
                    }
                ]
            else:
                links = [{"rel": "next", "href": f"/search?token={token}"}]
        features = [self.items[name] for name in names[first : first + PAGE]]
        return {"type": "FeatureCollection", "features": features, "links": links}

    @staticmethod
    def _say(document: dict[str, Any]) -> Answer:
        return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def fetched(self) -> list[str]:
        """Return the paths of assets that were asked for since the last call, each once."""
        paths = dict.fromkeys(urlsplit(seen.target).path for seen in self.server.seen)
        self.server.seen.clear()
        return sorted(path for path in paths if path.startswith("/data/"))

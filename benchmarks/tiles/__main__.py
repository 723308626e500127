"""How much processor time map tiles take beside titiler, from the same file, in the same run.

Run with ``python benchmarks/tiles --peer peer/bin/python``. The peer needs an environment of its own::

    python -m venv peer && peer/bin/pip install -r benchmarks/tiles/peer-requirements.txt

Both serve 256² tiles of a COG of four bands of uint16 in UTM at zoom 13, in true colours with a mask. None
that was drawn is kept: *warm* is a tile whose blocks of the file were decoded for others, *again* one that
was asked for before, *cold* one of whose blocks none is there. titiler keeps nothing. Servers take turns,
``--runs`` times; the least counts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from agreement import compare_bilinear, compare_tiles
from meter import Server
from scene import CORNER, GREATEST, find_tiles, make_workspace

HERE = Path(__file__).parent
ZOOM = 13


def peer_tile(folder: Path, tile: tuple[int, int, int], ending: str) -> str:
    z, x, y = tile
    bands = "bidx=3&bidx=2&bidx=1"
    query = f"url={folder / 'scene.tif'}&{bands}&rescale=0,{GREATEST}&tilesize=256"
    return f"/cog/tiles/WebMercatorQuad/{z}/{x}/{y}.{ending}?{query}"


def our_tile(tile: tuple[int, int, int], ending: str) -> str:
    z, x, y = tile
    return f"/tiles/scene/{z}/{x}/{y}.{ending}"


def run_ours(folder: Path) -> dict[str, Any]:
    tiles = find_tiles(ZOOM)
    half = len(tiles) // 2
    west, south, east, north = CORNER.bounds_in(4326)
    with Server(sys.executable, HERE / "ours.py", folder / "workspace") as server:
        server.get(our_tile(tiles[0], "png"))
        found = {"cold png": server.measure([our_tile(t, "png") for t in tiles[:half]], cold=True)}
        server.forget()
        for z, x, y in tiles[half:]:  # of the next zoom, so that no place of this one's is known
            for column, row in (
                (2 * x, 2 * y),
                (2 * x + 1, 2 * y),
                (2 * x, 2 * y + 1),
                (2 * x + 1, 2 * y + 1),
            ):
                server.get(our_tile((z + 1, column, row), "png"))
        found["warm png"] = server.measure([our_tile(t, "png") for t in tiles[half:]])
        found["again png"] = server.measure([our_tile(t, "png") for t in tiles[half:]])
        found["again jpg"] = server.measure([our_tile(t, "jpg") for t in tiles[half:]])
        found["again webp"] = server.measure([our_tile(t, "webp") for t in tiles[half:]])
        found["tilejson"] = server.measure(["/tiles/scene/tilejson.json"] * 200)
        server.get(f"/series/stack?lon={west + 0.001}&lat={south + 0.001}")
        steps = [0.1 + 0.8 * n / 50 for n in range(50)]
        clicks = [(west + s * (east - west), north + (1 - s * s) * (south - north)) for s in steps]
        found["series"] = server.measure([f"/series/stack?lon={lon}&lat={lat}" for lon, lat in clicks])
    return found


def run_peer(folder: Path, peer: str) -> dict[str, Any]:
    tiles = find_tiles(ZOOM)
    half = len(tiles) // 2
    with Server(peer, HERE / "peer.py") as server:
        server.get(peer_tile(folder, tiles[0], "png"))
        found = {
            f"{name} {ending}": server.measure([peer_tile(folder, tile, ending) for tile in part])
            for name, ending, part in (
                ("cold", "png", tiles[:half]), ("warm", "png", tiles[half:]), ("again", "png", tiles[half:]),
                ("again", "jpg", tiles[half:]), ("again", "webp", tiles[half:]),
            )
        }  # fmt: skip
        path = f"/cog/WebMercatorQuad/tilejson.json?url={folder / 'scene.tif'}"
        found["tilejson"] = server.measure([path] * 100)
    return found


def least(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: {k: min(run[name][k] for run in runs) for k in runs[0][name]} for name in runs[0]}


def agree(folder: Path, peer: str | None) -> dict[str, Any]:
    """Return the share of pixels that equal gdalwarp's."""
    tiles = find_tiles(ZOOM)[:12]
    with Server(sys.executable, HERE / "ours.py", folder / "workspace") as server:
        mine = [server.get(our_tile(tile, "png")) for tile in tiles]
    found = {"ours, nearest": compare_tiles(folder, tiles, mine)}
    found["ours, bilinear"] = compare_bilinear(folder)
    if peer:
        with Server(peer, HERE / "peer.py") as server:
            theirs = [server.get(peer_tile(folder, tile, "png")) for tile in tiles]
        found["titiler, nearest"] = compare_tiles(folder, tiles, theirs)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peer", default=os.environ.get("EOCENE_BENCHMARK_PEER"), help="the peer's python")
    parser.add_argument("--folder", type=Path, help="where the data are kept; a temporary folder by default")
    parser.add_argument("--runs", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        make_workspace(folder)
        ours, theirs = [], []
        for _ in range(given.runs):
            ours.append(run_ours(folder))
            if given.peer:
                theirs.append(run_peer(folder, given.peer))
        figures: dict[str, Any] = {"tiles": len(find_tiles(ZOOM)) // 2, "ours": least(ours)}
        if theirs:
            figures["titiler"] = least(theirs)
            figures["ours/titiler, CPU"] = {
                name: round(figures["ours"][name]["cpu_ms"] / one["cpu_ms"], 3)
                for name, one in figures["titiler"].items()
            }
        figures["equal to gdalwarp"] = agree(folder, given.peer)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()

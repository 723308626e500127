"""The server of this project: ``python ours.py WORKSPACE PORT``. SIGUSR1 lets it forget decoded blocks."""

from __future__ import annotations

import signal
import sys

import uvicorn

from eocene.archive.tiff.kept_tiles import kept_tiles
from eocene.serve import create_app


def forget(*_: object) -> None:
    for key in list(kept_tiles._tiles):
        kept_tiles.let_go(key)


signal.signal(signal.SIGUSR1, forget)
app = create_app(sys.argv[1], workers=0, tile_cache=0)  # every tile is drawn
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)

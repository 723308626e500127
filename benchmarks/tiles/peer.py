"""The server of the peer, titiler: ``python peer.py PORT``."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from titiler.core.factory import TilerFactory

app = FastAPI()
app.include_router(TilerFactory(router_prefix="/cog").router, prefix="/cog")
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)

"""The documentation of the API, interactive, with no file from elsewhere."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

STATIC = "/docs-static"


def install_docs(app: FastAPI) -> None:
    """Serve Swagger UI at /docs from the files that fastapi-offline brings; its document at /openapi, too."""
    app.mount(STATIC, StaticFiles(directory=Path(fastapi_offline.__file__).with_name("static")))

    @app.get("/openapi", include_in_schema=False)
    def _show_openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.get("/docs", include_in_schema=False)
    def _show_docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Eocene: the API",
            swagger_js_url=f"{STATIC}/swagger-ui-bundle.js",
            swagger_css_url=f"{STATIC}/swagger-ui.css",
            swagger_favicon_url=f"{STATIC}/favicon.png",
        )

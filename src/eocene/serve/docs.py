"""The documentation of the API, interactive, with no file from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from eocene.serve.byte_ranges import RangedFile

if TYPE_CHECKING:
    import os

    from starlette.responses import Response
    from starlette.types import Scope

STATIC = "/docs-static"


class _RangedFiles(StaticFiles):
    """The files of a folder, which heed the header ``Range`` as all that this server sends."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or that it has not changed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        return RangedFile(full_path) if isinstance(response, FileResponse) else response


def install_docs(app: FastAPI) -> None:
    """Serve Swagger UI at /docs from the files that fastapi-offline brings; its document at /openapi, too."""
    app.mount(STATIC, _RangedFiles(directory=Path(fastapi_offline.__file__).with_name("static")))

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

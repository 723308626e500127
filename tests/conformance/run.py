"""Run the official openEO test suite against a server of simulated scenes, and print what came of it.

The suite's package lacks three things, which are laid beside it: the specification of the API
(``--specification``) and the official descriptions of processes (``--processes``), both by default from
beside the checkout, and the bodies of its requests (``payloads.py``).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from defusedxml import ElementTree  # noqa: E402
from tests.conformance.errata import ERRATA, correct_suite  # noqa: E402
from tests.conformance.payloads import write_payloads  # noqa: E402
from tests.conformance.scenes import COLLECTION, write_scenes  # noqa: E402
from tests.serve.conftest import run_server  # noqa: E402
from tests.serve.openid import AUDIENCE, SECRET, make_key, run_provider  # noqa: E402

import eocene  # noqa: E402
from eocene.serve import create_app  # noqa: E402
from eocene.serve.provider import Provider  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = ("openeo-test-suite==0.2.2",)
MODULES = {
    "general": ("general",),
    "collections": ("collections",),
    "process metadata, functional": ("processes/metadata", "-k", "not non_functional"),
    "workflows": ("workflows",),
}
"""What the table calls it → the module of the suite, and what is chosen of it."""
CORRECTED = "workflows, corrected"
FAULTY = {erratum.test for erratum in ERRATA}
"""Tests that fail whatever a server does."""
SPECIFICATION = ROOT.parent / "shared" / "spec" / "openapi-1.2.0.yaml"
PROCESSES = ROOT.parent / "shared" / "data" / "openeo-process-tests"


def main() -> int:
    """Install, serve, run and print; return 1 if something failed but what no server can pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=ROOT / "build" / "conformance")
    parser.add_argument("--specification", type=Path, default=SPECIFICATION)
    parser.add_argument("--processes", type=Path, default=PROCESSES)
    parser.add_argument("--module", choices=[*MODULES, CORRECTED], action="append")
    parser.add_argument("rest", nargs="*", help="more arguments for pytest")
    asked = parser.parse_args()
    for option in ("specification", "processes"):
        if not getattr(asked, option).exists():
            parser.error(f"{getattr(asked, option)} does not exist: tell where it lies with --{option}")
    suite = install_suite(asked.home, asked.specification, asked.processes)
    tests = {name: (str(suite / module), *chosen) for name, (module, *chosen) in MODULES.items()}
    tests[CORRECTED] = correct_suite(suite, asked.home / "corrected")
    with tempfile.TemporaryDirectory() as folder, serve_scenes(Path(folder)) as (url, login):
        run = partial(run_tests, asked.home, url, login)
        found = {name: run(name, [*tests[name], *asked.rest]) for name in asked.module or tests}
    print_table(found)
    excused = {name: FAULTY if name in MODULES else set() for name in found}
    return int(any(set(outcome.failed) - excused[name] for name, outcome in found.items()))


@dataclass(frozen=True)
class Outcome:
    """What became of the tests of a module, and the names of those that failed."""

    tests: int
    skipped: int
    failed: tuple[str, ...]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Tests, and how many of them passed, failed and were skipped."""
        return self.tests, self.tests - self.skipped - len(self.failed), len(self.failed), self.skipped


def install_suite(home: Path, specification: Path, processes: Path) -> Path:
    """Install the suite into an environment of its own, with what it lacks; return where its tests lie."""
    python = home / "env" / "bin" / "python"
    if not (home / "installed").exists():
        home.mkdir(parents=True, exist_ok=True)
        venv.create(home / "env", with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", *SUITE], check=True, stderr=subprocess.DEVNULL)
        (home / "installed").touch()
    place = find_place(home)
    (place / "assets" / "openeo-api").mkdir(parents=True, exist_ok=True)
    (place / "assets" / "openeo-api" / "openapi.yaml").write_text(correct_specification(specification))
    copy_processes(processes, place / "assets" / "processes")
    write_payloads(place / "src" / "openeo_test_suite" / "tests" / "general" / "payload_examples")
    return place / "site-packages" / "openeo_test_suite" / "tests"


def correct_specification(path: Path) -> str:
    """Return the specification with its one fault mended that no server can satisfy.

    A JSON Schema in a process is said to be *one of* "Generic", a process graph or a data cube; but
    everything is "Generic", so that a data cube is always two of them.
    """
    text = path.read_text(encoding="utf-8")
    wrong, right = "oneOf:\n        - title: Generic", "anyOf:\n        - title: Generic"
    if text.count(wrong) != 1:
        sys.exit(f"{path} is not the specification 1.2.0 of the openEO API.")
    return text.replace(wrong, right)


def find_place(home: Path) -> Path:
    """Return the folder that the suite takes for its own checkout."""
    return next((home / "env" / "lib").glob("python*"))


def copy_processes(source: Path, place: Path) -> None:
    """Lay the official descriptions of processes where the suite looks for them."""
    place.mkdir(parents=True, exist_ok=True)
    for path in source.glob("*.json"):
        shutil.copyfile(path, place / path.name)


@contextlib.contextmanager
def serve_scenes(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a workspace with the scenes; gives the address of the API, and a login at an OpenID provider."""
    (folder / "scenes").mkdir()
    (folder / "provider").mkdir()
    with eocene.open(folder / "workspace") as workspace:
        workspace.ingest(write_scenes(folder / "scenes"))
        layout = workspace.layout
    with run_provider(folder / "provider", make_key("conformance")) as issuer:
        provider = Provider(
            "local", issuer, title="A provider on this machine", scopes=("openid",), audience=(AUDIENCE,)
        )
        with contextlib.redirect_stderr(io.StringIO()):
            app = create_app(layout, oidc=(provider,))
        login = {
            "OPENEO_AUTH_METHOD": "client_credentials",
            "OPENEO_AUTH_PROVIDER_ID": "local",
            "OPENEO_AUTH_CLIENT_ID": "script",
            "OPENEO_AUTH_CLIENT_SECRET": SECRET,
        }
        with run_server(app) as url:
            yield f"{url}/openeo/1.2/", login


def run_tests(home: Path, url: str, login: dict[str, str], name: str, tests: list[str]) -> Outcome:
    """Run tests of the suite and return what became of them."""
    report = home / f"{name.replace(', ', '-')}.xml"
    # Or pytest would take the settings of this checkout for those of the suite.
    (home / "pytest.ini").write_text("[pytest]\n")
    command = [
        str(home / "env" / "bin" / "pytest"), *tests, "-q", "--tb=short",
        "-p", "no:cacheprovider", "-p", "openeo_test_suite.lib.pytest_plugin",
        "-p", "tests.conformance.offline",
        "-c", str(home / "pytest.ini"), "--rootdir", str(home), f"--junit-xml={report}",
        f"--openeo-backend-url={url}", f"--s2-collection={COLLECTION}", "--experimental",
    ]  # fmt: skip
    subprocess.run(
        command, cwd=home, env=os.environ | login | {"PYTHONPATH": str(ROOT)}, check=False, stdout=sys.stderr
    )
    (found,) = ElementTree.parse(report).getroot().iter("testsuite")
    failed = tuple(
        case.attrib["name"]
        for case in found.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    )
    return Outcome(int(found.attrib["tests"]), int(found.attrib["skipped"]), failed)


def print_table(found: dict[str, Outcome]) -> None:
    """Print what became of each module, as a Markdown table."""
    print("| module | tests | passed | failed | skipped |\n|---|---:|---:|---:|---:|")
    for name, outcome in found.items():
        print(f"| {name} | {' | '.join(map(str, outcome.counts))} |")


if __name__ == "__main__":
    sys.exit(main())

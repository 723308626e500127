"""Every snippet of README and docs runs, page by page, in the order in which a reader meets it.

A page gets an empty folder. ``python`` blocks share one namespace; ``json`` and ``yaml`` blocks with
a ``title`` become files; lines of ``console`` blocks that begin with ``$ eocene`` are run,
``eocene serve`` in the background on a free port that takes the place of 8080 in what follows. A
block after ``<!-- not run: reason -->`` is left out.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.ports import claim_port

from eocene.process import registry

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"^(?P<left_out><!-- not run: [^\n]+ -->\n+)?(?P<indent>[ ]*)```(?P<info>\w+)(?P<rest>[^\n]*)\n"
    r"(?P<body>.*?)^(?P=indent)```\s*$",
    re.MULTILINE | re.DOTALL,
)
TITLE = re.compile(r'title="([\w.-]+)"')
PASSWORD = re.compile(r"password\W+(\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Snippet:
    """One fenced block: language, file name if it has one, first line of the body, body."""

    language: str
    title: str
    line: int
    body: str


def find_snippets(text: str) -> Iterator[Snippet]:
    """Yield the blocks that are run."""
    for match in FENCE.finditer(text):
        if match["left_out"]:
            continue
        title = TITLE.search(match["rest"])
        indent = len(match["indent"])
        body = "\n".join(line[indent:] for line in match["body"].splitlines())
        line = text.count("\n", 0, match.start("body")) + 1
        yield Snippet(match["info"], title[1] if title else "", line, body)


def is_run(snippet: Snippet) -> bool:
    """Tell whether a block is more than a picture of what comes out."""
    return snippet.language in ("python", "console") or (
        snippet.language in ("json", "yaml") and bool(snippet.title)
    )


@dataclass
class Reader:
    """Somebody who follows a page to the letter."""

    page: Path
    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__page__"})
    swaps: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    open: ExitStack = field(default_factory=ExitStack)
    """What ends with the page: servers, and their ports after them."""

    def follow(self) -> int:
        """Run all snippets; return how many there were."""
        count = 0
        for snippet in find_snippets(self.page.read_text(encoding="utf-8")):
            if is_run(snippet):
                self.run(snippet)
                count += 1
        return count

    def run(self, snippet: Snippet) -> None:
        if snippet.language in ("json", "yaml"):
            (self.folder / snippet.title).write_text(snippet.body, encoding="utf-8")
        elif snippet.language == "python":
            # Blank lines before it, so that a traceback shows the line of the page.
            code = "\n" * (snippet.line - 1) + self.swap(snippet.body)
            exec(compile(code, str(self.page), "exec"), self.names)  # noqa: S102
        else:
            for name, value in re.findall(r"^\$ export (\w+)=(\S+)", snippet.body, re.MULTILINE):
                self.variables[name] = value
            for command in re.findall(r"^\$ (eocene (?:[^\n]*\\\n)*[^\n]*)", snippet.body, re.MULTILINE):
                self.type(command, snippet.line)

    def swap(self, text: str) -> str:
        for old, new in self.swaps.items():
            text = text.replace(old, new)
        return text

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, **self.variables, "PATH": path, "NO_COLOR": "1"}

    def type(self, command: str, line: int) -> None:
        """Run a command as a shell would, with ``> file`` and ``| head`` understood by the shell itself."""
        words = shlex.split(command.replace("\\\n", " "), comments=True)
        if words[1] == "serve":
            self.serve(words)
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.swap(command)],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=180,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, f"{self.page.name}:{line}: {command}\n{done.stdout}\n{done.stderr}"

    def serve(self, words: list[str]) -> None:
        port = self.open.enter_context(claim_port())
        log = self.folder / f"server-{port}.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                [*words, "--port", str(port)],
                cwd=self.folder,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
            )
        self.open.callback(end, server)
        self.swaps["127.0.0.1:8080"] = f"127.0.0.1:{port}"
        wait_until_healthy(server, port, log)
        found = PASSWORD.search(log.read_text())
        if found:
            self.swaps["the-printed-password"] = found[1].strip("\"',")


def wait_until_healthy(server: subprocess.Popen[str], port: int, log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, f"the server ended:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not answer within 30 s:\n{log.read_text()}")


@pytest.fixture
def reader(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    reading = Reader(request.param, tmp_path)
    known = {spec["id"] for spec in registry.specs()}
    yield reading
    for spec in registry.specs():
        if spec["id"] not in known:  # a process that the page has added
            registry.withdraw(spec["id"])
    reading.open.close()


def end(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@pytest.mark.parametrize("reader", PAGES, ids=lambda page: page.name, indirect=True)
def test_the_snippets_of_a_page_run_in_order(reader: Reader) -> None:
    snippets = [s for s in find_snippets(reader.page.read_text(encoding="utf-8")) if is_run(s)]
    if not snippets:
        pytest.skip("the page has no snippets")
    assert reader.follow() == len(snippets)


def test_the_fences_are_understood() -> None:
    text = (
        "a\n```python\nx = 1\n```\n<!-- not run: it is far away -->\n```python\ny = 2\n```\n"
        '```json title="graph.json"\n{}\n```\n    ```console\n    $ eocene demo\n    ```\n'
    )
    assert list(find_snippets(text)) == [
        Snippet("python", "", 3, "x = 1"),
        Snippet("json", "graph.json", 10, "{}"),
        Snippet("console", "", 13, "$ eocene demo"),
    ]


def test_a_wrong_snippet_fails_and_names_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```python\nfirst = 1\nassert first == 2\n```\n")
    with pytest.raises(AssertionError) as caught:
        Reader(page, tmp_path).follow()
    assert caught.traceback[-1].lineno == 4  # counted from 0

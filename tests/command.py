"""The command line as tests call it: in this process, or as the installed script."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eocene import cli

SCRIPT = str(Path(sys.executable).with_name("eocene"))


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        assert self.err == ""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


def call(*arguments: object) -> Said:
    """Run a command in this process, by the entry point of the script."""
    out, err = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, ["eocene", *map(str, arguments)]
    code: Any = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = argv
    return Said(int(code or 0), out.getvalue(), err.getvalue())


def shell(*arguments: object) -> Said:
    """Run the installed script in a process of its own."""
    command = [SCRIPT, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return Said(done.returncode, done.stdout, done.stderr)

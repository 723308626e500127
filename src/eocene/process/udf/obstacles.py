"""Whether there can be walls here, and if not, why."""

from __future__ import annotations

import shutil
import sys
import time
from functools import cache
from importlib.util import find_spec

from eocene.process.udf.inside.talk import TalkError, receive
from eocene.process.udf.limits import Limits, UdfError
from eocene.process.udf.nursery import Nursery
from eocene.process.udf.seccomp import find_processor

_TRIAL_S = 20


@cache
def find_obstacle() -> str | None:
    """Return why there can be no sandbox here; None if a trial has worked. It is tried once in a process."""
    if not sys.platform.startswith("linux"):
        return f"the sandbox needs Linux, and this is {sys.platform}"
    if find_processor() is None:
        return "there is no filter of system calls for this processor"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (Debian package bubblewrap)"
    if find_spec("openeo") is None:
        return "the Python package openeo is not installed (pip install 'eocene[udf]')"
    return _try_walls()


def _try_walls() -> str | None:
    """Return why a process cannot close all walls around itself, None if it can."""
    nursery, child = Nursery(is_trial=True), None
    try:
        child = nursery.fork(Limits())
        child.wait_born(time.monotonic() + _TRIAL_S, Limits())
        child.channel.settimeout(_TRIAL_S)
        failed = receive(child.channel)[0].get("failed")
    except (OSError, EOFError, TalkError, UdfError) as error:
        failed = nursery.complaint() or str(error)
    finally:
        if child:
            child.kill()
        nursery.close()
    return None if failed is None else f"bubblewrap cannot make a sandbox here: {failed}"

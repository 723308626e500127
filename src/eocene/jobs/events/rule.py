"""A rule: when something happens, run a graph, and tell."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import shapely
from cronsim import CronSim, CronSimError
from shapely.geometry import shape

from eocene.archive.catalogue.cql2_filter import read_condition
from eocene.archive.catalogue.search import check_bbox
from eocene.archive.fetch.urls import parse_url
from eocene.jobs.events.arguments import Windows, check_arguments
from eocene.jobs.events.event import read_geometry, read_time
from eocene.jobs.job import check_process
from eocene.model import InputError
from eocene.process.graph import load_graph, parse_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

KINDS: dict[str, dict[str, tuple[type, ...]]] = {
    "items": {"collection": (str,), "area": (list, dict), "filter": (str, dict), "since": (str,)},
    "schedule": {"cron": (str,)},
    "feed": {
        "url": (str,),
        "area": (list, dict),
        "filter": (str, dict),
        "since": (str,),
        "every_s": (int, float),
    },
}
"""What a rule can watch, with the members of ``when`` and their types."""

_REQUIRED = {"items": "collection", "schedule": "cron", "feed": "url"}
_RUN = {
    "process": (dict,), "arguments": (dict,), "before_days": (int, float), "after_days": (int, float),
    "buffer_m": (int, float), "wait_days": (int, float),
}  # fmt: skip
_TELL = {"webhook": ("url", "secret"), "email": ("to",)}
_MEMBERS = {"title": (str,), "when": (dict,), "run": (dict,), "tell": (list,), "enabled": (bool,)}
_ADDRESS = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)*")
_LEAST_S, _MOST_TARGETS, _MOST_DAYS = 10.0, 5, 3660.0


@dataclass(frozen=True)
class Rule:
    """One rule as it stood when it was read.

    ``memory`` is what its source has seen; ``lease`` the secret of the scheduler that looks, or None.
    """

    id: str
    owner: str
    document: dict[str, Any]
    enabled: bool
    created: float
    updated: float
    next_look: float
    memory: dict[str, Any]
    lease: str | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Rule:
        """Read a row of the table ``rules``."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})

    @property
    def title(self) -> str:
        """For people."""
        return str(self.document.get("title") or self.id)

    @property
    def when(self) -> dict[str, Any]:
        """What it watches."""
        watched: dict[str, Any] = self.document["when"]
        return watched

    @property
    def run(self) -> dict[str, Any] | None:
        """What it runs."""
        return self.document.get("run")

    @property
    def tell(self) -> list[dict[str, Any]]:
        """Whom it tells."""
        return list(self.document.get("tell") or ())

    @property
    def windows(self) -> Windows:
        """What is taken around an event."""
        given = self.run or {}
        return Windows(**{name: given[name] for name in Windows.__dataclass_fields__ if name in given})


def check_rule(document: dict[str, Any]) -> dict[str, Any]:
    """Return a rule as it is stored, with the secrets of its webhooks; ``enabled`` is kept apart.

    Raises
    ------
    InputError
        Naming the member that is wrong.
    """
    _check_members(document, _MEMBERS, "rule")
    if not isinstance(document.get("when"), dict):
        raise _wrong("the rule has no 'when'", f"Say what it watches: {', '.join(KINDS)}.")
    _check_when(document["when"])
    if document.get("run") is not None:
        _check_run(document["run"])
    targets = document.get("tell") or []
    if len(targets) > _MOST_TARGETS:
        raise _wrong("'tell' has too many entries", f"At most {_MOST_TARGETS} can be told.")
    kept = {name: value for name, value in document.items() if name != "enabled"}
    return {**kept, "tell": [_complete_target(target) for target in targets]}


def find_area(when: dict[str, Any]) -> BaseGeometry | None:
    """Return the area of ``when`` in degrees; None for everywhere."""
    area = when.get("area")
    if area is None:
        return None
    place: BaseGeometry
    if isinstance(area, dict):
        place = shape(area)
    elif area[0] <= area[2]:
        place = shapely.box(*area)
    else:
        west, south, east, north = area
        place = shapely.union(shapely.box(west, south, 180, north), shapely.box(-180, south, east, north))
    return place


def _check_when(when: dict[str, Any]) -> None:
    kind = when.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise _wrong(f"{str(kind)[:40]!r} cannot be watched", f"Set when.kind to one of {', '.join(KINDS)}.")
    _check_members({k: v for k, v in when.items() if k != "kind"}, KINDS[kind], "rule's 'when'")
    if not when.get(_REQUIRED[kind]):
        raise _wrong(f"'when' has no {_REQUIRED[kind]!r}", f"A rule on {kind} needs it.")
    _check_place(when.get("area"))
    if when.get("filter") is not None:
        read_condition(when["filter"])
    if when.get("since") is not None:
        read_time(when["since"])
    if when.get("every_s", 60) < _LEAST_S:
        raise _wrong("'every_s' is too short", f"Look every {_LEAST_S:.0f} seconds at most.")
    if kind == "schedule":
        check_cron(when["cron"])
    if kind == "feed":
        parse_url(when["url"])


def check_cron(text: str) -> None:
    """Raise InputError unless the text says times as cron does, minutes the finest."""
    try:
        if len(text) > 200 or len(text.split()) != 5:
            raise CronSimError("it needs five fields")
        next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        why = str(error) or "it never comes"
        raise _wrong(f"{text[:40]!r} is no schedule: {why}", "Write for instance: 0 6 * * 1") from error


def _check_place(area: Any) -> None:
    if isinstance(area, dict):
        read_geometry(area)
    elif area is not None:
        if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in area):
            raise _wrong("'area' is no box", "Give [west, south, east, north] in degrees, or GeoJSON.")
        check_bbox(tuple(area))


def _check_run(run: dict[str, Any]) -> None:
    _check_members(run, _RUN, "rule's 'run'")
    process = check_process(run.get("process"))
    parse_graph(load_graph(process["process_graph"]))
    arguments = run.get("arguments") or {}
    check_arguments(arguments)
    for name, value in run.items():
        limit = 500_000.0 if name == "buffer_m" else _MOST_DAYS
        if name not in ("process", "arguments") and not 0 <= value <= limit:
            raise _wrong(f"{name!r} is {value}", f"Give a number from 0 to {limit:.0f}.")
    listed = process.get("parameters") or []
    if not isinstance(listed, list) or not all(map(_is_named, listed)):
        raise _wrong("the process's 'parameters' is no list of parameters", "Give objects with a name.")
    for parameter in listed:
        if not (parameter["name"] in arguments or "default" in parameter or parameter.get("optional")):
            raise _wrong(
                f"the parameter {str(parameter['name'])[:60]!r} of the process gets no value",
                "Name it in run.arguments.",
            )


def _is_named(parameter: Any) -> bool:
    return isinstance(parameter, dict) and isinstance(parameter.get("name"), str)


def _complete_target(target: Any) -> dict[str, Any]:
    kind = target.get("kind") if isinstance(target, dict) else None
    if not isinstance(kind, str) or kind not in _TELL:
        raise _wrong("an entry of 'tell' is of no known kind", f"Set its kind to {' or '.join(_TELL)}.")
    _check_members(
        {k: v for k, v in target.items() if k != "kind"},
        dict.fromkeys(_TELL[kind], (str,)) | {"at": (str,)},
        f"{kind} of 'tell'",
    )
    if target.get("at", "end") not in ("event", "end"):
        raise _wrong("'at' of an entry of 'tell' is unknown", "Set it to event, or to end: of the job.")
    if kind == "email":
        if not _ADDRESS.fullmatch(target.get("to", "")):
            raise _wrong("'to' is no plain mail address", "Write name@example.org.")
        return dict(target)
    if not target.get("url"):
        raise _wrong("a webhook has no 'url'", "Give the address to post to.")
    if parse_url(target["url"]).scheme == "s3":
        raise _wrong("a webhook goes to no bucket", "Give an http or https address to post to.")
    return {**target, "secret": _check_secret(target.get("secret"))}


def _check_secret(secret: str | None) -> str:
    if secret is None:
        return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    try:
        plain = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        plain = b""
    if not secret.startswith("whsec_") or not 24 <= len(plain) <= 64:
        raise _wrong(
            "the webhook's 'secret' is none", "Write whsec_ and 24 to 64 bytes in Base64, or leave it."
        )
    return secret


def _check_members(value: dict[str, Any], known: Mapping[str, tuple[type, ...]], where: str) -> None:
    for name, inner in value.items():
        if name not in known:
            raise _wrong(f"the {where} has no {name[:40]!r}", f"It may have {', '.join(known)}.")
        is_flag = isinstance(inner, bool) and bool not in known[name]
        if inner is not None and (is_flag or not isinstance(inner, known[name])):
            kinds = " or ".join(kind.__name__ for kind in known[name])
            raise _wrong(f"{name!r} of the {where} has a wrong type", f"Give {kinds}.")


def _wrong(why: str, remedy: str) -> InputError:
    return InputError(f"The rule cannot be kept: {why}.", remedy, code="InvalidParameterValue")

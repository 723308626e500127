"""The processes that describe an untrained model: one for each kind that learns from numbers on pixels.

They are made from the kinds' settings, so that a new kind is a new process. Source: openEO processes,
proposals mlm_class_random_forest, mlm_regr_random_forest, mlm_class_tempcnn, mlm_class_lighttae and
mlm_class_mlp; where these name a setting of ours otherwise, their name is taken.
"""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

from eocene.learn.models.kind import PIXELS, Kind, find_kind, kind_names
from eocene.learn.processes.handles import MODEL, Untrained
from eocene.learn.spec import ModelSpec
from eocene.model import InputError
from eocene.process.description import parse_docstring
from eocene.process.registry import ProcessDefinition, register

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLISHED = {"temp_cnn": "tempcnn", "l_tae": "lighttae"}
"""Our kind → the name of the published process."""
_FOREST = {"n_estimators": "num_trees", "max_features": "max_variables"}
_RENAMED = {"random_forest": _FOREST, "random_forest_regression": _FOREST}
_VARIABLES = {"all": None, "onethird": "third"}
"""Published names of how many features a split looks at → ours."""
_MAX_VARIABLES: list[dict[str, Any]] = [
    {"type": "integer", "minimum": 1},
    {"type": "string", "enum": ["all", "log2", "onethird", "sqrt"]},
]
_JSON_TYPES = {bool: "boolean", str: "string", int: "integer", float: "number", type(None): "null"}
_SEED = Annotated[Any, {"type": ["integer", "null"]}]


def name_process(kind: Kind) -> str:
    """Return the name of the process that describes a kind."""
    short = kind.name.removesuffix("_regression")
    return f"mlm_{'regr' if kind.task == 'regression' else 'class'}_{PUBLISHED.get(short, short)}"


def offer_initialisers() -> None:
    """Register a process for each kind whose samples are numbers on pixels, which graphs can make."""
    for kind in map(find_kind, kind_names()):
        if kind.in_graphs and set(kind.takes) & set(PIXELS):
            function = _make_function(kind)
            register(
                ProcessDefinition(name_process(kind), function, ("machine learning",), experimental=True)
            )


def _make_function(kind: Kind) -> Callable[..., Untrained]:
    renamed = _RENAMED.get(kind.name, {})
    defaults = {f.name: _published_default(f) for f in fields(kind.settings)}

    def initialise(**given: Any) -> Untrained:
        seed = given.pop("seed", None)
        settings = {
            name: _read_setting(name, given[renamed.get(name, name)])
            for name in defaults
            if renamed.get(name, name) in given
        }
        return Untrained(ModelSpec(kind.name, _check_seed(seed), settings), seeded=seed is not None)

    hints: dict[str, Any] = {
        renamed.get(f.name, f.name): Annotated[Any, _schema_of(f)] for f in fields(kind.settings)
    }
    hints["seed"] = _SEED
    shown = {renamed.get(name, name): value for name, value in defaults.items()} | {"seed": None}
    keyword = inspect.Parameter.KEYWORD_ONLY
    initialise.__annotations__ = {**hints, "return": Annotated[Any, MODEL]}
    initialise.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, keyword, default=shown[name], annotation=hints[name]) for name in shown]
    )
    initialise.__name__ = name_process(kind)
    initialise.__doc__ = _write_doc(kind, renamed)
    return initialise


def _read_setting(name: str, value: Any) -> Any:
    return read_variables(value) if name == "max_features" else value


def read_variables(value: Any) -> Any:
    """Return how many features a split looks at, of its published name; raises InputError for a number."""
    if isinstance(value, int | float):
        raise InputError(
            f"max_variables is {value}; a number of variables cannot be set.",
            "Use all, log2, onethird or sqrt.",
            code="ProcessParameterInvalid",
        )
    return _VARIABLES.get(value, value)


def _published_default(told: Any) -> Any:
    ours = {v: k for k, v in _VARIABLES.items()}
    return ours.get(told.default, told.default) if told.name == "max_features" else told.default


def _check_seed(seed: Any) -> int:
    if seed is None:
        return 0
    return int(seed) % 2**32


def _schema_of(told: Any) -> Any:
    """Return the JSON schema of a setting."""
    rule = told.metadata
    if told.name == "max_features":
        return _MAX_VARIABLES
    if "values" in rule:
        values = list(rule["values"])
        return {"type": sorted({_JSON_TYPES[type(v)] for v in values}), "enum": values}
    if rule["type"] is str:
        return {"type": ["string", "null"] if told.default is None else "string"}
    kind = "integer" if rule["type"] is int else "number"
    limits = {"minimum": rule["low"], "maximum": rule["high"]}
    return {"type": [kind, "null"] if told.default is None else kind, **limits}


def _write_doc(kind: Kind, renamed: dict[str, str]) -> str:
    texts: dict[str, str] = {}
    for described in reversed(kind.settings.__mro__[:-1]):
        for names, text in parse_docstring(inspect.getdoc(described) or "").parameters.items():
            texts |= {name.strip(): text for name in names.split(",")}
    lines = [
        f"Describe an untrained model: {kind.title}.",
        "",
        "ml_fit trains it.",
        "",
        "Parameters",
        "-" * 10,
    ]
    for told in fields(kind.settings):
        lines += [renamed.get(told.name, told.name), f"    {texts.get(told.name, told.name)}"]
    lines += ["seed", "    Decides every draw; null is 0, so that results do not differ from run to run."]
    lines += ["", "Returns", "-" * 7, "An untrained model, for ml_fit or ml_validate_kfold."]
    return "\n".join(lines)


offer_initialisers()

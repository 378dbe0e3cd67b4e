"""The schema of `dvc.yaml`: which keys it may have and what their values may be. Nothing is read out of it here.

As strict as DVC 3.67.1, whose own schema (dvc/schema.py) is the authority: a pipeline that we accept and DVC does not
would be a trap for whoever shares the project. (One exception: an empty mapping in the list of plots is accepted.)
Templates (`${…}`) are text like any other.
"""

from typing import Any, TypeAlias

from expref.objstore.lighttyping import NamedTuple


class Invalid(ValueError):
    """The document is YAML, but no pipeline. `str()` is the place in it and the reason; `kind` is DVC's name for it."""

    def __init__(self, where: str, why: str, kind: str = "YAMLValidationError") -> None:
        super().__init__(f"{where or 'the file'}: {why}")
        self.kind = kind


class Keys(NamedTuple):
    """A mapping that may have these keys and no others."""

    schemas: dict[str, Any]
    required: tuple[str, ...] = ()


# A type, [schema of the items], {str: schema of the values}, Keys, a tuple of alternatives that differ in type, or a
# function from the value to its schema.
Schema: TypeAlias = Any


def _stage_schema(stage: object) -> Schema:
    return FOREACH if isinstance(stage, dict) and {"foreach", "do"} & stage.keys() else STAGE


DESCRIPTION = {"desc": str, "type": str, "labels": [str], "meta": object}
OUTPUT = DESCRIPTION | {"cache": bool, "persist": bool, "checkpoint": bool, "remote": str, "push": bool}
PLOT_STYLE = dict.fromkeys(("template", "x", "y", "x_label", "y_label", "title"), str)
PLOT_OUTPUT = Keys(OUTPUT | PLOT_STYLE | {"header": bool})
PLOT = Keys(PLOT_STYLE | {"x": (str, {str: str}), "y": (str, [str], {str: (str, [str])})})
STAGE = Keys(
    {
        "matrix": {str: (str, list)},
        "cmd": (str, list),
        "wdir": str,
        "deps": [str],
        "params": [(str, dict)],
        "vars": [(str, dict)],
        "frozen": bool,
        "meta": object,
        "desc": str,
        "always_changed": bool,
        "outs": [(str, {str: Keys(OUTPUT)})],
        "metrics": [(str, {str: Keys(OUTPUT)})],
        "plots": [(str, {str: (PLOT_OUTPUT, [PLOT_OUTPUT])})],
    },
    required=("cmd",),
)
FOREACH = Keys({"foreach": (dict, list, str), "do": STAGE}, required=("foreach", "do"))
FILE = Keys(
    {
        "datasets": object,
        "plots": [(str, {str: (PLOT, type(None))})],
        "stages": {str: _stage_schema},
        "vars": [(str, dict)],
        "params": [str],
        "metrics": [str],
        "artifacts": {str: Keys(DESCRIPTION | {"path": str}, required=("path",))},
    }
)


def check(value: Any, schema: Schema, where: str) -> None:
    """Raise Invalid unless `value`, which stands at the place `where`, is as `schema` says."""
    if callable(schema) and not isinstance(schema, type):
        schema = schema(value)
    options = schema if type(schema) is tuple else (schema,)
    option = next((option for option in options if isinstance(value, _type_of(option))), None)
    if option is None:
        names = " or ".join(NAMES[_type_of(option)] for option in options)
        raise Invalid(where, f"must be {names}")
    if isinstance(option, list):
        for position, item in enumerate(value):
            check(item, option[0], f"{where}[{position}]")
    elif isinstance(option, dict | Keys):
        _check_mapping(value, option, where)


def _check_mapping(value: dict[Any, Any], schema: Schema, where: str) -> None:
    schemas = schema.schemas if isinstance(schema, Keys) else dict.fromkeys(value, schema[str])
    missing = [key for key in getattr(schema, "required", ()) if key not in value]
    if missing:
        raise Invalid(where, f"{missing[0]!r} is missing")
    for key, item in value.items():
        if not isinstance(key, str) or key not in schemas:
            raise Invalid(where, f"unknown key {key!r}")
        check(item, schemas[key], f"{where}.{show_key(key)}".lstrip("."))


def _type_of(schema: Schema) -> type:
    """The Python type of values that may fit."""
    if isinstance(schema, Keys):
        return dict
    return schema if isinstance(schema, type) else type(schema)


NAMES = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
    object: "anything",
    type(None): "empty",
}


def show_key(name: str) -> str:
    return name if name.isprintable() else repr(name)

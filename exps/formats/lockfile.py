"""`dvc.lock` and `*.dvc`: what is written down of the files that a stage reads and makes. Nothing is written here.

Both are checked as strictly as by DVC (dvc/schema.py, 3.67.1): what it refuses is a BadFile. The digest of an entry is
under the key that its `hash` names, or under `md5` where it names none (DVC 2); entries of BLAKE3 have it under `etag`,
the one free-form key that DVC's schema knows. A folder whose files are listed one by one (cloud versioning) has none.

Verified with DVC 3.67.1: an entry belongs to a path only if both are spelled the same; of two the last counts.
"""

from typing import Any

from expref.objstore.lighttyping import NamedTuple

from . import yaml12
from .badfile import BadFile
from .content import Content
from .pipelineschema import DESCRIPTION, Invalid, Keys, check

SCHEMA_VERSION = "2.0"
_SUM = (str, int, type(None))
_META = {"size": int, "nfiles": int, "isexec": bool, "version_id": str, "md5": _SUM, "etag": _SUM, "checksum": _SUM}
_FILES = [Keys(_META | {"relpath": str, "cloud": dict}, required=("relpath",))]
_ENTRY = {"path": str, "hash": str, "cloud": dict, "files": _FILES} | _META
_STAGE = Keys(
    {
        "cmd": (str, list),
        "deps": [Keys(_ENTRY | {"dataset": dict}, required=("path",))],
        "outs": [Keys(_ENTRY | {"dataset": dict}, required=("path",))],
        "params": {str: {str: object}},
    },
    required=("cmd",),
)
_LOCK = Keys({"schema": str, "datasets": object, "stages": {str: _STAGE}}, required=("schema",))
_COMMON = _ENTRY | {"persist": bool, "fs_config": dict}
_DEP = Keys(_COMMON | {"desc": str, "type": str, "labels": [str], "meta": object, "repo": dict, "db": dict})
_OUT = Keys(_COMMON | DESCRIPTION | {"cache": bool, "remote": str, "push": bool}, required=("path",))
_SINGLE = Keys(
    {
        "md5": _SUM, "wdir": (str, type(None)), "deps": ([_DEP], type(None)), "outs": ([_OUT], type(None)),
        "locked": bool, "frozen": bool, "meta": object, "always_changed": bool, "desc": str,
    }
)  # fmt: skip
_USUAL = frozenset({"path", "hash", "md5", "size", "nfiles", "isexec"})


class StageLock(NamedTuple):
    """What was there when a stage was run last, by path as the stage spells it."""

    deps: dict[str, Content]
    outs: dict[str, Content]


class Single(NamedTuple):
    """A `*.dvc` file: data that was added or imported. Paths are relative to `wdir`, and that to the file's folder.

    `outs` also say whether DVC's cache holds them. Imports from other repositories and databases have no `deps`.
    """

    wdir: str
    deps: dict[str, Content]
    outs: dict[str, tuple[Content, bool]]


def decode_lock(content: bytes, source: str) -> dict[str, StageLock]:
    """The stages of a `dvc.lock`. Raises BadFile, of kind "YAMLSyntaxError" or "YAMLValidationError" as a rule.

    >>> decode_lock(b"schema: '2.0'\\nstages: {fit: {cmd: x, deps: [{path: a, md5: f00d}]}}", "dvc.lock")
    {'fit': StageLock(deps={'a': Content(hash='f00d', size=None, nfiles=None)}, outs={})}
    """
    document = _load(content, source)
    if not _is_usual(document):
        _check(document, _LOCK, source)
        if document["schema"] != SCHEMA_VERSION:
            raise BadFile(f"{source}: schema: must be {SCHEMA_VERSION!r}", "YAMLValidationError")
    return {
        name: StageLock(_by_path(stage.get("deps", ())), _by_path(stage.get("outs", ())))
        for name, stage in document.get("stages", {}).items()
    }


def decode_single(content: bytes, source: str) -> Single:
    """A `*.dvc` file. Raises BadFile as `decode_lock`."""
    document = _load(content, source)
    _check(document, _SINGLE, source)
    deps = [entry for entry in document.get("deps") or () if "repo" not in entry and "db" not in entry]
    outs = document.get("outs") or ()
    return Single(
        document.get("wdir") or "",
        _by_path(entry for entry in deps if "path" in entry),
        {entry["path"]: (_content(entry), entry.get("cache", True)) for entry in outs},
    )


def _load(content: bytes, source: str) -> Any:
    try:
        return yaml12.decode(content, source) or {}
    except BadFile as error:
        raise BadFile(str(error), "YAMLSyntaxError" if error.kind == yaml12.CORRUPT else error.kind) from None


def _check(document: Any, schema: Keys, source: str) -> None:
    try:
        check(document, schema, "")
    except Invalid as error:
        raise BadFile(f"{source}: {error}"[: yaml12.MAX_MESSAGE], error.kind) from None


def _is_usual(document: Any) -> bool:
    """Whether a lock file is as DVC writes them, at a tenth of the time that the whole check takes."""
    if document.__class__ is not dict or document.keys() != {"schema", "stages"}:
        return False
    stages = document["stages"]
    return (
        document["schema"] == SCHEMA_VERSION
        and _is_by_name(stages)
        and all(
            stage.keys() <= {"cmd", "deps", "params", "outs"}
            and stage.get("cmd").__class__ is str
            and _is_by_name(stage.get("params", {}))
            and _are_usual(stage.get("deps", []))
            and _are_usual(stage.get("outs", []))
            for stage in stages.values()
        )
    )


def _is_by_name(value: Any) -> bool:
    """Whether it is a mapping of texts to mappings of texts to anything."""
    return value.__class__ is dict and all(
        name.__class__ is str and inner.__class__ is dict and {*map(type, inner)} <= {str}
        for name, inner in value.items()
    )


def _are_usual(entries: Any) -> bool:
    return entries.__class__ is list and all(
        entry.__class__ is dict
        and entry.keys() <= _USUAL
        and entry.get("path").__class__ is str
        and entry.get("hash", "").__class__ is str
        and entry.get("md5", "").__class__ is str
        and entry.get("size", 0).__class__ is int
        and entry.get("nfiles", 0).__class__ is int
        and entry.get("isexec", True).__class__ is bool
        for entry in entries
    )


def _by_path(entries: Any) -> dict[str, Content]:
    return {entry["path"]: _content(entry) for entry in entries}


_KEY_OF = {"": "md5", "blake3": "etag"}  # under which key the digest of an entry with this `hash` is


def _content(entry: dict[str, Any]) -> Content:
    files = entry.get("files")
    if files:
        return Content(None, sum(file.get("size", 0) for file in files), len(files))
    name: str = entry.get("hash", "")
    digest = entry.get(_KEY_OF.get(name, name))
    return Content(str(digest) if digest else None, entry.get("size"), entry.get("nfiles"))

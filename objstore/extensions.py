"""The format gate: whether a repository's format is one that this package reads and writes.

Asked of the common configuration file alone, without includes, before anything else of the repository is looked at.
Authority: git's `setup.c` (`check_repo_format`, `verify_repository_format`), gitrepository-layout(5), git-config(1)
"extensions.*".
"""

from .errors import GitError, Unsupported
from .formats.config import Setting, as_bool, as_int
from .ids import OBJECT_FORMATS, SHA1, ObjectFormat

VERSION = "core.repositoryformatversion"
_BOOLEAN = frozenset({"core.bare", "preciousobjects", "worktreeconfig", "relativeworktrees"})
_NEEDS_VALUE = frozenset({"core.worktree", "partialclone", "objectformat", "compatobjectformat", "refstorage"})
_WORDS = {"objectformat": frozenset(OBJECT_FORMATS), "refstorage": frozenset({"files", "reftable"})}  # known to git
_ALWAYS = frozenset({"noop", "preciousobjects", "partialclone", "worktreeconfig"})  # honoured in version 0 too
_OURS: dict[str, str | None] = {  # those of version 1 that are supported, and the only value that is; None: any
    "noop-v1": None,
    "objectformat": "sha1",
    "refstorage": "files",
    "relativeworktrees": None,
}
_KNOWN = frozenset({*_ALWAYS, *_OURS, "compatobjectformat"})


def check_format(own: list[Setting]) -> ObjectFormat:
    """The object format of the repository whose common configuration file holds the settings `own`.

    Raises Unsupported, naming version, extension or value, where git refuses to work and where we have to, and GitError
    for a value that none can have. Without a version there are no extensions.
    """
    version, form = -1, SHA1
    for setting in own:
        name = setting.name.removeprefix("extensions.")
        if name != setting.name or name in ("core.bare", "core.worktree"):
            _check_value(name, setting)
        if setting.name == VERSION:
            version = _number(setting)
    if version < 0:
        return SHA1
    if version > 1:
        raise Unsupported(f"repository format version {version}", own[0].source)
    for setting in own:
        name = setting.name.removeprefix("extensions.")
        if name == setting.name or name in _ALWAYS or (version == 0 and name not in _KNOWN):
            continue
        if version == 0 or name not in _OURS or _OURS[name] not in (None, setting.value):
            value = "true" if setting.value is None else setting.value
            raise Unsupported(f"extensions.{name} = {value} (format version {version})", setting.place)
        form = OBJECT_FORMATS[str(setting.value)] if name == "objectformat" else form
    return form


def _check_value(name: str, setting: Setting) -> None:
    if name in _BOOLEAN and as_bool(setting.value) is None:
        raise GitError(f"{setting.place}: bad boolean config value {setting.value!r} for {setting.name!r}")
    if name in _NEEDS_VALUE and setting.value is None:
        raise GitError(f"{setting.place}: missing value for {setting.name!r}")
    if name in _WORDS and setting.value not in _WORDS[name]:
        raise Unsupported(f"extensions.{name} = {setting.value}", setting.place)


def _number(setting: Setting) -> int:
    number = None if setting.value is None else as_int(setting.value, bits=32)
    if number is None:
        raise Unsupported(f"repository format version {setting.value}", setting.place)
    return number

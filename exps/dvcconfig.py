"""DVC's settings of a project, as far as they say what DVC and we both do. Read only.

Files in ConfigObj's INI form, the nearest first: `.dvc/config.local`, `.dvc/config`, the user's, the machine's. Those
of an experiment's own tree are never read. Authority: DVC 3.67.1, dvc/config.py.
"""

import os
from collections.abc import Iterator, Mapping

from expref.objstore.stores.files import read_file

from .errors import ExpError
from .project import Project

_TRUE, _FALSE = {"1", "y", "yes", "true", "on"}, {"0", "n", "no", "false", "off"}
_VARIABLES = {("exp", "git_remote"): "DVC_EXP_GIT_REMOTE", ("exp", "auto_push"): "DVC_EXP_AUTO_PUSH"}  # they go first


def get(project: Project, section: str, key: str) -> str | None:
    """A setting; None if there is none, or no DVC project. Raises ExpError for a file that cannot be understood."""
    variable = _VARIABLES.get((section, key))
    if variable and variable in project.repository.environ and os.path.isdir(f"{project.root}/.dvc"):
        return project.repository.environ[variable]
    return _find(project, section, key)[1]


def get_path(project: Project, section: str, key: str) -> str | None:
    """A setting that is a path, from the folder of the file that names it, or from `~`. Raises as `get`."""
    where, text = _find(project, section, key)
    home = project.repository.environ.get("HOME")
    if text and home and (text == "~" or text.startswith("~/")):
        text = home + text[1:]
    return os.path.normpath(os.path.join(os.path.dirname(where), text)) if text else None


def _find(project: Project, section: str, key: str) -> tuple[str, str | None]:
    """The file that a setting is in, and its text; None if there is none."""
    for path in _files(project.root, project.repository.environ) if os.path.isdir(f"{project.root}/.dvc") else ():
        content = _read(path)
        if key.encode() in content.lower() and (found := _in_file(path, content, section, key)) is not None:
            return path, found
    return "", None


def get_bool(project: Project, section: str, key: str) -> bool:
    """A setting that is true or false; false if there is none."""
    text = (get(project, section, key) or "false").lower()
    if text not in _TRUE | _FALSE:
        raise ExpError(f"{section}.{key} of DVC's settings is {text!r}: true or false is needed")
    return text in _TRUE


def _files(root: str, environ: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{root}/.dvc/config.local", f"{root}/.dvc/config")
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config")
    yield os.path.join(environ.get("DVC_GLOBAL_CONFIG_DIR") or os.path.join(home, "dvc"), "config")
    yield os.path.join(environ.get("DVC_SYSTEM_CONFIG_DIR") or "/etc/xdg/dvc", "config")


def _read(path: str) -> bytes:
    try:
        return read_file(path) or b""
    except OSError:  # a folder, or not ours to read
        return b""


def _in_file(path: str, content: bytes, section: str, key: str) -> str | None:
    import configparser  # a tenth of the start-up time of a save

    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, inline_comment_prefixes=("#",))
    try:
        parser.read_string(content.decode("utf-8", "surrogateescape"), path)
    except configparser.Error as error:
        raise ExpError(f"{path}: {str(error).splitlines()[0]}", "correct it") from None
    found = parser.get(section, key, fallback=None)
    return found.strip("\"'") if found is not None else None

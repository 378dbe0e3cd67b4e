"""Whether a repository that was found may be used: it belongs to the user, or the user has said that it may.

A repository's configuration can have programs run, so that of a stranger is not even read. What decides is the
configuration of the machine, the user and the command line, never the repository's own. Where `GIT_DIR` names a
repository nobody asks. Authority: git-config(1) "safe.directory", "safe.bareRepository"; git's `setup.c`
(`ensure_valid_ownership`, `safe_directory_cb`).
"""

import os
from collections.abc import Mapping

from .config import Config
from .configfiles import SYSTEM_FILE
from .errors import GitError, Unsafe
from .formats.config import Setting, quote

_HOW = "run `git config --global --add safe.directory {}`, or write into {}: [safe] directory = {}"


def check_owner(
    git_dir: str, environ: Mapping[str, str], start: str, *, top: str | None = None, gitfile: str | None = None
) -> None:
    """Raise Unsafe unless Git folder, work tree and the file between them are the user's, or `safe.directory` says so.

    `start` is the folder that "." in a setting is. A link belongs to who made the
    link. Where files have no owners (Windows) everything is the user's.
    """
    stranger = next((path for path in (gitfile, top, git_dir) if path and not _is_ours(path, environ)), None)
    if stranger is None:
        return
    place = os.path.realpath(top or git_dir)
    if _is_allowed(place, _protected(environ), start):
        return
    raise Unsafe(
        f"{stranger} belongs to somebody else ({_owner(stranger)}): repository {place} is used only if you allow it",
        _HOW.format(_shell_quoted(place), _users_file(environ), quote(place)),
    )


def check_bare(git_dir: str, environ: Mapping[str, str]) -> None:
    """Raise Unsafe where `safe.bareRepository` is "explicit" and a bare repository was merely come upon.

    The Git folder of a work tree, of a linked one and of a submodule are none.
    """
    setting = _protected(environ).get("safe.barerepository")
    if setting not in (None, "all", "explicit"):
        raise GitError(f"safe.bareRepository: bad value {setting!r}")
    has_work_tree = f"{git_dir}/".endswith("/.git/") or "/.git/worktrees/" in git_dir or "/.git/modules/" in git_dir
    if setting == "explicit" and not has_work_tree:
        raise Unsafe(
            f"{git_dir} is a bare repository, and safe.bareRepository is 'explicit'",
            f"set the variable GIT_DIR to {_shell_quoted(git_dir)} if you mean it",
        )


def _protected(environ: Mapping[str, str]) -> Config:
    return Config.load(environ)


def _is_ours(path: str, environ: Mapping[str, str]) -> bool:
    """Whether the user owns a path. For root that is also who called `sudo`. Source: git's `is_path_owned_by…`."""
    if not hasattr(os, "geteuid"):
        return True
    try:
        owner = os.lstat(path).st_uid
    except OSError:
        return False
    user = os.geteuid()
    caller = environ.get("SUDO_UID", "")
    if user == 0 and caller.isascii() and caller.isdigit():
        return owner in (0, int(caller[:20]))
    return owner == user


def _owner(path: str) -> str:
    try:
        return f"user {os.lstat(path).st_uid}"
    except OSError as error:
        return str(error.strerror)


def _is_allowed(place: str, config: Config, start: str) -> bool:
    """Whether the last setting of `safe.directory` that says anything about `place` allows it."""
    allowed = False
    for setting in config.settings("safe.directory"):
        if not setting.value:
            allowed = False
        elif setting.value == "*" or _covers(setting, config, start, place):
            allowed = True
    return allowed


def _covers(setting: Setting, config: Config, start: str, place: str) -> bool:
    """Whether a setting is the path `place`, or "<folder>/*" above it. Unknown and relative ones are none."""
    try:
        path = config.path_of(setting)
        if path is None or not (path == "." or os.path.isabs(path)):
            return False
        path = os.path.join(start, path)
        os.path.realpath(os.path.dirname(path.rstrip("/") or "/"), strict=True)  # only what is last may be missing
    except (GitError, OSError):
        return False
    resolved = os.path.realpath(path)
    return place.startswith(resolved[:-1]) if path.endswith("/*") else place == resolved


def _users_file(environ: Mapping[str, str]) -> str:
    """The file that `git config --global` writes, and where there is no user, the machine's."""
    home, named = environ.get("HOME"), environ.get("GIT_CONFIG_GLOBAL")
    if named or home is None:
        return named or environ.get("GIT_CONFIG_SYSTEM", SYSTEM_FILE)
    other = f"{environ.get('XDG_CONFIG_HOME') or f'{home}/.config'}/git/config"
    own = f"{home}/.gitconfig"
    return other if os.path.exists(other) and not os.path.exists(own) else own


def _shell_quoted(path: str) -> str:
    plain = path.replace("/", "").replace(".", "").replace("-", "").replace("_", "")
    return path if plain.isascii() and plain.isalnum() else "'" + path.replace("'", "'\\''") + "'"

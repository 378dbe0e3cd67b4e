"""Where a repository is: what `GIT_DIR` names, or the nearest one upwards, as git looks for it.

Nothing of a repository is read here but what makes it one: HEAD, a file in the place of the Git folder, `commondir`.
Whether it may be used is asked before anything else of it is read (`trust.py`). A Git folder that is there and cannot
be looked into is an error, where git goes on upwards and may find another repository.
Authority: git's `setup.c` (`setup_git_directory_gently_1`, `is_git_directory`, `read_gitfile_gently`), git(1),
gitrepository-layout(5), git's `t1510-repo-setup.sh`.
"""

import os
import stat
from collections.abc import Iterator, Mapping

from .configfiles import environment_bool
from .errors import Corrupt, GitError, NotFound
from .stores.files import read_start
from .trust import check_bare, check_owner

_HEAD_BYTES = 255  # of HEAD that decide whether it is one; as git
_LONGEST_GITFILE = 1 << 20  # bytes; as git
_BLANKS = b" \t\n\v\f\r"
_HEX = frozenset(b"0123456789abcdefABCDEF")
_DIGITS = 40  # of the shortest id


def find_git_dir(path: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The Git folder of the repository that holds the folder `path`, and the top of its work tree.

    The top is what goes without saying: None for a bare repository and for the Git folder itself. `GIT_DIR` in
    `environ` comes first. Raises NotFound, Unsafe where the user does not trust it, Corrupt, and GitError naming what
    cannot be read.
    """
    try:
        named = environ.get("GIT_DIR")
        return _search(path, environ) if named is None else _named(path, named, environ)
    except OSError as error:
        raise GitError(f"{os.fsdecode(error.filename or path)}: {error.strerror}") from error


def find_repository_at(path: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The same for a path that names a repository, as of a remote: nothing is looked for upwards.

    `path` is a Git folder, the top of a work tree, or either without ".git" at its end. Source: git's `path.c`,
    `enter_repo`.
    """
    try:
        for folder in (path, f"{path.rstrip('/')}.git"):
            git_dir = git_dir_in(folder, environ, folder)
            if git_dir:
                gitfile = f"{folder}/.git"
                check_owner(git_dir, environ, folder, top=folder, gitfile=gitfile if os.path.isfile(gitfile) else None)
                return git_dir, folder
            if _is_git_dir(folder, environ, folder):
                check_owner(folder, environ, folder)
                return folder, None
    except OSError as error:
        raise GitError(f"{os.fsdecode(error.filename or path)}: {error.strerror}") from error
    raise NotFound(f"{path} is not a Git repository")


def git_dir_in(folder: str, environ: Mapping[str, str], start: str) -> str | None:
    """The Git folder that `folder/.git` is or names; None if there is no such thing.

    Raises NotFound or Corrupt for a file that names none, OSError for what cannot be looked at. Relative paths in
    `environ` begin in `start`.
    """
    path = f"{folder}/.git"
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not is_file:
        return path if _is_git_dir(path, environ, start) else None
    git_dir = _follow(path)
    if not _is_git_dir(git_dir, environ, start):
        raise NotFound(f"{path} names {git_dir}, which is not a Git folder")
    return os.path.realpath(git_dir)


def common_dir_of(git_dir: str, environ: Mapping[str, str], start: str) -> tuple[str, bool]:
    """The folder of what work trees share, and whether it was named: by `GIT_COMMON_DIR` or the file `commondir`."""
    asked = environ.get("GIT_COMMON_DIR")
    if asked is not None:
        return os.path.realpath(os.path.join(start, asked)), True
    path = f"{git_dir}/commondir"
    named = read_start(path, _LONGEST_GITFILE)
    if named is None:
        return git_dir, False
    name = named.rstrip(b"\r\n").partition(b"\0")[0]
    if not named:
        raise Corrupt(path, None, "it is empty")
    return os.path.realpath(os.path.join(git_dir, os.fsdecode(name))), True


def _named(path: str, named: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """What `GIT_DIR` names. No owner is asked: who names a repository knows it."""
    git_dir = os.path.join(path, named) if named else ""
    if git_dir and os.path.isfile(git_dir):
        git_dir = _follow(git_dir)
    if not (git_dir and _is_git_dir(git_dir, environ, path)):
        raise NotFound(f"GIT_DIR={named} is not a Git repository")
    return git_dir, path if environment_bool(environ, "GIT_IMPLICIT_WORK_TREE", True) else None


def _search(path: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    start = os.path.realpath(path)
    device, looked, ends = os.stat(start).st_dev, start, ""
    odd = ""  # the nearest ".git" that is no Git folder: most likely the broken one that is meant
    for folder in _upwards(start, environ):
        if os.stat(folder).st_dev != device and not _goes_across(environ):
            ends = ", where another file system begins; GIT_DISCOVERY_ACROSS_FILESYSTEM=1 goes on"
            break
        looked = folder
        git_dir = git_dir_in(folder, environ, path)
        if git_dir:
            gitfile = f"{folder}/.git"
            check_owner(git_dir, environ, path, top=folder, gitfile=gitfile if os.path.isfile(gitfile) else None)
            return git_dir, folder
        if not odd and os.path.isdir(f"{folder}/.git"):
            odd = f"; {folder}/.git is there, but its HEAD, objects or refs are missing or broken"
        if _is_git_dir(folder, environ, path):
            check_bare(folder, environ)
            check_owner(folder, environ, path)
            return folder, None
    raise NotFound(f"{path} is not inside a Git repository (looked up to {looked}{ends}){odd}")


def _goes_across(environ: Mapping[str, str]) -> bool:
    return environment_bool(environ, "GIT_DISCOVERY_ACROSS_FILESYSTEM", False)


def _upwards(folder: str, environ: Mapping[str, str]) -> Iterator[str]:
    """A folder and those above it, up to the first that is a ceiling, which is left out. Where it starts is none."""
    _goes_across(environ)  # a bad value is told, as by git, wherever the search ends
    ceilings = set(_ceilings(environ.get("GIT_CEILING_DIRECTORIES", "")))
    yield folder
    while (above := os.path.dirname(folder)) != folder and above not in ceilings:
        folder = above
        yield folder


def _ceilings(listed: str) -> Iterator[str]:
    """Absolute paths; behind an empty entry they are taken as they are, symbolic links and all. Source: git(1)."""
    as_written = False
    for each in listed.split(os.pathsep):
        as_written = as_written or not each
        if os.path.isabs(each):
            yield (each.removesuffix("/") or "/") if as_written else os.path.realpath(each)


def _follow(path: str) -> str:
    """The folder that a file in the place of a Git folder names. One step only, so that there are no circles."""
    content = read_start(path, _LONGEST_GITFILE + 1) or b""
    name = content[8:].rstrip(b"\r\n").partition(b"\0")[0]
    if len(content) > _LONGEST_GITFILE or not content.startswith(b"gitdir: ") or not name:
        raise Corrupt(path, 0, "not a Git folder, nor a file that names one")
    return os.path.join(os.path.dirname(path), os.fsdecode(name))


def _is_git_dir(path: str, environ: Mapping[str, str], start: str) -> bool:
    if not _is_head(f"{path}/HEAD"):
        return False
    common, _ = common_dir_of(path, environ, start)
    objects = environ.get("GIT_OBJECT_DIRECTORY")
    objects = f"{common}/objects" if objects is None else os.path.join(start, objects)
    return _may_enter(objects) and _may_enter(f"{common}/refs")


def _is_head(path: str) -> bool:
    """Whether a file may be HEAD: it names a ref, or begins with an id; a symbolic link is one to a ref."""
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            return os.readlink(path).startswith("refs/")
        start = read_start(path, _HEAD_BYTES)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False
    if start is None:
        return False
    if start.startswith(b"ref:"):
        return start[4:].lstrip(_BLANKS).startswith(b"refs/")
    return len(start) >= _DIGITS and _HEX.issuperset(start[:_DIGITS])


def _may_enter(path: str) -> bool:
    """Whether this is a folder to look into; raises PermissionError for one that is closed."""
    if os.access(path, os.X_OK):
        return True
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", path)
    return False

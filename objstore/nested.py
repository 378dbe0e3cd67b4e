"""Repositories inside a work tree: their folders are opaque to the repository around them.

Authority: git's `setup.c` (`is_nonbare_repository_dir`, `is_git_directory`, `validate_headref`).
"""

import os
import stat

from .patterns import lazy_pattern
from .repository import Repository
from .stores.files import read_start

_GITFILE_MAX = 1 << 20  # bytes; a larger `.git` is none for git
_HEAD_BYTES = 255  # of HEAD that decide whether it is one; as git
_HEAD = lazy_pattern(rb"ref:[ \t\r\n]*refs/|[0-9A-Fa-f]{40}")


def is_repository(folder: bytes, around: Repository) -> bool:
    """Whether `folder` ("/a/b/") is the work tree of another repository than the one `around` it."""
    git = folder + b".git"
    try:
        found = os.stat(git)
    except OSError:
        return False
    if stat.S_ISREG(found.st_mode):
        return found.st_size <= _GITFILE_MAX and _names_git_dir(git)
    return _is_git_dir(git) and os.path.realpath(git) != os.fsencode(around.git_dir)


def _names_git_dir(path: bytes) -> bool:
    """Whether a file called `.git` names a Git folder. One that must not be read may well do so."""
    try:
        with open(path, "rb", buffering=0) as file:
            content = file.readall()
    except OSError:
        return True
    target = content[8:].rstrip(b"\r\n")
    return content[:8] == b"gitdir: " and target != b"" and _is_git_dir(os.path.join(os.path.dirname(path), target))


def _is_git_dir(path: bytes) -> bool:
    folder = os.fsdecode(path)
    try:
        if os.path.islink(f"{folder}/HEAD"):
            is_head = os.readlink(f"{folder}/HEAD").startswith("refs/")
        else:
            is_head = _HEAD.match(read_start(f"{folder}/HEAD", _HEAD_BYTES) or b"") is not None
        named = read_start(f"{folder}/commondir", _GITFILE_MAX)
    except OSError:
        return False
    common = folder if named is None else os.path.join(folder, os.fsdecode(named.rstrip(b"\r\n")))
    return is_head and os.access(f"{common}/objects", os.X_OK) and os.access(f"{common}/refs", os.X_OK)

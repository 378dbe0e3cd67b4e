"""Which untracked files a snapshot is to hold besides the tracked ones: what `git add` of these paths would add.

A file that is named is taken even if a rule ignores it, as `git add -f` does; a folder stands for all files in it that
are not ignored, and the top of the work tree for all that there are. A repository inside this one is opaque: it becomes
the commit that it is at. Authority: git-add(1); git's `builtin/add.c`, `pathspec.c`.
"""

import os
import stat
from bisect import bisect_left
from collections.abc import Collection, Iterable
from functools import cached_property

from .errors import BadName, GitError, NotFound
from .formats.index import Index
from .formats.objects import is_entry_name
from .ignore import IgnoreRules
from .indexcopy import Remembered
from .nested import is_repository
from .repository import Repository
from .scan import Folders
from .untracked import untracked_files


def included(repository: Repository, known: Remembered, extra: Collection[bytes], folders: Folders) -> list[bytes]:
    """The paths that `extra` stands for and that are not tracked, sorted: of files, symbolic links and repositories.

    `extra` are paths from the top of the work tree, with "/" between names; "" and "." are the top itself. What is
    tracked are the entries that are `known` without those of untracked files. Raises NotFound where nothing is, BadName
    for a path that leads out of the work tree or through a link, GitError for an ignored folder and for what git cannot
    store.
    """
    found: set[bytes] = set()
    tracked = _Tracked(repository, known)
    for path in extra:
        names = [name for name in path.split(b"/") if name not in (b"", b".")]
        if path.startswith(b"/") or not all(map(is_entry_name, names)):
            raise BadName(f"{os.fsdecode(path)} is no path in the work tree")
        found.update(_at(repository, tracked, b"/".join(names), folders))
    return sorted(found)


class _Tracked:
    """What is tracked: an index without some of its entries."""

    def __init__(self, repository: Repository, known: Remembered) -> None:
        self._repository, self._index, self._others = repository, known.entries, frozenset(known.included)
        self._fold = repository.config.get_bool("core.ignorecase", False)

    def has(self, path: bytes) -> bool:
        """Whether there is an entry for a path; where the file system does not tell case apart, in any spelling."""
        number = self._index.find(path)
        if number is not None and number not in self._others:
            return True
        numbers = range(len(self._index)) if self._fold else ()
        return any(self._index.path(each).lower() == path.lower() for each in numbers if each not in self._others)

    def has_below(self, folder: bytes) -> bool:
        """Whether something in a folder is tracked."""
        number = bisect_left(range(len(self._index)), folder, key=self._index.path)
        while number < len(self._index) and self._index.path(number).startswith(folder):
            if number not in self._others:
                return True
            number += 1
        return False

    @cached_property
    def index(self) -> Index:
        """The index of nothing else."""
        return self._repository.index.read() if self._others else self._index


def _at(repository: Repository, tracked: _Tracked, path: bytes, folders: Folders) -> Iterable[bytes]:
    """What is untracked at one path."""
    root, shown = os.fsencode(repository.work_tree or "") + b"/", os.fsdecode(path)
    folder = path + b"/" if path else b""
    _check_way(repository, path, folders, root)
    try:
        mode = os.lstat(root + path).st_mode
    except OSError as error:
        if tracked.has(path) or tracked.has_below(folder):
            return ()  # and gone
        raise NotFound(f"{shown}: {error.strerror}") from None
    if not stat.S_ISDIR(mode):
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            raise GitError(f"{shown} is no file, symbolic link or folder: git cannot store it")
        return () if tracked.has(path) else (path,)
    if path and is_repository(root + folder, repository):
        return () if tracked.has(path) else (path,)
    if IgnoreRules(repository, tracked.index).folder(folder) is None:
        raise GitError(f"{shown} is ignored by a rule of .gitignore or the like; name the files in it that are wanted")
    return (each.rstrip(b"/") for each in untracked_files(repository, tracked.index, below=folder))


def _check_way(repository: Repository, path: bytes, folders: Folders, root: bytes) -> None:
    """Raise unless a path is reached through folders of this repository only."""
    at = path.find(b"/")
    while at > 0:
        above = path[: at + 1]
        if os.path.lexists(root + above[:-1]) and not folders.is_real(above):
            raise BadName(f"{os.fsdecode(path)} lies behind {os.fsdecode(above[:-1])}, which is no folder")
        if is_repository(root + above, repository):
            raise BadName(f"{os.fsdecode(path)} lies in another repository, {os.fsdecode(above[:-1])}")
        at = path.find(b"/", at + 1)

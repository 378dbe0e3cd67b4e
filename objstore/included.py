"""Which untracked files a snapshot is to hold besides the tracked ones: what `git add` of these paths would add.

A file that is named is taken even if a rule ignores it, as `git add -f` does; a folder stands for all files in it that
are not ignored, and the top of the work tree for all that there are. A repository inside this one is opaque: it becomes
the commit that it is at. Where the file system does not tell case apart, folders are spelled as they are tracked.
Authority: git-add(1); git's `builtin/add.c`, `pathspec.c`, `name-hash.c` (`adjust_dirname_case`).
"""

import os
import stat
from bisect import bisect_left
from collections.abc import Collection, Iterable
from functools import cached_property
from operator import attrgetter

from .composed import composer
from .errors import BadName, GitError, NotFound
from .formats.index import Index
from .formats.objects import find_bad_path, is_entry_name
from .ignore import IgnoreRules
from .indexcopy import Remembered
from .nested import is_repository
from .repository import Repository
from .scan import Folders
from .untracked import untracked_files

_STAT = attrgetter("st_ctime_ns", "st_mtime_ns", "st_mode", "st_size")


def included(repository: Repository, known: Remembered, extra: Collection[bytes], folders: Folders) -> list[bytes]:
    """The paths that `extra` stands for and that are not tracked, sorted: of files, symbolic links and repositories.

    `extra` are paths from the top of the work tree, with "/" between names; "" and "." are the top itself. What is
    tracked are the entries that are `known` without those of untracked files. Raises NotFound where nothing is, BadName
    for a path that leads out of the work tree or through a link and for a name like ".git", GitError for an ignored
    folder and for what git cannot store.
    """
    found: set[bytes] = set()
    tracked, compose = _Tracked(repository, known), composer(repository.config)
    ways = _Ways(repository, folders)
    for path in map(compose, extra) if compose else extra:
        found.update(_at(repository, tracked, ways.to(path)))
    paths = sorted(set(map(tracked.spelled, found)))
    bad = find_bad_path(paths)
    if bad is not None:
        raise BadName(f"{os.fsdecode(bad)!r} is a path which no tree can hold")
    return paths


class _Ways:
    """How paths are reached. A folder is looked at once, however many files of it are named."""

    def __init__(self, repository: Repository, folders: Folders) -> None:
        self._repository, self._folders = repository, folders
        self._root = os.fsencode(repository.work_tree or "") + b"/"
        self._known: set[bytes] = {b""}

    def to(self, path: bytes) -> bytes:
        """The path without what says nothing. Raise unless it leads through folders of this repository only."""
        at = path.rfind(b"/") + 1
        if path[:at] in self._known and is_entry_name(path[at:]):
            return path
        names = [name for name in path.split(b"/") if name not in (b"", b".")]
        if path.startswith(b"/") or not all(map(is_entry_name, names)):
            raise BadName(f"{os.fsdecode(path)} is no path in the work tree")
        for number in range(1, len(names)):
            self._enter(b"/".join(names[:number]) + b"/", path)
        return b"/".join(names)

    def _enter(self, above: bytes, path: bytes) -> None:
        if above in self._known:
            return
        if os.path.lexists(self._root + above[:-1]) and not self._folders.is_real(above):
            raise BadName(f"{os.fsdecode(path)} lies behind {os.fsdecode(above[:-1])}, which is no folder")
        if is_repository(self._root + above, self._repository):
            raise BadName(f"{os.fsdecode(path)} lies in another repository, {os.fsdecode(above[:-1])}")
        self._known.add(above)


class _Tracked:
    """What is tracked: an index without some of its entries."""

    def __init__(self, repository: Repository, known: Remembered) -> None:
        self._repository, self._index, self._others = repository, known.entries, frozenset(known.included)
        self._fold = repository.config.get_bool("core.ignorecase", False)
        self._root = os.fsencode(repository.work_tree or "") + b"/"
        self._bare: dict[bytes, bool] = {}

    def has(self, path: bytes) -> bool:
        """Whether there is an entry for a path; where the file system does not tell case apart, in any spelling."""
        folder = path[: path.rfind(b"/") + 1]
        if folder not in self._bare:
            self._bare[folder] = not self.has_below(folder)
        if self._bare[folder]:
            return False
        number = self._index.find(path)
        if number is not None and number not in self._others:
            return True
        return self._fold and path.lower() in self._lower

    def has_below(self, folder: bytes) -> bool:
        """Whether something in a folder is tracked."""
        number = bisect_left(range(len(self._index)), folder, key=self._index.path)
        while number < len(self._index) and self._index.path(number).startswith(folder):
            if number not in self._others:
                return True
            number += 1
        return self._fold and folder[:-1].lower() in self._names

    def spelled(self, path: bytes) -> bytes:
        """A path with its folders as they are tracked, if that leads to the same file: git makes one folder of both."""
        if not self._fold or b"/" not in path:
            return path
        names, end = path.split(b"/"), -1
        for number, name in enumerate(names[:-1]):
            end += 1 + len(name)
            names[number] = self._names.get(path[:end].lower(), name)
        spelled = b"/".join(names)
        return spelled if spelled == path or _is_same(self._root + path, self._root + spelled) else path

    @cached_property
    def _paths(self) -> list[bytes]:
        return [self._index.path(each) for each in range(len(self._index)) if each not in self._others]

    @cached_property
    def _lower(self) -> frozenset[bytes]:
        """All that is tracked, in lower case."""
        return frozenset(path.lower() for path in self._paths)

    @cached_property
    def _names(self) -> dict[bytes, bytes]:
        """The folder "a/b" of something tracked, in lower case → how "b" is spelled, in the first of its paths."""
        found: dict[bytes, bytes] = {}
        for path in self._paths:
            at = path.rfind(b"/")
            while at > 0 and (folder := path[:at].lower()) not in found:
                above = path.rfind(b"/", 0, at)
                found[folder], at = path[above + 1 : at], above
        return found

    @cached_property
    def index(self) -> Index:
        """The index of nothing else."""
        return self._repository.index.read() if self._others else self._index


def _is_same(path: bytes, other: bytes) -> bool:
    """Whether two paths lead to one file. The setting may be there where the file system tells case apart after all.

    Numbers of files do not tell: some file systems of FUSE make them from names.
    """
    try:
        return _STAT(os.lstat(path)) == _STAT(os.lstat(other))
    except OSError:
        return False


def _at(repository: Repository, tracked: _Tracked, path: bytes) -> Iterable[bytes]:
    """What is untracked at one path."""
    root, shown = os.fsencode(repository.work_tree or "") + b"/", os.fsdecode(path)
    folder = path + b"/" if path else b""
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

"""What git does not know in a work tree: neither tracked nor ignored. Nothing is written, and no link is followed.

A tracked folder is listed once. Where the index's TREE extension tells how many names it holds, and as many are there,
nothing is compared; elsewhere names are, and ignore files are read only if one of them is not tracked. Ignored folders
and repositories inside this one are not entered; a folder that cannot be read counts as empty, as in git.
Authority: git-status(1), "Untracked files"; git's `dir.c` (`treat_path`, `treat_directory`).
"""

import os
import stat
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator
from contextlib import suppress
from itertools import islice, takewhile

from .composed import composer
from .formats.cachetree import CachedTree
from .formats.index import Index
from .formats.objects import GITLINK
from .ignore import IgnoreRules
from .lighttyping import NamedTuple
from .nested import is_repository
from .repository import Repository
from .scan import expected_names

_BLOCK = 1024  # names that are read before they are looked at: one untracked file settles an untracked folder
_FEW = 32  # names that are looked at one by one
_GIT = frozenset({b".git"})


def untracked(
    repository: Repository,
    index: Index | None = None,
    *,
    gone: Iterable[bytes] | None = None,
    miscounted: Container[bytes] | None = None,
    taken: Container[bytes] = (),
) -> Iterator[bytes]:
    """What `git status --porcelain` lists with "??", in its order: paths of files, "dir/" if nothing in it is tracked.

    A caller that has looked at every tracked path of `index` passes as `gone` those where nothing is, or something of
    another kind: then folders are compared by names only where their number of names is wrong. If that has been counted
    too, `miscounted` are the folders where it is (`scan`). In folders that are `taken` ("a/b/", "" the top) nothing is
    looked for. Raises GitError for a bare repository and for an ignore file
    of the user's that cannot be used.
    """
    scan = _Scan(repository, index, gone, miscounted)
    found: list[bytes] = []
    for left in scan.leftovers(taken=taken):
        found += left.files
        found += [folder for folder in left.folders if scan.is_shown(folder)]
    return iter(sorted(found))


def untracked_files(
    repository: Repository,
    index: Index | None = None,
    *,
    gone: Iterable[bytes] | None = None,
    below: bytes = b"",
) -> Iterator[bytes]:
    """What `git status --porcelain -uall` lists: each file apart; "dir/" is a repository in this one.

    Only what is in the folder `below` ("a/b/"), which must be a real one, or the top. `gone` is as in `untracked`.
    """
    scan = _Scan(repository, index, gone)
    found: list[bytes] = []
    for left in scan.leftovers(below):
        found += left.files
        for folder in left.folders:
            if not scan.is_repository(folder):
                found += scan.files_below(folder)
            elif scan.is_shown(folder):
                found.append(folder)
    return iter(sorted(found))


class _Leftovers(NamedTuple):
    """What is neither tracked nor ignored in a folder that has tracked files: paths, those of folders with "/"."""

    files: list[bytes]
    folders: list[bytes]


class _Tracked(NamedTuple):
    """What is tracked in a folder: the numbers of entries by name (in a conflict the last one's), names of folders."""

    entries: dict[bytes, int]
    folders: set[bytes]


class _Scan:
    """One look at a work tree. Folders are called "" or "a/b/", and kept in lists: they may be very deep."""

    def __init__(
        self,
        repository: Repository,
        index: Index | None,
        gone: Iterable[bytes] | None = None,
        miscounted: Container[bytes] | None = None,
    ) -> None:
        self._repository = repository
        self._index = repository.index.read() if index is None else index
        self._rules = IgnoreRules(repository, self._index)
        self._root = os.fsencode(repository.work_tree or "") + b"/"
        self._fold = repository.config.get_bool("core.ignorecase", False)
        self._key = bytes.lower if self._fold else bytes
        self._compose = composer(repository.config)
        self._folded: dict[bytes, _Tracked] = {}
        self._incomplete = None if gone is None else folders_above(gone)
        self._miscounted = miscounted

    def leftovers(self, below: bytes = b"", *, taken: Container[bytes] = ()) -> Iterator[_Leftovers]:
        """Go through the tracked folders, from `below` on, without those that are `taken`."""
        cached = self._index.tree
        for name in below.split(b"/")[:-1]:
            cached = cached.children.get(name) if cached else None
        todo: list[tuple[bytes, CachedTree | None]] = [(below, cached)]
        while todo:
            path, cached = todo.pop()
            if path in taken:
                continue
            surplus = self._surplus(path, cached) if cached else None
            if cached and surplus is not None:
                todo += [(path + name + b"/", child) for name, child in cached.children.items()]
                if surplus:
                    yield self._kept(path, *self._by_kind(path, surplus))
                continue
            tracked = self._tracked_in(path, cached)
            for files, folders in self._list(path):
                new = [name for name in folders if not self._is_tracked(name, tracked)]
                inside = [name for name in folders if self._is_entered(name, tracked)]
                yield self._kept(path, self._not_in(tracked.entries, files), new)
                todo += [(path + name + b"/", cached.children.get(name) if cached else None) for name in inside]

    def _surplus(self, path: bytes, cached: CachedTree) -> list[bytes] | None:
        """The few names in a tracked folder that are not tracked, none if their number is right.

        None if that is not to be had without looking at all: in the root, where something is gone, or there are many.
        """
        if not path or self._incomplete is None or path in self._incomplete:
            return None
        expected = expected_names(cached)
        if expected is None:
            return None
        if self._miscounted is not None and path not in self._miscounted:
            return []
        names = self._names(path, expected + _FEW)
        if not expected <= len(names) <= expected + _FEW:
            return None
        if len(names) == expected:
            return []
        tracked = self._tracked_in(path, cached)
        return self._not_in(tracked.folders, self._not_in(tracked.entries, names))

    def _names(self, path: bytes, enough: int) -> list[bytes]:
        """The names in a folder; where few are wanted no more than `enough` and one: there may be 150,000 others."""
        try:
            if enough > 2 * _FEW:
                return self._composed(os.listdir(self._root + path))  # three fifths of the time of scandir
            with os.scandir(self._root + path) as entries:
                return self._composed([each.name for each in islice(entries, enough + 1)])
        except OSError:
            return []

    def _composed(self, names: list[bytes]) -> list[bytes]:
        return list(map(self._compose, names)) if self._compose else names

    def _by_kind(self, path: bytes, names: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Those of a few names that are files or symbolic links, and those that are folders."""
        kinds: dict[int, list[bytes]] = {}
        for name in self._not_in(_GIT, names):
            with suppress(OSError):  # it has just gone
                kinds.setdefault(stat.S_IFMT(os.lstat(self._root + path + name).st_mode), []).append(name)
        return kinds.get(stat.S_IFREG, []) + kinds.get(stat.S_IFLNK, []), kinds.get(stat.S_IFDIR, [])

    def _kept(self, path: bytes, files: list[bytes], folders: list[bytes]) -> _Leftovers:
        rules = self._rules.folder(path) if files or folders else None
        if rules is None:
            return _Leftovers([], [])
        kept = [path + name + b"/" for name in rules.kept_folders(folders)]
        return _Leftovers([path + name for name in rules.kept_files(files)], kept)

    def _tracked_in(self, path: bytes, cached: CachedTree | None) -> _Tracked:
        if not self._fold:
            return _tracked_in(self._index, path, cached)
        self._folded = self._folded or _tracked_by_folder(self._index)
        return self._folded.get(path.lower(), _Tracked({}, set()))

    def _is_tracked(self, name: bytes, tracked: _Tracked) -> bool:
        return self._key(name) in tracked.folders or self._is_submodule(name, tracked)

    def _is_entered(self, name: bytes, tracked: _Tracked) -> bool:
        """Whether files in a folder are tracked. In a conflict there may be a submodule in its place, which wins."""
        return self._key(name) in tracked.folders and (self._fold or not self._is_submodule(name, tracked))

    def _is_submodule(self, name: bytes, tracked: _Tracked) -> bool:
        number, index = tracked.entries.get(self._key(name)), self._index
        if number is None:
            return False
        stages = range(max(number - 2, 0), number + 1)  # in a conflict one of them may be
        return any(index.row(each).mode == GITLINK for each in stages if index.path(each) == index.path(number))

    def is_shown(self, path: bytes) -> bool:
        """Whether an untracked folder is listed: there is a file in it, and no file is tracked in its place."""
        if self._index.find(path[:-1]) is not None:
            return False
        return self.is_repository(path) or next(self.files_below(path), None) is not None

    def files_below(self, path: bytes) -> Iterator[bytes]:
        """Every file that is not ignored below an untracked folder, and "dir/" for each repository."""
        todo = [self._rules.folder(path)]
        while todo:
            rules = todo.pop()
            assert rules is not None, "leftovers are not ignored"
            for files, folders in self._list(rules.path):
                yield from [rules.path + name for name in rules.kept_files(files)]
                for name in rules.kept_folders(folders):
                    below = rules.path + name + b"/"
                    if self.is_repository(below):
                        yield below
                    else:
                        todo.append(self._rules.below(rules, name))

    def _list(self, path: bytes) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """The names in a folder, in blocks: those of files and symbolic links, those of folders. `.git` is no name."""
        try:
            with os.scandir(self._root + path) as entries:
                while block := list(islice(entries, _BLOCK)):
                    files = [each.name for each in block if each.is_file(follow_symlinks=False) or each.is_symlink()]
                    others = block if len(files) < len(block) else []
                    folders = [each.name for each in others if each.is_dir(follow_symlinks=False)]
                    yield self._not_in(_GIT, self._composed(files)), self._not_in(_GIT, self._composed(folders))
        except OSError:  # git warns and goes on
            return

    def _not_in(self, known: Collection[bytes], names: list[bytes]) -> list[bytes]:
        if not known:
            return names
        if self._fold:
            return [name for name in names if name.lower() not in known]
        return [name for name in names if name not in known]

    def is_repository(self, path: bytes) -> bool:
        """Whether a folder is the work tree of another repository."""
        return is_repository(self._root + path, self._repository)


def folders_above(paths: Iterable[bytes]) -> set[bytes]:
    """All folders ("a/b/") in which these paths are, but the top."""
    found: set[bytes] = set()
    for path in paths:
        at = path.rfind(b"/") + 1
        while at and path[:at] not in found:
            found.add(path[:at])
            at = path.rfind(b"/", 0, at - 1) + 1
    return found


def _tracked_in(index: Index, path: bytes, cached: CachedTree | None) -> _Tracked:
    """What the index holds in the folder `path`; the entries further down are skipped."""
    found = _Tracked({}, set())
    everything, behind = range(len(index)), path[:-1] + b"0"  # "0" follows "/"
    number = bisect_left(everything, path, key=index.path)
    if cached and cached.entries > 0 and not cached.children:
        stop = min(number + cached.entries, len(index))
        return _Tracked(dict(zip(index.paths(number, stop, len(path)), range(number, stop), strict=True)), set())
    stop = bisect_left(everything, behind, lo=number, key=index.path) if path else len(index)
    run = 1  # entries that are read at once
    while number < stop:
        names = index.paths(number, min(number + run, stop), len(path))
        files = list(takewhile(lambda name: b"/" not in name, names))
        found.entries.update(zip(files, range(number, stop), strict=False))
        number, run = number + len(files), min(2 * run, _BLOCK)
        if len(files) < len(names):
            folder = names[len(files)].partition(b"/")[0]
            found.folders.add(folder)
            number, run = bisect_left(everything, path + folder + b"0", lo=number + 1, hi=stop, key=index.path), 1
    return found


def _tracked_by_folder(index: Index) -> dict[bytes, _Tracked]:
    """What the index holds in each folder, all in lower case: a folder may be spelled in several ways."""
    found: defaultdict[bytes, _Tracked] = defaultdict(lambda: _Tracked({}, set()))
    for number in range(len(index)):
        path = index.path(number).lower()
        at = path.rfind(b"/") + 1
        found[path[:at]].entries[path[at:]] = number
        while at:
            above = path.rfind(b"/", 0, at - 1) + 1
            folders = found[path[:above]].folders
            if path[above : at - 1] in folders:
                break
            folders.add(path[above : at - 1])
            at = above
    return found

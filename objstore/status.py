"""One look at a work tree: what may not be what the index says, and what is not tracked. Nothing is written.

Where a private copy of the index is kept (`indexcopy`), it takes the place of the user's: it knows what earlier
snapshots had to read. Untracked files that a snapshot is to hold are entries too, of which nothing is known yet.
"""

import os
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from stat import S_ISDIR, S_ISREG

from .errors import Conflict, GitError, NotFound
from .formats.index import STAGE, Index, edit
from .included import included
from .indexcopy import IndexCopy, Remembered
from .lighttyping import NamedTuple
from .recalled import Recalled
from .repository import Repository
from .scan import RACY_NS, Folders, scan
from .statdata import StatRules
from .untracked import folders_above, untracked

_OPENING = 4096  # what opening a file costs, in bytes read
_RUN = 1024  # entries


class Candidate(NamedTuple):
    """An entry whose file is not what the index says, or may not be: `stat` is None if the file has gone."""

    number: int
    path: bytes
    stat: os.stat_result | None

    def cost(self) -> int:
        """What reading it costs, in bytes."""
        return _OPENING + self.stat.st_size if self.stat and S_ISREG(self.stat.st_mode) else 0


class Status:
    """What one look found: in `index`, which may be the copy, `unsettled` entries and among them `candidates`."""

    def __init__(
        self,
        repository: Repository,
        *,
        extra: Collection[bytes] = (),
        copy: IndexCopy | None = None,
        workers: int = 1,
        names: bool = False,
        recalled: Recalled | None = None,
        as_then: Mapping[bytes, range] | None = None,
    ) -> None:
        """Look at every tracked file, and at the untracked ones that `extra` stands for (`included`).

        `recalled` is what was read of `copy` already, `as_then` are folders with what it said of them (`below`).

        With `names`, what else is untracked is looked for at the same time: `untracked` costs less then. `workers` 2
        lets a forked child do half of it where that is possible. Raises GitError for a bare repository or a path that
        the system refuses, Unsupported and Corrupt for the index, and what `included` does.
        """
        if repository.work_tree is None:
            raise GitError(f"{repository.git_dir}: this must be done in a work tree, and here is none")
        if not os.path.isdir(repository.work_tree):
            raise NotFound(f"the work tree {repository.work_tree} does not exist")
        self.repository, self.copy, self.as_then = repository, copy, as_then or {}
        self.extra = (*extra, *self.as_then)
        self.root = os.fsencode(repository.work_tree) + b"/"
        self.folders = Folders(self.root)
        self.recalled = recalled or Recalled(repository, copy)
        self.began_ns = self.recalled.began_ns
        self.known = self._known(extra, self.as_then.values())
        self.index = self.known.entries
        self.rules = StatRules(repository, self.index.written_ns)
        self.unsettled, self.stamps = scan(
            self.index,
            self.root,
            self.folders,
            columns=self.known.columns,
            workers=workers,
            new=self.new,
            known=(self.known.stamps or {}) if names else None,
            sure_until_ns=self.began_ns - RACY_NS,
        )
        self._left_alone: list[Candidate] = []  # nothing, or a folder, is where a file is that git must not look at
        self.candidates, self.unmerged = self._compare(self.unsettled)

    def _known(self, extra: Collection[bytes], as_then: Collection[range]) -> Remembered:
        """The index to look at, the user's or the copy, with just the entries that are wanted."""
        known, self.is_new, self.new = self.recalled.known, self.recalled.is_new, array("I")
        if not extra and len(set[int]().union(*as_then)) == len(known.included):
            return known
        wanted = included(self.repository, known, extra, self.folders) if extra else []
        if as_then:
            wanted = sorted({*wanted, *(path for each in as_then for path in _paths(known.entries, each))})
        have = _paths(known.entries, known.included)
        if wanted == have:
            return known
        self.is_new = True
        gone, added = set(have).difference(wanted), sorted(set(wanted).difference(have))
        dropped = [number for number, path in zip(known.included, have, strict=True) if path in gone]
        index = edit(known.entries, dropped, added)
        self.new = _numbers(index, added)
        return Remembered(index, _numbers(index, wanted) if have else self.new)

    @property
    def users(self) -> Index:
        """The user's own index, which decides how files are converted."""
        return self.recalled.users

    def _compare(self, numbers: Sequence[int]) -> tuple[list[Candidate], list[bytes]]:
        """Those of the entries that may have changed, and the paths that are unmerged."""
        found = list(self._added())
        unmerged: list[bytes] = []
        for number in numbers:
            path, row = self.index.path(number), self.index.row(number)
            if row.flags & STAGE:
                unmerged += () if path in unmerged[-1:] else (path,)
                continue
            stats = self.rules.lstat(path, row, self.root, self.folders)
            if self.rules.may_differ(row, stats):
                found.append(Candidate(number, path, stats))
            elif stats is None or S_ISDIR(stats.st_mode):
                self._left_alone.append(Candidate(number, path, None))
        found += self._displaced()
        return sorted(found, key=itemgetter(0)) if self.new or self._left_alone else found, unmerged

    def _displaced(self) -> Iterator[Candidate]:
        """Files that git must not look at, in whose place an included file or folder is: they have gone."""
        included = _paths(self.index, self.known.included) if self._left_alone else []
        names, folders = set(included), folders_above(included)
        for each in self._left_alone if included else ():
            if each.path + b"/" in folders or any(above[:-1] in names for above in folders_above([each.path])):
                yield each

    def _added(self) -> Iterator[Candidate]:
        """The files of which nothing is known yet."""
        for number, path in zip(self.new, _paths(self.index, self.new), strict=True):
            try:
                yield Candidate(number, path, os.lstat(self.root + path))
            except OSError as error:
                raise Conflict(f"{os.fsdecode(path)} was there a moment ago: {error.strerror}") from error

    def untracked(self) -> Iterator[bytes]:
        """What is neither tracked nor ignored nor included: paths of files, "dir/" if nothing in it is tracked."""
        seen = (*self.candidates, *self._left_alone)
        gone = [path for _, path, stat in seen if stat is None or S_ISDIR(stat.st_mode)]
        others = None if self.stamps is None else {path for path, stamp in self.stamps.items() if stamp < 0}
        names = ([name for name in path.split(b"/") if name not in (b"", b".")] for path in self.extra)
        taken = {b"".join(name + b"/" for name in each) for each in names}  # of folders among them all that is there
        return untracked(self.repository, self.index, gone=[*gone, *self.unmerged], miscounted=others, taken=taken)


def _paths(index: Index, numbers: Sequence[int]) -> list[bytes]:
    """The paths of entries in order, which often follow each other."""
    if numbers and numbers[-1] - numbers[0] == len(numbers) - 1:
        return index.paths(numbers[0], numbers[-1] + 1)
    return [index.path(number) for number in numbers]


def _numbers(index: Index, paths: Sequence[bytes]) -> "array[int]":
    """The numbers of the entries for paths that are in an index, in order."""
    numbers, at, run = array("I"), 0, 1  # entries that are compared at once
    while wanted := paths[len(numbers) : len(numbers) + run]:
        if index.paths(at, min(at + len(wanted), len(index))) == wanted:
            numbers.extend(range(at, at + len(wanted)))
            at, run = at + len(wanted), min(2 * run, _RUN)
        else:
            at, run = bisect_left(range(len(index)), wanted[0], lo=at, key=index.path), 1
    return numbers

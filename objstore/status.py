"""One look at a work tree: what may not be what the index says, and what is not tracked. Nothing is written.

Where a private copy of the index is kept (`indexcopy`), it takes the place of the user's: it knows what earlier
snapshots had to read. Untracked files that a snapshot is to hold are entries too, of which nothing is known yet.
"""

import os
import time
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property, partial
from operator import itemgetter
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple

from .conversion import fingerprint
from .errors import Conflict, GitError, NotFound
from .formats.index import STAGE, Index, edit, key_of
from .included import included
from .indexcopy import IndexCopy, Remembered
from .repository import Repository
from .scan import RACY_NS, Folders, scan
from .statdata import StatRules
from .untracked import untracked

_OPENING = 4096  # what opening a file costs, in bytes read


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
    ) -> None:
        """Look at every tracked file, and at the untracked ones that `extra` stands for (`included`).

        With `names`, what else is untracked is looked for at the same time: `untracked` costs less then. `workers` 2
        lets a forked child do half of it where that is possible. Raises GitError for a bare repository or a path that
        the system refuses, Unsupported and Corrupt for the index, and what `included` does.
        """
        if repository.work_tree is None:
            raise GitError(f"{repository.git_dir}: this must be done in a work tree, and here is none")
        if not os.path.isdir(repository.work_tree):
            raise NotFound(f"the work tree {repository.work_tree} does not exist")
        self.repository, self.extra, self.copy = repository, extra, copy
        self.root = os.fsencode(repository.work_tree) + b"/"
        self.folders = Folders(self.root)
        self.began_ns = time.time_ns() - RACY_NS  # the clock of the file system's times, which lags behind by a tick
        self.decides = partial(fingerprint, repository)
        self.known = self._known(extra)
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
        self.candidates, self.unmerged = self._compare(self.unsettled)

    def _known(self, extra: Collection[bytes]) -> Remembered:
        """The index to look at, the user's or the copy, with just the entries that are wanted."""
        self.key = self.repository.index.key() if self.copy else b""
        known = self.copy.get(self.key, self.decides) if self.copy else None
        self.is_new = known is None
        if known is None:
            content, written_ns = self.repository.index.read_bytes()
            self.key = key_of(content, self.repository.object_format) if self.copy else b""
            self.users = self.repository.index.decode(content, written_ns)
            known = Remembered(self.users, array("I"))
        self.new = array("I")
        wanted = included(self.repository, known, extra, self.folders) if extra else []
        have = _paths(known)
        if wanted == have:
            return known
        self.is_new = True
        gone, added = set(have).difference(wanted), sorted(set(wanted).difference(have))
        dropped = [number for number, path in zip(known.included, have, strict=True) if path in gone]
        index = edit(known.entries, dropped, added)
        self.new = _numbers(index, added)
        return Remembered(index, _numbers(index, wanted) if have else self.new)

    @cached_property
    def users(self) -> Index:
        """The user's own index, which decides how files are converted."""
        return self.repository.index.read()

    def _compare(self, numbers: Sequence[int]) -> tuple[list[Candidate], list[bytes]]:
        """Those of the entries that may have changed, and the paths that are unmerged."""
        found = [self._added(number) for number in self.new]
        unmerged: list[bytes] = []
        for number in numbers:
            path, row = self.index.path(number), self.index.row(number)
            if row.flags & STAGE:
                unmerged += () if path in unmerged[-1:] else (path,)
                continue
            stats = self.rules.lstat(path, row, self.root, self.folders)
            if self.rules.may_differ(row, stats):
                found.append(Candidate(number, path, stats))
        return sorted(found, key=itemgetter(0)) if self.new else found, unmerged

    def _added(self, number: int) -> Candidate:
        """A file of which nothing is known yet."""
        path = self.index.path(number)
        try:
            return Candidate(number, path, os.lstat(self.root + path))
        except OSError as error:
            raise Conflict(f"{os.fsdecode(path)} was there a moment ago: {error.strerror}") from error

    def untracked(self) -> Iterator[bytes]:
        """What is neither tracked nor ignored nor included: paths of files, "dir/" if nothing in it is tracked."""
        gone = [path for _, path, stat in self.candidates if stat is None or S_ISDIR(stat.st_mode)]
        others = None if self.stamps is None else {path for path, stamp in self.stamps.items() if stamp < 0}
        return untracked(self.repository, self.index, gone=[*gone, *self.unmerged], miscounted=others)


def _paths(known: Remembered) -> list[bytes]:
    """The paths of the entries of untracked files, which often follow each other."""
    index, numbers = known.entries, known.included
    if numbers and numbers[-1] - numbers[0] == len(numbers) - 1:
        return index.paths(numbers[0], numbers[-1] + 1)
    return [index.path(number) for number in numbers]


def _numbers(index: Index, paths: Iterable[bytes]) -> "array[int]":
    """The numbers of the entries for paths that are in an index, in order."""
    numbers, at = array("I"), 0
    for path in paths:
        if at == len(index) or index.path(at) != path:
            at = bisect_left(range(len(index)), path, lo=at, key=index.path)
        numbers.append(at)
        at += 1
    return numbers

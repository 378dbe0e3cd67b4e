"""What is known of a work tree before it is looked at: its index, or the private copy of it (`indexcopy`).

Beside it the question whether all in an untracked folder is as it was remembered, which the times of its folders
answer, without a listing. Nothing is written.
"""

import os
import time
from array import array
from bisect import bisect_left
from functools import cached_property, partial

from .composed import composer
from .conversion import fingerprint
from .formats.cachetree import CachedTree
from .formats.index import Index, key_of
from .formats.objects import GITLINK
from .indexcopy import IndexCopy, Remembered
from .nested import is_repository
from .repository import Repository
from .scan import RACY_NS, Folders, stamp


class Recalled:
    """The entries to start from, `known`: the copy's, or where there is none to believe (`is_new`) the user's."""

    def __init__(self, repository: Repository, copy: IndexCopy | None = None) -> None:
        """Read them. Raises Unsupported and Corrupt for the user's index."""
        self.repository, self.copy = repository, copy
        self.began_ns = time.time_ns() - RACY_NS  # the clock of the file system's times, which lags behind by a tick
        self.decides = partial(fingerprint, repository)
        self.key = repository.index.key() if copy else b""
        known = copy.get(self.key, self.decides) if copy else None
        self.is_new = known is None
        if known is None:
            content, written_ns = repository.index.read_bytes()
            self.key = key_of(content, repository.object_format) if copy else b""
            self.users = repository.index.decode(content, written_ns)
            known = Remembered(self.users, array("I"))
        self.known = known

    @cached_property
    def users(self) -> Index:
        """The user's own index, which decides how files are converted."""
        return self.repository.index.read()

    def below(self, folder: bytes) -> range:
        """The numbers of the entries in a folder ("a/b/") of which all that is in it is remembered as untracked files.

        None of them if it may hold something else now: if it or a folder in it has changed, or something in it is
        tracked or a repository. What rules ignore may be among them.
        """
        config = self.repository.config
        if not folder or composer(config) or config.get_bool("core.ignorecase", False):
            return range(0)
        cached = self.known.entries.tree
        for name in folder.split(b"/")[:-1]:
            cached = cached.children.get(name) if cached else None
        if cached is None or cached.entries < 1:
            return range(0)
        index, others = self.known.entries, self.known.included
        start = bisect_left(range(len(index)), folder, key=index.path)
        stop = start + cached.entries
        if bisect_left(others, stop) - bisect_left(others, start) != cached.entries or self._has_gitlinks(start, stop):
            return range(0)
        return range(start, stop) if self._is_reached(folder) and self._is_as_then(folder, cached) else range(0)

    def _has_gitlinks(self, start: int, stop: int) -> bool:
        """Whether an entry may be a repository. Looks for its mode anywhere in the entries, which is fast."""
        index = self.known.entries
        end = index.offsets[stop] if stop < len(index) else len(index.entries_bytes())
        return index.content.find(GITLINK.to_bytes(4, "big"), index.offsets[start], end) >= 0

    def _is_reached(self, folder: bytes) -> bool:
        """Whether a folder is reached through folders of this repository only."""
        root = os.fsencode(self.repository.work_tree or "") + b"/"
        ends = [at + 1 for at, letter in enumerate(folder) if letter == 0x2F]
        return Folders(root).is_real(folder) and not any(
            is_repository(root + folder[:at], self.repository) for at in ends
        )

    def _is_as_then(self, folder: bytes, cached: CachedTree) -> bool:
        """Whether no names have come to a folder and those in it, and none have gone."""
        root, then = os.fsencode(self.repository.work_tree or "") + b"/", self.known.stamps or {}
        todo = [(folder, cached)]
        while todo:
            path, node = todo.pop()
            now = stamp(root + path, self.began_ns - RACY_NS)
            if node.entries < 1 or now <= 0 or then.get(path) != now:
                return False
            todo += [(path + name + b"/", child) for name, child in node.children.items()]
        return True

"""The trees of an index with some entries changed, stored. Only folders with a change cost anything.

Where the index's TREE extension knows the tree of a folder and nothing below it has changed, that id is taken: it is
what git's own `write-tree` does. Authority: git's `cache-tree.c`.
"""

from bisect import bisect_left
from collections.abc import Container, Mapping

from .formats.cachetree import CachedTree
from .formats.index import INTENT_TO_ADD, Index
from .formats.objects import TREE, TreeEntry, encode_tree
from .ids import Kind, ObjectId
from .lighttyping import NamedTuple, Protocol
from .stores.objectstore import ObjectStore

_RUN = 1024  # entries that are read at once
Stored = tuple[int, ObjectId]  # mode and id of what is at a path


class Written(NamedTuple):
    """The trees of an index: the root with all folders below it, and the trees in which nothing comes from elsewhere.

    What the latter hold, and the folders in it, was stored just now: in none of them is an entry taken from the index.
    """

    root: CachedTree
    complete: list[ObjectId]


class ObjectSink(Protocol):
    """Where new objects go: the object store itself, or a writer of many at once."""

    def write(self, kind: Kind, content: bytes) -> ObjectId:
        """Store an object, or keep the one that is there; return its id."""


def write_tree(
    objects: ObjectStore,
    sink: ObjectSink,
    index: Index,
    changes: Mapping[int, Stored | None],
    *,
    passing: Container[int] = (),
    stored: Container[int] = (),
) -> Written:
    """Store the trees of `index`.

    `changes` says by number of the entry what it is instead, None for an entry that is left out. A folder without
    entries is left out too, and what is only intended to be added. That the blobs exist is taken on faith. A folder in
    the result has no id where its tree is not the one of the index's entries with their changes, because something is
    left out or its change is one of `passing`, which nobody will remember; the root always has one. `stored` are those
    of `changes` whose blobs were stored for this.
    """
    writer = _Writer(objects, sink, index, changes, passing, stored)
    number = 0
    while number < len(index):
        number = writer.take(number)
    return writer.close()


class _Folder:
    """A folder whose entries are being collected. `path` ends with "/", except the root's, which is empty."""

    __slots__ = ("cached", "children", "entries", "is_complete", "left_out", "path", "run", "start")

    def __init__(self, path: bytes, cached: CachedTree | None, start: int) -> None:
        self.path, self.cached, self.start = path, cached, start
        self.entries: list[TreeEntry] = []
        self.children: dict[bytes, CachedTree] = {}
        self.left_out, self.is_complete = False, True
        self.run = 1  # entries to read at once


class _Writer:
    """The folders from the root to where the walk through the index is. Not recursive: folders may be very deep."""

    def __init__(
        self,
        objects: ObjectStore,
        sink: ObjectSink,
        index: Index,
        changes: Mapping[int, Stored | None],
        passing: Container[int],
        stored: Container[int],
    ) -> None:
        self._objects, self._sink, self._index, self._changes = objects, sink, index, changes
        self._passing, self._stored = passing, stored
        self._complete: list[ObjectId] = []
        self._numbers = sorted(changes)
        self._open = [_Folder(b"", index.tree, 0)]

    def take(self, number: int) -> int:
        """Add entry `number`, or the whole unchanged folder that starts with it; return the next one to take."""
        path = self._index.path(number)
        while not path.startswith(self._open[-1].path):
            self._close_folder(number)
        while True:
            folder = self._open[-1]
            slash = path.find(b"/", len(folder.path))
            if slash < 0:
                return self._add_from(number, folder)
            name, below = path[len(folder.path) : slash], path[: slash + 1]
            cached = folder.cached.children.get(name) if folder.cached else None
            if cached and cached.id and self._unchanged(cached, number, below) and self._objects.has(cached.id):
                folder.entries.append(TreeEntry(TREE, name, cached.id))
                folder.children[name] = cached
                folder.is_complete = False
                return number + cached.entries
            self._open.append(_Folder(below, cached, number))

    def _add_from(self, number: int, folder: _Folder) -> int:
        """Add entry `number`, which is in `folder` itself, and some behind it that are, too; return the next one."""
        start, size = folder.path, len(folder.path)
        for path in self._index.paths(number, min(number + folder.run, len(self._index))):
            if not path.startswith(start) or path.find(b"/", size) >= 0:
                folder.run = 1
                return number
            self._add(number, path[size:], folder)
            number += 1
        folder.run = min(2 * folder.run, _RUN)
        return number

    def _add(self, number: int, name: bytes, folder: _Folder) -> None:
        if number in self._changes:
            now = self._changes[number]
        else:
            row = self._index.row(number)
            now = None if row.extended & INTENT_TO_ADD else (row.mode, row.id)
        if now:
            folder.entries.append(TreeEntry(now[0], name, now[1]))
        if not now or number in self._passing:
            folder.left_out = True
        if now and number not in self._stored:
            folder.is_complete = False

    def _unchanged(self, cached: CachedTree, start: int, below: bytes) -> bool:
        """Whether `cached` is about just the entries from `start` on that lie in `below`, and none of them changed."""
        after = start + cached.entries
        if cached.entries < 1 or after > len(self._index):
            return False
        at = bisect_left(self._numbers, start)
        return (
            (at == len(self._numbers) or self._numbers[at] >= after)
            and self._index.path(after - 1).startswith(below)
            and (after == len(self._index) or not self._index.path(after).startswith(below))
        )

    def _close_folder(self, end: int) -> None:
        """Store the innermost folder, whose last entry is the one before `end`."""
        folder, parent = self._open.pop(), self._open[-1]
        name = folder.path[len(parent.path) : -1]
        id_ = self._store(folder) if folder.entries else None
        if id_:
            parent.entries.append(TreeEntry(TREE, name, id_))
        parent.is_complete &= folder.is_complete
        known = None if folder.left_out else id_
        parent.children[name] = CachedTree(end - folder.start if known else -1, known, folder.children)
        parent.left_out |= known is None

    def _store(self, folder: _Folder) -> ObjectId:
        id_ = self._sink.write("tree", encode_tree(folder.entries))
        if folder.is_complete:
            self._complete.append(id_)
        return id_

    def close(self) -> Written:
        """Store what is open and return what was made."""
        while len(self._open) > 1:
            self._close_folder(len(self._index))
        root = self._open[0]
        id_ = self._store(root)
        return Written(CachedTree(-1 if root.left_out else len(self._index), id_, root.children), self._complete)

"""The trees of an index with some entries changed, stored. Only folders with a change cost anything.

Where the index's TREE extension knows the tree of a folder and nothing below it has changed, that id is taken: it is
what git's own `write-tree` does. Authority: git's `cache-tree.c`.
"""
from bisect import bisect_left
from collections.abc import Container, Mapping
from typing import Protocol

from .formats.cachetree import CachedTree
from .formats.index import INTENT_TO_ADD, Index
from .formats.objects import TREE, TreeEntry, encode_tree
from .ids import Kind, ObjectId
from .stores.objectstore import ObjectStore

Stored = tuple[int, ObjectId]  # mode and id of what is at a path


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
) -> CachedTree:
    """Store the trees of `index`, and return the root with all folders below it.

    `changes` says by number of the entry what it is instead, None for an entry that is left out. A folder without
    entries is left out too, and what is only intended to be added. That the blobs exist is taken on faith. A folder in
    the result has no id where its tree is not the one of the index's entries with their changes, because something is
    left out or its change is one of `passing`, which nobody will remember; the root always has one.
    """
    writer = _Writer(objects, sink, index, changes, passing)
    number = 0
    while number < len(index):
        number = writer.take(number)
    return writer.close()


class _Folder:
    """A folder whose entries are being collected. `path` ends with "/", except the root's, which is empty."""

    __slots__ = ("cached", "children", "entries", "left_out", "path", "start")

    def __init__(self, path: bytes, cached: CachedTree | None, start: int) -> None:
        self.path, self.cached, self.start = path, cached, start
        self.entries: list[TreeEntry] = []
        self.children: dict[bytes, CachedTree] = {}
        self.left_out = False


class _Writer:
    """The folders from the root to where the walk through the index is. Not recursive: folders may be very deep."""

    def __init__(
        self,
        objects: ObjectStore,
        sink: ObjectSink,
        index: Index,
        changes: Mapping[int, Stored | None],
        passing: Container[int],
    ) -> None:
        self._objects, self._sink, self._index, self._changes = objects, sink, index, changes
        self._passing = passing
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
                self._add(number, path[len(folder.path) :])
                return number + 1
            name, below = path[len(folder.path) : slash], path[: slash + 1]
            cached = folder.cached.children.get(name) if folder.cached else None
            if cached and cached.id and self._unchanged(cached, number, below) and self._objects.has(cached.id):
                folder.entries.append(TreeEntry(TREE, name, cached.id))
                folder.children[name] = cached
                return number + cached.entries
            self._open.append(_Folder(below, cached, number))

    def _add(self, number: int, name: bytes) -> None:
        if number in self._changes:
            now = self._changes[number]
        else:
            row = self._index.row(number)
            now = None if row.extended & INTENT_TO_ADD else (row.mode, row.id)
        if now:
            self._open[-1].entries.append(TreeEntry(now[0], name, now[1]))
        if not now or number in self._passing:
            self._open[-1].left_out = True

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
        id_ = self._sink.write("tree", encode_tree(folder.entries)) if folder.entries else None
        if id_:
            parent.entries.append(TreeEntry(TREE, name, id_))
        known = None if folder.left_out else id_
        parent.children[name] = CachedTree(end - folder.start if known else -1, known, folder.children)
        parent.left_out |= known is None

    def close(self) -> CachedTree:
        """Store what is open and return the root."""
        while len(self._open) > 1:
            self._close_folder(len(self._index))
        root = self._open[0]
        id_ = self._sink.write("tree", encode_tree(root.entries))
        return CachedTree(-1 if root.left_out else len(self._index), id_, root.children)

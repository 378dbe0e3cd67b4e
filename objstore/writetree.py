"""The trees of an index with some entries changed, stored. Only folders with a change cost anything.

Where the index's TREE extension knows the tree of a folder and nothing below it has changed, that id is taken: it is
what git's own `write-tree` does. Authority: git's `cache-tree.c`.
"""
from bisect import bisect_left
from collections.abc import Mapping

from .formats.index import CachedTree, Index
from .formats.objects import TREE, TreeEntry, encode_tree
from .ids import ObjectId
from .stores.objectstore import ObjectStore

Stored = tuple[int, ObjectId]  # mode and id of what is at a path


def write_tree(objects: ObjectStore, index: Index, changes: Mapping[int, Stored | None]) -> ObjectId:
    """Store the trees of `index` and return the root's id.

    `changes` says by number of the entry what it is instead, None for an entry that is left out. A folder without
    entries is left out too. Trees that TREE names are taken on faith: the caller makes sure that they exist.
    """
    writer = _Writer(objects, index, changes)
    number = 0
    while number < len(index):
        number = writer.take(number)
    return writer.close()


class _Folder:
    """A folder whose entries are being collected. `path` ends with "/", except the root's, which is empty."""

    __slots__ = ("cached", "entries", "path")

    def __init__(self, path: bytes, cached: CachedTree | None) -> None:
        self.path, self.cached = path, cached
        self.entries: list[TreeEntry] = []


class _Writer:
    """The folders from the root to where the walk through the index is. Not recursive: folders may be very deep."""

    def __init__(self, objects: ObjectStore, index: Index, changes: Mapping[int, Stored | None]) -> None:
        self._objects, self._index, self._changes = objects, index, changes
        self._numbers = sorted(changes)
        self._open = [_Folder(b"", index.tree)]

    def take(self, number: int) -> int:
        """Add entry `number`, or the whole unchanged folder that starts with it; return the next one to take."""
        path = self._index.path(number)
        while not path.startswith(self._open[-1].path):
            self._close_folder()
        while True:
            folder = self._open[-1]
            slash = path.find(b"/", len(folder.path))
            if slash < 0:
                self._add(number, path[len(folder.path) :])
                return number + 1
            name, below = path[len(folder.path) : slash], path[: slash + 1]
            cached = folder.cached.children.get(name) if folder.cached else None
            if cached and cached.id and self._unchanged(cached, number, below):
                folder.entries.append(TreeEntry(TREE, name, cached.id))
                return number + cached.entries
            self._open.append(_Folder(below, cached))

    def _add(self, number: int, name: bytes) -> None:
        row = self._index.row(number)
        now = self._changes.get(number, (row.mode, row.id))
        if now:
            self._open[-1].entries.append(TreeEntry(now[0], name, now[1]))

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

    def _close_folder(self) -> None:
        folder = self._open.pop()
        if folder.entries:
            id_ = self._objects.write("tree", encode_tree(folder.entries))
            name = folder.path[len(self._open[-1].path) : -1]
            self._open[-1].entries.append(TreeEntry(TREE, name, id_))

    def close(self) -> ObjectId:
        """Store what is open and return the root's id."""
        while len(self._open) > 1:
            self._close_folder()
        root = self._open[0]
        if not self._changes and root.cached and root.cached.id and root.cached.entries == len(self._index):
            return root.cached.id
        return self._objects.write("tree", encode_tree(root.entries))

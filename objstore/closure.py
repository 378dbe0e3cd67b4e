"""Everything that is reachable from some objects and not from others: what a push has to send.

Commits are chosen by `history.py`. Their trees are compared with those at the edge of what the other side has, one path
at a time for all commits, and only where they differ are they entered; of a tree only that is decoded in which it
differs from the one looked at before it. So an object that the other side has at another path, or in older commits
only, may be among what is yielded; nothing that it lacks is ever left out. Submodules are not entered.
Authority: git-rev-list(1), "--objects"; git's `list-objects.c`, `technical/partial-clone`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from stat import S_ISDIR

from .errors import Corrupt, NotFound
from .formats.deltaencode import common_prefix, common_suffix
from .formats.objects import GITLINK, TreeEntry, decode_tree
from .history import nodes
from .ids import Kind, ObjectId
from .lighttyping import NamedTuple
from .repository import Repository
from .stores.objectstore import ObjectStore


class Reached(NamedTuple):
    """An object. `hint` is a path at which it was met, or the name of a tag; empty for commits and root trees.

    `old` is an object that the other side has at that path.
    """

    id: ObjectId
    kind: Kind
    hint: bytes
    old: ObjectId | None = None


def objects_between(
    repository: Repository,
    wants: Iterable[ObjectId],
    haves: Iterable[ObjectId] = (),
    *,
    cut: Collection[ObjectId] = (),
) -> Iterator[Reached]:
    """What is reachable from `wants` and not from `haves`, each object once: tags, commits, trees and blobs.

    Both may name objects of any kind; `haves` that the repository does not have are passed over. Commits come newest
    first, a tree before what is in it. The parents of the commits `cut` count as absent on both sides. Raises NotFound
    for an object that is missing, unless a promisor remote has it (partial clone): then it is left out.
    """
    objects = repository.objects
    old = _Roots(objects, objects.here(haves))
    new = _Roots(objects, wants)
    seen = {tag.id for tag in old.tags} | set(old.blobs)
    yield from (tag for tag in new.tags if tag.id not in seen)
    shown: set[ObjectId] = set()
    edge: set[ObjectId] = set()
    for id_, node in nodes(repository, new.commits, without=old.commits, cut=cut):
        yield Reached(id_, "commit", b"")
        shown.add(id_)
        edge.update(node.parents)
        new.trees.append(node.tree)
    old.trees += _trees_of(objects, edge - shown)
    yield from _Contents(objects, seen).between(new, old)


class _Roots:
    """Objects that a closure starts from, by kind, tags followed."""

    def __init__(self, objects: ObjectStore, ids: Iterable[ObjectId]) -> None:
        self.tags: dict[Reached, None] = {}
        self.commits: list[ObjectId] = []
        self.trees: list[ObjectId] = []
        self.blobs: list[ObjectId] = []
        for id_ in ids:
            while (kind := objects.find_kind(id_)) == "tag":
                tag = objects.find_tag(id_)
                self.tags[Reached(id_, kind, tag.name)] = None
                id_ = tag.target
            {"commit": self.commits, "tree": self.trees, "blob": self.blobs}[kind].append(id_)


def _trees_of(objects: ObjectStore, commits: Iterable[ObjectId]) -> Iterator[ObjectId]:
    """The trees of commits that the other side has; we need not have them."""
    for id_ in commits:
        if objects.has(id_):
            yield objects.find_commit(id_).tree


class _Contents:
    """Trees and blobs. `seen` is what was yielded already or need not be."""

    def __init__(self, objects: ObjectStore, seen: set[ObjectId]) -> None:
        self._objects, self._seen = objects, seen
        self._may_lack = objects.is_partial()

    def between(self, new: _Roots, old: _Roots) -> Iterator[Reached]:
        """What is in the trees of `new`, and its blobs, but not in the trees of `old`."""
        self._seen.update(old.trees)
        yield from (Reached(id_, "blob", b"") for id_ in new.blobs if self._is_first(id_))
        roots = [id_ for id_ in new.trees if self._is_first(id_, is_read=True)]
        root = next(iter(old.trees), None)
        yield from (Reached(id_, "tree", b"", root) for id_ in roots)
        todo = [(b"", roots, set(old.trees))]
        while todo:
            path, trees, olds = todo.pop()
            news = _Trees(self._objects)
            below, known = self._enter(olds, news)
            folders: dict[bytes, list[ObjectId]] = {}
            for tree in trees:
                for mode, name, id_ in news.changes(tree):
                    if mode == GITLINK or not self._is_first(id_, is_read=S_ISDIR(mode)):
                        continue
                    yield Reached(id_, "tree" if S_ISDIR(mode) else "blob", path + name, known.get(name))
                    if S_ISDIR(mode):
                        folders.setdefault(name, []).append(id_)
            todo += [(path + name + b"/", ids, below.get(name, set())) for name, ids in folders.items()]

    def _enter(
        self, olds: Iterable[ObjectId], news: "_Trees"
    ) -> tuple[dict[bytes, set[ObjectId]], dict[bytes, ObjectId]]:
        """Note what is in trees of the other side; return the folders in them by name, and one object of each name."""
        below: dict[bytes, set[ObjectId]] = {}
        known: dict[bytes, ObjectId] = {}
        for tree in olds:
            for mode, name, id_ in news.changes(tree) if self._objects.has(tree) else ():
                self._seen.add(id_)
                known[name] = id_
                if S_ISDIR(mode):
                    below.setdefault(name, set()).add(id_)
        return below, known

    def _is_first(self, id_: ObjectId, *, is_read: bool = False) -> bool:
        """Whether an object is met for the first time; raises NotFound if it must be here and is not.

        With `is_read` it will be read, which raises the same.
        """
        if id_ in self._seen:
            return False
        self._seen.add(id_)
        if is_read and not self._may_lack:
            return True
        is_here = self._objects.has(id_)
        if not (is_here or self._may_lack):
            raise NotFound(f"object {id_} is missing")
        return is_here


class _Trees:
    """The trees at one path, each compared with the one before: most entries of a folder stay what they were."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._content, self._starts = b"", [0]  # of the tree before; where its entries start, and its end

    def changes(self, tree: ObjectId) -> list[TreeEntry]:
        """The entries of a tree, some or all of those left out that the one before has too.

        What two trees begin with means the same in both. What they end with does if an entry ends where it begins.
        """
        kind, content = self._objects.find(tree)
        if kind != "tree":
            raise Corrupt(f"object {tree}", None, f"a {kind}, where a tree is needed")
        before, starts, self._content = self._content, self._starts, content
        first = bisect_right(starts, common_prefix(before, content)) - 1
        start, shift = starts[first], len(content) - len(before)
        same = common_suffix(before, content, min(len(before), len(content)) - start)
        last = bisect_left(starts, len(before) - same)
        try:
            found = decode_tree(content[start : starts[last] + shift], self._objects.form, f"tree {tree}")
        except Corrupt:
            first, last, start = 0, len(starts) - 1, 0
            found = decode_tree(content, self._objects.form, f"tree {tree}")
        kept = starts[last + 1 :]
        moved = [at + shift for at in kept] if shift else kept
        self._starts = [*starts[:first], start, *self._ends(start, len(found)), *moved]
        return found

    def _ends(self, at: int, count: int) -> Iterator[int]:
        """Where each of the `count` entries from byte `at` on ends."""
        for _ in range(count):
            at = self._content.index(b"\0", at) + 1 + self._objects.form.width
            yield at

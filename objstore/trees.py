"""Questions about trees: what is at a path, where two differ. Reads objects, writes nothing."""

from collections.abc import Container, Iterable, Iterator

from .formats.objects import GITLINK, TREE, TreeEntry
from .ids import ObjectId
from .lighttyping import NamedTuple
from .stores.objectstore import ObjectStore


class Difference(NamedTuple):
    """A path that is not the same in two trees; None on the side where nothing is."""

    path: bytes
    old: TreeEntry | None
    new: TreeEntry | None


def get_entry(objects: ObjectStore, tree: ObjectId, path: bytes) -> TreeEntry | None:
    """What a tree holds at `path` ("a/b", relative to it); None if nothing is there."""
    entry = TreeEntry(TREE, b"", tree)
    for name in path.split(b"/"):
        if entry.mode != TREE:
            return None
        found = next((each for each in objects.find_tree(entry.id) if each.name == name), None)
        if found is None:
            return None
        entry = found
    return entry


def get_blob(objects: ObjectStore, tree: ObjectId, path: bytes) -> bytes | None:
    """The content of the file or link that a tree holds at `path`; None if there is none.

    Raises NotFound if the tree names a blob that the repository does not have.
    """
    entry = get_entry(objects, tree, path)
    if entry is None or entry.mode in (TREE, GITLINK):
        return None
    return objects.find(entry.id).content


def flatten(objects: ObjectStore, tree: ObjectId) -> Iterator[tuple[bytes, TreeEntry]]:
    """Every file, link and submodule of a tree with its path, in the order of the tree: `git ls-tree -r`.

    Raises NotFound if a folder is missing.
    """
    todo = [(b"", TreeEntry(TREE, b"", tree))]
    while todo:
        path, entry = todo.pop()
        if entry.mode != TREE:
            yield path, entry
            continue
        below = path + b"/" if path else b""
        todo += ((below + each.name, each) for each in reversed(objects.find_tree(entry.id)))


def differences(objects: ObjectStore, old: ObjectId | None, new: ObjectId | None) -> Iterator[Difference]:
    """Where two trees differ, folders among them, before what is in them; in no order otherwise.

    Costs as many tree reads as there are folders that differ. Submodules are not entered. Raises NotFound if a folder
    is missing.
    """
    todo = [Difference(b"", _as_entry(old), _as_entry(new))]
    while todo:
        path, before, after = todo.pop()
        if before and after and before.id == after.id and before.mode == after.mode:
            continue
        if path:
            yield Difference(path, before, after)
        lists = [objects.find_tree(each.id) if each and each.mode == TREE else [] for each in (before, after)]
        below = path + b"/" if path else b""
        olds, news = ({entry.name: entry for entry in entries} for entries in lists)
        todo += (Difference(below + name, olds.get(name), news.get(name)) for name in olds.keys() | news.keys())


def _as_entry(tree: ObjectId | None) -> TreeEntry | None:
    return TreeEntry(TREE, b"", tree) if tree else None


def additions(
    objects: ObjectStore, olds: Iterable[ObjectId], new: ObjectId, known: Container[bytes] = ()
) -> Iterator[tuple[bytes, TreeEntry]]:
    """What a tree holds that none of `olds` has at the same path: folders, before what is in them, and the rest.

    What has one of the `known` ids is left out, with all that is in it. Costs as many tree reads as `differences`.
    """
    todo = [(b"", tuple(olds), new)]
    while todo:
        path, before, tree = todo.pop()
        tables = [{each.name: each for each in objects.find_tree(old)} for old in before]
        for entry in objects.find_tree(tree):
            same = [table[entry.name] for table in tables if entry.name in table]
            if entry.id in known or entry in same:
                continue
            yield path + entry.name, entry
            if entry.mode == TREE:
                todo.append((path + entry.name + b"/", tuple(each.id for each in same if each.mode == TREE), entry.id))

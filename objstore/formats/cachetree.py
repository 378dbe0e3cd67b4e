"""The TREE extension of the index: for each folder the tree that its entries make, and how many entries those are.

    folder      name, NUL, number of entries (-1: the tree has to be made anew), blank, number of folders in it, "\\n",
                the id of the tree unless it has to be made anew; then the folders in it, one after the other

It is only ever a short cut: what is broken is taken for absent. Authority: gitformat-index(5), "Cache tree".
"""

from collections.abc import Iterable

from ..ids import ObjectFormat, ObjectId
from ..lighttyping import NamedTuple


class CachedTree(NamedTuple):
    """The tree that a folder of the index would make; `entries` is -1 and `id` None if it has to be made anew."""

    entries: int
    id: ObjectId | None
    children: dict[bytes, "CachedTree"]


def decode_tree_cache(content: bytes, form: ObjectFormat) -> CachedTree | None:
    """The root with all folders below it, in depth-first order; None if there is none or anything is broken."""
    root: CachedTree | None = None
    open_: list[tuple[CachedTree, int]] = []  # folders and how many of their children are still to come
    at = 0
    while at < len(content):
        stop = content.find(b"\0", at)
        line = content.find(b"\n", stop)
        if stop < 0 or line < 0:
            return None
        try:
            count, children = map(int, content[stop + 1 : line].split(b" "))
        except ValueError:
            return None
        name, at = content[at:stop], line + 1
        id_ = ObjectId(content[at : at + form.width]) if count >= 0 else None
        at += form.width if count >= 0 else 0
        if at > len(content) or children < 0 or (root is not None and not open_):
            return None
        node = CachedTree(count, id_, {})
        if open_:
            parent, left = open_.pop()
            parent.children[name] = node
            if left > 1:
                open_.append((parent, left - 1))
        else:
            root = node
        if children:
            open_.append((node, children))
    return None if open_ else root


def encode_tree_cache(root: CachedTree) -> bytes:
    """The TREE extension of these folders."""
    parts, todo = [], [(b"", root)]
    while todo:
        name, node = todo.pop()
        count = node.entries if node.id else -1
        known = node.id if node.id and count >= 0 else b""
        parts.append(b"%s\0%d %d\n%s" % (name, count, len(node.children), known))
        todo += reversed(node.children.items())
    return b"".join(parts)


def forget_above(root: CachedTree, paths: Iterable[bytes]) -> CachedTree:
    """The same folders, where those with one of `paths` in or below them have to be made anew. Changes `root`.

    A folder "a/b/" among `paths` stands for something in it.
    """
    root = CachedTree(-1, None, root.children)
    for path in paths:
        folder = root
        for name in path.split(b"/")[:-1]:
            child = folder.children.get(name)
            if child is None:
                break
            if child.id:
                child = folder.children[name] = CachedTree(-1, None, child.children)
            folder = child
    return root

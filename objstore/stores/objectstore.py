"""All objects of a repository: its loose ones, its packs, and those it borrows from alternates.

Reading looks everywhere; writing goes to the repository's own folder and never replaces anything. An object that is
here already is freshened, because `git gc` may be about to take it; what cannot be freshened is written anew.
Authority: gitrepository-layout(5), "objects"; git's `object-file.c` (`freshen_packed_object`).
"""
import os
from collections.abc import Iterator
from typing import BinaryIO

from ..errors import Corrupt, NotFound, Unsupported
from ..formats.objects import Commit, TreeEntry, decode_commit, decode_tree
from ..formats.tag import Tag, decode_tag
from ..ids import Kind, ObjectFormat, ObjectId
from ..progress import SILENT, Progress
from .files import Sharing, read_file
from .loose import LooseStore, StoredObject
from .packs import PackStore

DEEPEST_ALTERNATE = 5  # as git


class ObjectStore:
    """The objects of a repository, its own first."""

    def __init__(self, path: str, form: ObjectFormat, sharing: Sharing) -> None:
        """Look at the folder `path`; alternates are read when something is not in it."""
        self.form, self.path, self.sharing = form, path, sharing
        self._loose, self._packs = LooseStore(path, form, sharing), PackStore(path + "/pack", form)
        self._borrowed: list[tuple[LooseStore, PackStore]] | None = None
        self._empty_tree = form.name_object("tree", b"")

    def _places(self) -> Iterator[tuple[LooseStore, PackStore]]:
        yield self._loose, self._packs
        if self._borrowed is None:
            self._borrowed = [
                (LooseStore(path, self.form, self.sharing), PackStore(path + "/pack", self.form))
                for path in alternates(self.path)
            ]
        yield from self._borrowed

    def _rescan(self) -> bool:
        """After a miss: look for packs that came meanwhile; whether there are any."""
        return sum(packs.rescan() for _, packs in self._places()) > 0  # all of them

    def get(self, id_: bytes) -> StoredObject | None:
        """Read an object; None if it is not here. Raises Corrupt if it is broken.

        The empty tree is always here, as for git: scripts name it without ever storing it.
        """
        for _ in range(2):
            for loose, packs in self._places():
                found = packs.get(id_) or loose.get(id_)
                if found:
                    return found
            if not self._rescan():
                break
        last_look = filter(None, (loose.get(id_) for loose, _ in self._places()))
        return next(last_look, StoredObject("tree", b"") if id_ == self._empty_tree else None)

    def find(self, id_: ObjectId) -> StoredObject:
        """Read an object; raises NotFound if it is not here, Corrupt if it is broken."""
        found = self.get(id_)
        if found is None:
            raise NotFound(f"object {id_} is missing from {self.path}")
        return found

    def find_size(self, id_: ObjectId) -> int:
        """The size of an object in bytes, without reading it whole; raises NotFound if it is not here."""
        for _ in range(2):
            for loose, packs in self._places():
                place = packs.locate(id_)
                size = place[0].size(place[1]) if place else loose.size(id_)
                if size is not None:
                    return size
            if not self._rescan():
                break
        raise NotFound(f"object {id_} is missing from {self.path}")

    def find_kind(self, id_: ObjectId) -> Kind:
        """The kind of an object, without reading it whole; raises NotFound if it is not here."""
        for _ in range(2):
            for loose, packs in self._places():
                place = packs.locate(id_)
                kind = place[0].kind(place[1]) if place else loose.kind(id_)
                if kind is not None:
                    return kind
            if not self._rescan():
                break
        return self.find(id_).kind

    def ids_starting_with(self, digits: str) -> set[ObjectId]:
        """The objects whose hexadecimal id starts with `digits`: two of them at least, in small letters."""
        for _ in range(2):
            found = {id_ for place in self._places() for store in place for id_ in store.ids_starting_with(digits)}
            if found or not self._rescan():
                break
        return found

    def is_partial(self) -> bool:
        """Whether objects may be missing because a promisor remote has them (a partial clone)."""
        return any(packs.has_promises() for _, packs in self._places())

    def has(self, id_: bytes) -> bool:
        """Whether an object is here; its content is not looked at."""
        return (
            any(self._in(place, id_) for place in self._places())
            or (self._rescan() and any(self._in(place, id_) for place in self._places()))
            or id_ == self._empty_tree
        )

    @staticmethod
    def _in(place: tuple[LooseStore, PackStore], id_: bytes) -> bool:
        loose, packs = place
        return packs.locate(id_) is not None or loose.has(id_)

    def find_tree(self, id_: ObjectId) -> list[TreeEntry]:
        """The entries of a tree; raises NotFound, or Corrupt if it is something else."""
        return decode_tree(self._find(id_, "tree"), self.form, f"tree {id_}")

    def find_commit(self, id_: ObjectId) -> Commit:
        """A commit; raises NotFound, or Corrupt if it is something else."""
        return decode_commit(self._find(id_, "commit"), self.form, f"commit {id_}")

    def find_tag(self, id_: ObjectId) -> Tag:
        """An annotated tag; raises NotFound, or Corrupt if it is something else."""
        return decode_tag(self._find(id_, "tag"), self.form, f"tag {id_}")

    def _find(self, id_: ObjectId, kind: Kind) -> bytes:
        found = self.find(id_)
        if found.kind != kind:
            raise Corrupt(f"object {id_}", None, f"a {found.kind}, where a {kind} is needed")
        return found.content

    def freshen(self, id_: bytes) -> bool:
        """Keep an object that is here from the next `git gc`; False if it is not here or cannot be kept."""
        if self._loose.freshen(id_) or self.freshen_packed(id_):
            return True
        return self._packs.rescan() and self.freshen_packed(id_)

    def freshen_packed(self, id_: bytes) -> bool:
        """The same for an object in a pack that is known already."""
        place = self._packs.locate(id_)
        return place is not None and place[0].freshen()

    def loose_ids(self) -> set[ObjectId]:
        """The loose objects of the repository itself."""
        return set(self._loose.ids())

    def rescan(self) -> None:
        """Look for packs that were written since the last look."""
        self._packs.rescan()

    def write(self, kind: Kind, content: bytes) -> ObjectId:
        """Store an object and return its id. What is here already is freshened instead."""
        id_ = self.form.name_object(kind, content)
        return id_ if self.freshen(id_) else self._loose.write(kind, content)

    def write_blob(self, stream: BinaryIO, size: int, progress: Progress = SILENT) -> ObjectId:
        """Store a blob of `size` bytes from a stream, in blocks. Raises Conflict if it has another size."""
        return self._loose.write_blob(stream, size, progress)

    def keep(self, id_: ObjectId) -> None:
        """Make sure that an object which is about to be referred to stays: freshened, or written again.

        Raises NotFound if it is not here.
        """
        if not self.freshen(id_):
            self._loose.write(*self.find(id_))


def alternates(path: str) -> list[str]:
    """The object folders that `path` borrows from, nearest first, each once. Source: gitrepository-layout(5)."""
    found: list[str] = []
    queue = [(path, 0)]
    for folder, depth in queue:
        listed = read_file(f"{folder}/info/alternates") or b""
        for line in listed.split(b"\n"):
            if not line or line.startswith(b"#"):
                continue
            if line.startswith(b'"'):
                raise Unsupported(f"the quoted path {os.fsdecode(line)}", f"{folder}/info/alternates")
            other = os.path.normpath(os.path.join(folder, os.fsdecode(line)))
            if other not in found and other != path and depth < DEEPEST_ALTERNATE and os.path.isdir(other):
                found.append(other)
                queue.append((other, depth + 1))
    return found

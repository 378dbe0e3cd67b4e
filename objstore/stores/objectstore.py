"""All objects of a repository: its loose ones, its packs, and those it borrows from alternates.

Reading looks everywhere; writing goes to the repository's own folder and never replaces anything. An object that is here
already is freshened, because `git gc` may be about to take it; what cannot be freshened is written anew.
Authority: gitrepository-layout(5), "objects"; git's `object-file.c` (`freshen_packed_object`).
"""
import os
from collections.abc import Iterator
from typing import BinaryIO

from ..errors import Corrupt, GitError, NotFound
from ..formats.objects import Commit, TreeEntry, decode_commit, decode_tree
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
        self.form, self._path, self._sharing = form, path, sharing
        self._loose, self._packs = LooseStore(path, form, sharing), PackStore(path + "/pack", form)
        self._borrowed: list[tuple[LooseStore, PackStore]] | None = None

    def _places(self) -> Iterator[tuple[LooseStore, PackStore]]:
        yield self._loose, self._packs
        if self._borrowed is None:
            paths = alternates(self._path)
            self._borrowed = [(LooseStore(p, self.form, self._sharing), PackStore(p + "/pack", self.form)) for p in paths]
        yield from self._borrowed

    def _rescan(self) -> bool:
        """After a miss: look for packs that came meanwhile; whether there are any."""
        return sum(packs.rescan() for _, packs in self._places()) > 0  # all of them

    def get(self, id_: bytes) -> StoredObject | None:
        """Read an object; None if it is not here. Raises Corrupt if it is broken."""
        for _ in range(2):
            for loose, packs in self._places():
                found = packs.get(id_) or loose.get(id_)
                if found:
                    return found
            if not self._rescan():
                break
        return next(filter(None, (loose.get(id_) for loose, _ in self._places())), None)

    def find(self, id_: ObjectId) -> StoredObject:
        """Read an object; raises NotFound if it is not here, Corrupt if it is broken."""
        found = self.get(id_)
        if found is None:
            raise NotFound(f"object {id_} is missing from {self._path}")
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
        raise NotFound(f"object {id_} is missing from {self._path}")

    def has(self, id_: bytes) -> bool:
        """Whether an object is here; its content is not looked at."""
        return any(self._in(place, id_) for place in self._places()) or (
            self._rescan() and any(self._in(place, id_) for place in self._places())
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

    def _find(self, id_: ObjectId, kind: Kind) -> bytes:
        found = self.find(id_)
        if found.kind != kind:
            raise Corrupt(f"object {id_}", None, f"a {found.kind}, where a {kind} is needed")
        return found.content

    def freshen(self, id_: bytes) -> bool:
        """Keep an object that is here from the next `git gc`; False if it is not here or cannot be kept."""
        if self._loose.freshen(id_):
            return True
        place = self._packs.locate(id_) or (self._packs.locate(id_) if self._packs.rescan() else None)
        return place is not None and place[0].freshen()

    def write(self, kind: Kind, content: bytes) -> ObjectId:
        """Store an object and return its id. What is here already is freshened instead."""
        id_ = self.form.name_object(kind, content)
        return id_ if self.freshen(id_) else self._loose.write(kind, content)

    def write_blob(self, stream: BinaryIO, size: int, progress: Progress = SILENT) -> ObjectId:
        """Store a blob of `size` bytes from a stream, in blocks. Raises Conflict if it has another size."""
        return self._loose.write_blob(stream, size, self.freshen, progress)

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
                raise GitError(f"{folder}/info/alternates: quoted paths are not supported: {os.fsdecode(line)}")
            other = os.path.normpath(os.path.join(folder, os.fsdecode(line)))
            if other not in found and other != path and depth < DEEPEST_ALTERNATE and os.path.isdir(other):
                found.append(other)
                queue.append((other, depth + 1))
    return found

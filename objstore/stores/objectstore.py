"""All objects of a repository, wherever they are: what they are, and how they are written and kept.

Reading looks everywhere; writing goes to the repository's own folder and never replaces anything. An object that is
here already is freshened, because `git gc` may be about to take it; what cannot be freshened is written anew. A copy
that is broken is passed over where there is another one. As in git, contents are not hashed when they are read, with
these exceptions: what is decoded here (trees, commits, tags), blobs that are read in blocks, what is about to be
referred to anew (`keep`), and what `walk` and `each_object` find.
Authority: gitrepository-layout(5), "objects"; git's `object-file.c` (`freshen_packed_object`), `packfile.c`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..errors import Corrupt, NotFound
from ..formats.objects import Commit, TreeEntry, decode_commit, decode_tree
from ..formats.packindex import PackIndex
from ..formats.tag import Tag, decode_tag
from ..ids import Kind, ObjectFormat, ObjectId
from ..lighttyping import NoReturn
from ..progress import SILENT, Progress
from .files import Sharing
from .folders import Folders, place
from .loose import LooseStore, Readable, StoredObject
from .packfile import Pack
from .packwalk import PackedObject, walk
from .streams import WHOLE, BlobReader, Opened, open_loose_in, open_packed


class ObjectStore:
    """The objects of a repository, its own first."""

    def __init__(self, path: str, form: ObjectFormat, sharing: Sharing, *, alternates: Sequence[str] = ()) -> None:
        """Look at the folder `path`; at alternates, those given and those it names, when something is not in it."""
        self.form, self.path, self.sharing = form, path, sharing
        self._folders = Folders(path, form, sharing, alternates)
        self._loose, self._packs = self._folders.own
        self._empty_tree = form.name_object("tree", b"")

    def get(self, id_: bytes) -> StoredObject | None:
        """Read an object; None if it is not here. Raises Corrupt if it is broken.

        The empty tree is always here, as for git: scripts name it without ever storing it.
        """
        found = self._folders.search(id_, Pack.read, LooseStore.get)
        return StoredObject("tree", b"") if found is None and id_ == self._empty_tree else found

    def find(self, id_: ObjectId) -> StoredObject:
        """Read an object; raises NotFound if it is not here, Corrupt if it is broken."""
        found = self.get(id_)
        return self._missing(id_) if found is None else found

    def _missing(self, id_: ObjectId) -> NoReturn:
        """Raise NotFound."""
        if not self.is_partial():
            raise NotFound(f"object {id_} is missing from {self.path}")
        error = NotFound(f"object {id_} is missing from {self.path}: this is a partial clone, its remote has it")
        error.hint = f"`git cat-file -e {id_}` fetches it"
        raise error

    def open_blob(self, id_: ObjectId) -> BlobReader:
        """A blob to be read in blocks, whatever its size. Raises NotFound, and Corrupt if it is something else.

        Not in little memory: blobs that are packed as a delta, which git makes of those below 512 MiB only.
        """
        opened = self.open(id_)
        if opened.kind != "blob":
            raise Corrupt(f"object {id_}", None, f"a {opened.kind}, where a blob is needed")
        return BlobReader(opened, id_, self.form)

    def open(self, id_: ObjectId) -> Opened:
        """An object of any kind to be read in blocks, and not checked. Raises NotFound and Corrupt."""
        found = self._folders.search(id_, open_packed, open_loose_in)
        if found is None and id_ == self._empty_tree:
            return Opened("tree", 0, iter(()))
        return self._missing(id_) if found is None else found

    def get_place(self, id_: ObjectId) -> tuple[Pack, int] | int | None:
        """Where an object is: pack and offset, or the size of its file in bytes; None if it is not here.

        A file may be packed at any time: `open` finds it then.
        """
        return self._folders.search(id_, place, LooseStore.file_size)

    def here(self, ids: Iterable[ObjectId]) -> list[ObjectId]:
        """Those of `ids` that are here; for all that are not, the folders are looked at anew once."""
        found: list[tuple[ObjectId, bool]] = [(id_, self.has_now(id_)) for id_ in ids]
        if not all(is_here for _, is_here in found) and self._folders.rescan():
            found = [(id_, is_here or self.has_now(id_)) for id_, is_here in found]
        return [id_ for id_, is_here in found if is_here]

    def has_now(self, id_: bytes) -> bool:
        """Whether an object is here as far as known: not in packs that came since the last look."""
        here = any(packs.locate(id_) is not None or loose.has(id_) for loose, packs in self._folders)
        return here or id_ == self._empty_tree

    def has_of_many(self) -> Callable[[bytes], bool]:
        """`has_now` for very many ids: no file is looked for where there was no folder for it at this call."""
        places = [(packs.locate, loose.first_bytes(), loose.has) for loose, packs in self._folders]

        def has_now(id_: bytes) -> bool:
            for locate, first_bytes, has in places:
                if locate(id_) is not None or (id_[0] in first_bytes and has(id_)):
                    return True
            return id_ == self._empty_tree

        return has_now

    def has(self, id_: bytes) -> bool:
        """Whether an object is here; its content is not looked at."""
        return self._folders.search(id_, place, LooseStore.path) is not None or id_ == self._empty_tree

    def find_size(self, id_: ObjectId) -> int:
        """The size of an object in bytes, without reading it whole; raises NotFound if it is not here."""
        found = self._folders.search(id_, Pack.size, LooseStore.size)
        return len(self.find(id_).content) if found is None else found

    def find_kind(self, id_: ObjectId) -> Kind:
        """The kind of an object, without reading it whole; raises NotFound if it is not here."""
        return self._folders.search(id_, Pack.kind, LooseStore.kind) or self.find(id_).kind

    def packs(self) -> list[Pack]:
        """All packs here, borrowed ones too, as they were when the folders were looked at last."""
        return [pack for _, packs in self._folders for pack in packs.packs()]

    def walk(self, pack: Pack) -> Iterator[PackedObject]:
        """Every object of a pack, each base before what is made from it, checked against its id.

        Takes memory for the objects between a base and its deltas, not for the pack. Raises Corrupt where something is
        broken, and FileNotFoundError if the pack has gone before the first object.
        """
        return walk(pack.path, pack.index, self.form)

    def each_object(self) -> Iterator[PackedObject]:
        """Every object here and in alternates, once, checked against its id: first those in packs, as `walk` does.

        Packs that come meanwhile are walked where others have gone. Raises Corrupt where something is broken.
        """
        done: dict[str, PackIndex | None] = {}  # by path; None where the pack has gone
        alone: set[ObjectId] = set()  # loose ones that were yielded
        before = None
        while True:  # until nothing has moved since the last time
            loose = {id_ for store, _ in self._folders for id_ in store.ids()} - alone
            self._folders.rescan()
            packs = {pack.path: pack for pack in self.packs()}
            for path in packs.keys() - done.keys():
                yield from (each for each in self._walk_new(packs[path], done) if each.id not in alone)
            for id_ in loose:
                if not _is_in(done, id_):
                    alone.add(id_)
                    yield PackedObject(id_, *self._checked(id_, self.find(id_)))
            if packs.keys() == before:
                return
            before = packs.keys()

    def _walk_new(self, pack: Pack, done: dict[str, PackIndex | None]) -> Iterator[PackedObject]:
        """The objects of a pack that are in none of the `done` ones, among which it is then."""
        try:
            index = pack.index
            yield from (each for each in self.walk(pack) if not _is_in(done, each.id))
            done[pack.path] = index
        except FileNotFoundError:
            done[pack.path] = None

    def _checked(self, id_: ObjectId, found: StoredObject) -> StoredObject:
        """The same object. Raises Corrupt if its content is not what its id says."""
        if self.form.name_object(*found) != id_:
            raise Corrupt(f"object {id_}", None, "its content is that of another object")
        return found

    def ids_starting_with(self, digits: str) -> set[ObjectId]:
        """The objects whose hexadecimal id starts with `digits`: two of them at least, in small letters."""
        for _ in range(2):
            found = {id_ for place in self._folders for store in place for id_ in store.ids_starting_with(digits)}
            if found or not self._folders.rescan():
                break
        return found

    def is_partial(self) -> bool:
        """Whether objects may be missing because a promisor remote has them (a partial clone)."""
        return any(packs.has_promises() for _, packs in self._folders)

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
        return self._checked(id_, found).content

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

    def drop_loose(self, ids: Iterable[bytes]) -> None:
        """Remove the loose copies of objects that a pack of the repository itself holds; other objects stay."""
        for id_ in ids:
            if self._packs.locate(id_):
                self._loose.drop(id_)

    def rescan(self) -> None:
        """Look for packs that were written since the last look."""
        self._packs.rescan()

    def write(self, kind: Kind, content: bytes) -> ObjectId:
        """Store an object and return its id. What is here already is freshened instead."""
        id_ = self.form.name_object(kind, content)
        return id_ if self.freshen(id_) else self._loose.write(kind, content)

    def write_blob(self, stream: Readable, size: int, progress: Progress = SILENT) -> ObjectId:
        """Store a blob of `size` bytes from a stream, in blocks. Raises Conflict if it has another size."""
        return self._loose.write_blob(stream, size, progress)

    def keep(self, id_: ObjectId) -> None:
        """Make sure that an object which is about to be referred to stays: freshened, or written again.

        Raises NotFound if it is not here.
        """
        if self.freshen(id_):
            return
        opened = self.open(id_)
        if opened.kind == "blob" and opened.size > WHOLE:
            self._loose.write_blob(BlobReader(opened, id_, self.form), opened.size)
        else:
            self._loose.write(*self._checked(id_, StoredObject(opened.kind, b"".join(opened.blocks))))


def _is_in(packs: dict[str, PackIndex | None], id_: bytes) -> bool:
    return any(index is not None and index.find(id_) is not None for index in packs.values())

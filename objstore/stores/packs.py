"""The packs of one `objects/pack` folder: find an object by id, resolve its deltas, keep it from `git gc`.

Pack and index are mapped when first needed and stay valid after a concurrent `git gc` has unlinked them. A pack
exists if its `.idx` does. Whoever misses an object calls `rescan()` once: a repack may have moved it.
"""
import mmap
import os
import zlib
from collections import OrderedDict
from collections.abc import Iterator

from ..errors import Corrupt
from ..formats.delta import apply_delta, read_size
from ..formats.pack import KIND_OF, EntryHeader, inflate, read_entry_header, read_header
from ..formats.packindex import PackIndex
from ..ids import Kind, ObjectFormat, ObjectId
from .files import CLOEXEC
from .loose import StoredObject

CACHED_BASES = 96 << 20  # bytes of delta bases kept
LONGEST_CHAIN = 4095  # deltas on deltas; git itself writes at most 50, or 4095 when asked


class DeltaBases:
    """Objects that deltas were applied to, the last used ones; all packs of a folder share one such memory."""

    def __init__(self, limit: int = CACHED_BASES) -> None:
        """Keep contents of `limit` bytes together."""
        self._limit, self._size = limit, 0
        self._kept: OrderedDict[tuple[Pack, int], StoredObject] = OrderedDict()

    def get(self, pack: "Pack", offset: int) -> StoredObject | None:
        """The object at `offset` of a pack, if it is remembered."""
        found = self._kept.get((pack, offset))
        if found is not None:
            self._kept.move_to_end((pack, offset))
        return found

    def add(self, pack: "Pack", offset: int, base: StoredObject) -> None:
        """Remember an object, and forget those that were not used for longest."""
        if (pack, offset) in self._kept:
            return
        self._kept[pack, offset] = base
        self._size += len(base.content)
        while self._size > self._limit:
            self._size -= len(self._kept.popitem(last=False)[1].content)


class Pack:
    """One pack file and its index, both mapped."""

    def __init__(self, path: str, form: ObjectFormat, bases: DeltaBases) -> None:
        """Map `path` (without suffix). Raises FileNotFoundError if it has gone, Corrupt if it is not a pack."""
        self.path, self._form, self._bases = path, form, bases
        self.index = PackIndex(_map(path + ".idx"), form.width, path + ".idx")
        self._data = _map(path + ".pack")
        if read_header(self._data, path + ".pack")[1] != self.index.count:
            raise Corrupt(path + ".pack", 8, "it does not hold as many objects as its index")

    def read(self, offset: int) -> StoredObject:
        """The object whose entry starts at `offset`, deltas resolved. Raises Corrupt, also for endless chains."""
        deltas: dict[int, tuple[int, int]] = {}  # offset: where its zlib data is, and its size; the wanted one first
        while (found := self._bases.get(self, offset)) is None:
            header, at = self._header(offset)
            if header.type in KIND_OF:
                found = StoredObject(KIND_OF[header.type], self._inflate(at, header.size))
                break
            if offset in deltas or len(deltas) == LONGEST_CHAIN:
                raise Corrupt(self.path + ".pack", offset, "a chain of deltas does not end")
            deltas[offset] = at, header.size
            offset = self._base(header, offset)
        for above, (at, size) in reversed(deltas.items()):
            self._bases.add(self, offset, found)
            found = StoredObject(found.kind, apply_delta(found.content, self._inflate(at, size)))
            offset = above
        return found

    def _inflate(self, at: int, size: int) -> bytes:
        return inflate(self._data, at, size, self.path + ".pack")

    def size(self, offset: int) -> int:
        """The size of the object at `offset` in bytes, without making it: a delta says what it makes."""
        header, at = self._header(offset)
        if header.type in KIND_OF:
            return header.size
        try:
            start = zlib.decompressobj().decompress(self._data[at : at + 1024], 20)  # a Huffman table may come first
        except zlib.error as error:
            raise Corrupt(self.path + ".pack", at, f"broken zlib data ({error})") from None
        return read_size(start, read_size(start, 0)[1])[0]

    def kind(self, offset: int) -> Kind:
        """The kind of the object at `offset`; that of a delta is its base's. Raises Corrupt for endless chains."""
        at = offset
        for _ in range(LONGEST_CHAIN + 1):
            header, _ = self._header(at)
            if header.type in KIND_OF:
                return KIND_OF[header.type]
            at = self._base(header, at)
        raise Corrupt(self.path + ".pack", offset, "a chain of deltas does not end")

    def _header(self, offset: int) -> tuple[EntryHeader, int]:
        return read_entry_header(self._data, offset, self._form.width, self.path + ".pack")

    def _base(self, header: EntryHeader, offset: int) -> int:
        if isinstance(header.base, int):
            return header.base
        base = self.index.get(header.base or b"")
        if base is None:
            raise Corrupt(self.path + ".pack", offset, f"the base {header.base} of a delta is not in this pack")
        return base

    def freshen(self) -> bool:
        """Make `git gc` take what is in here for new; False for a cruft pack, where that does not count."""
        if os.path.exists(self.path + ".mtimes"):
            return False
        try:
            os.utime(self.path + ".pack")
        except OSError:
            return False
        return True


def _map(path: str) -> memoryview:
    fd = os.open(path, os.O_RDONLY | CLOEXEC | getattr(os, "O_BINARY", 0))
    try:
        if os.fstat(fd).st_size == 0:
            raise Corrupt(path, 0, "it is empty")
        return memoryview(mmap.mmap(fd, 0, access=mmap.ACCESS_READ))
    finally:
        os.close(fd)


class PackStore:
    """All packs of a folder, the one that had the last object first."""

    def __init__(self, path: str, form: ObjectFormat) -> None:
        """Look at the folder `path`, which need not exist."""
        self._path, self._form = path, form
        self._packs: list[Pack] | None = None
        self._bases = DeltaBases()

    def rescan(self) -> bool:
        """Look at the folder again; whether there is a pack that was not there before."""
        known = {pack.path: pack for pack in self._packs or ()}
        try:
            names = sorted(os.listdir(self._path))
        except (FileNotFoundError, NotADirectoryError):
            names = []
        paths = [f"{self._path}/{name[:-4]}" for name in names if name.endswith(".idx")]
        self._packs = [pack for pack in (known.get(path) or self._open(path) for path in paths) if pack]
        return any(pack.path not in known for pack in self._packs)

    def _open(self, path: str) -> Pack | None:
        try:
            return Pack(path, self._form, self._bases)
        except FileNotFoundError:  # a repack took it between listing and opening
            return None

    def locate(self, id_: bytes) -> tuple[Pack, int] | None:
        """The pack that holds an object and where in it; None if none does."""
        if self._packs is None:
            self.rescan()
        packs = self._packs or []
        for number, pack in enumerate(packs):
            offset = pack.index.get(id_)
            if offset is not None:
                if number:
                    packs.insert(0, packs.pop(number))
                return pack, offset
        return None

    def ids_starting_with(self, digits: str) -> Iterator[ObjectId]:
        """The ids of all packs whose hexadecimal form starts with `digits`; an id may come twice."""
        if self._packs is None:
            self.rescan()
        return (id_ for pack in self._packs or () for id_ in pack.index.ids_starting_with(digits))

    def has_promises(self) -> bool:
        """Whether a pack came from a promisor remote: then objects that it names may be missing."""
        try:
            return any(name.endswith(".promisor") for name in os.listdir(self._path))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def get(self, id_: bytes) -> StoredObject | None:
        """Read an object; None if no pack holds it."""
        place = self.locate(id_)
        return place[0].read(place[1]) if place else None

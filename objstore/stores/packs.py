"""The packs of one `objects/pack` folder: find an object by id, resolve its deltas, keep it from `git gc`.

Pack and index are mapped when first needed and stay valid after a concurrent `git gc` has unlinked them. A pack
exists if its `.idx` does. Whoever misses an object calls `rescan()` once: a repack may have moved it.
"""
import mmap
import os
import zlib
from collections import OrderedDict

from ..errors import Corrupt
from ..formats.delta import apply_delta, read_size
from ..formats.pack import KIND_OF, EntryHeader, inflate, read_entry_header, read_header
from ..formats.packindex import PackIndex
from ..ids import ObjectFormat
from .files import CLOEXEC
from .loose import StoredObject

CACHED_BASES = 96 << 20  # bytes of delta bases kept
LONGEST_CHAIN = 4095  # deltas on deltas; git itself writes at most 50, or 4095 when asked


class Pack:
    """One pack file and its index, both mapped."""

    def __init__(self, path: str, form: ObjectFormat) -> None:
        """Map `path` (without suffix). Raises FileNotFoundError if it has gone, Corrupt if it is not a pack."""
        self.path, self._form = path, form
        self.index = PackIndex(_map(path + ".idx"), form.width, path + ".idx")
        self._data = _map(path + ".pack")
        if read_header(self._data, path + ".pack")[1] != self.index.count:
            raise Corrupt(path + ".pack", 8, "it does not hold as many objects as its index")
        self._bases: OrderedDict[int, StoredObject] = OrderedDict()
        self._bases_size = 0
        self._freshened = False

    def read(self, offset: int) -> StoredObject:
        """The object whose entry starts at `offset`, deltas resolved. Raises Corrupt, also for endless chains."""
        deltas: list[bytes] = []
        source = self.path + ".pack"
        while True:
            found = self._bases.get(offset)
            if found is not None:
                self._bases.move_to_end(offset)
                break
            header, at = self._header(offset)
            content = inflate(self._data, at, header.size, source)
            if header.type in KIND_OF:
                found = StoredObject(KIND_OF[header.type], content)
                if deltas:
                    self._remember(offset, found)
                break
            deltas.append(content)
            if len(deltas) > LONGEST_CHAIN:
                raise Corrupt(source, offset, "a chain of deltas does not end")
            offset = self._base(header, offset)
        kind, content = found
        while deltas:
            content = apply_delta(content, deltas.pop())
        return StoredObject(kind, content)

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

    def _header(self, offset: int) -> tuple[EntryHeader, int]:
        return read_entry_header(self._data, offset, self._form.width, self.path + ".pack")

    def _base(self, header: EntryHeader, offset: int) -> int:
        if isinstance(header.base, int):
            return header.base
        base = self.index.get(header.base or b"")
        if base is None:
            raise Corrupt(self.path + ".pack", offset, f"the base {header.base} of a delta is not in this pack")
        return base

    def _remember(self, offset: int, base: StoredObject) -> None:
        self._bases[offset] = base
        self._bases_size += len(base.content)
        while self._bases_size > CACHED_BASES:
            self._bases_size -= len(self._bases.popitem(last=False)[1].content)

    def freshen(self) -> bool:
        """Make `git gc` take what is in here for new; False for a cruft pack, where that does not count."""
        if not self._freshened:
            if os.path.exists(self.path + ".mtimes"):
                return False
            try:
                os.utime(self.path + ".pack")
            except OSError:
                return False
            self._freshened = True
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
            return Pack(path, self._form)
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

    def get(self, id_: bytes) -> StoredObject | None:
        """Read an object; None if no pack holds it."""
        place = self.locate(id_)
        return place[0].read(place[1]) if place else None

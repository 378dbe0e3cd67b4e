"""One pack file with its index: read an object at an offset, with its deltas resolved; keep it from `git gc`.

Both files are mapped when first needed (small ones are read at once) and stay valid after a concurrent `git gc` has
unlinked them. Authority: gitformat-pack(5); what the bytes mean is in `formats/pack.py` and `formats/packindex.py`.
"""

import mmap
import os
import time
import zlib
from collections import OrderedDict
from functools import cached_property

from ..errors import Corrupt
from ..formats.delta import apply_delta, read_size
from ..formats.pack import KIND_OF, EntryHeader, inflate, read_entry_header, read_header, scan_entry_header
from ..formats.packindex import PackIndex
from ..ids import Kind, ObjectFormat, ObjectId
from .files import BINARY, CLOEXEC
from .loose import StoredObject

CACHED_BASES = 96 << 20  # bytes of delta bases kept
SPARSE, _SPREAD = 4, 2654435761  # a power of two; a factor that spreads offsets, by Knuth
LONGEST_CHAIN = 4095  # deltas on deltas; git itself writes at most 50, or 4095 when asked
FRESH_S = 1.0  # seconds for which a pack that was freshened counts as fresh: a save may ask for each of its objects
SMALL_FILE = 1 << 16  # bytes up to which a file is read at once: a mapped one holds a descriptor, and packs can be many


class DeltaBases:
    """Objects that deltas were applied to; all packs of a folder share one such memory.

    The last used ones are all there, for reads along a chain. Of those used before them one in `SPARSE` is kept: reads
    in any order then apply a delta or two more, but find a chain's beginning in a pack of several times the size
    (bench/objects.py).
    """

    def __init__(self, limit: int = CACHED_BASES) -> None:
        """Keep contents of `limit` bytes together."""
        self._recent_room, self._old_room = self._limits = limit // 6, limit - limit // 6  # bytes
        self._kept: dict[_Place, StoredObject] = {}
        self._recent, self._old = OrderedDict[_Place, None](), OrderedDict[_Place, None]()  # the last used one is last

    def get(self, place: "_Place") -> StoredObject | None:
        """The object at an offset of a pack, if it is remembered."""
        found = self._kept.get(place)
        if found is not None:
            (self._recent if place in self._recent else self._old).move_to_end(place)
        return found

    def add(self, place: "_Place", base: StoredObject) -> None:
        """Remember an object, and forget those that were not used for longest."""
        if place in self._kept or len(base.content) > self._limits[1]:
            return
        self._kept[place] = base
        if len(base.content) > self._limits[0]:
            self._keep_longer(place)
            return
        self._recent[place] = None
        self._recent_room -= len(base.content)
        while self._recent_room < 0:
            place, _ = self._recent.popitem(last=False)
            self._recent_room += len(self._kept[place].content)
            if place[1] * _SPREAD >> 16 & SPARSE - 1:
                del self._kept[place]
            else:
                self._keep_longer(place)

    def _keep_longer(self, place: "_Place") -> None:
        self._old[place] = None
        self._old_room -= len(self._kept[place].content)
        while self._old_room < 0:
            place, _ = self._old.popitem(last=False)
            self._old_room += len(self._kept.pop(place).content)


class Pack:
    """One pack file and its index; `path` is without suffix.

    Both are opened when first needed: until then anything may raise FileNotFoundError if they have gone, and Corrupt
    (or Unsupported) if they are not what they should be.
    """

    def __init__(self, path: str, form: ObjectFormat, bases: DeltaBases) -> None:
        """Name a pack; nothing is opened."""
        self.path, self._form, self._bases = path, form, bases
        self._fresh_until = 0.0  # by the monotonic clock

    @cached_property
    def index(self) -> PackIndex:
        """The index, opened."""
        return PackIndex(map_file(self.path + ".idx"), self._form.width, self.path + ".idx")

    @cached_property
    def _data(self) -> memoryview:
        source, width = self.path + ".pack", self._form.width
        data = map_file(source)
        if read_header(data, source)[1] != self.index.count:
            raise Corrupt(source, 8, "it does not hold as many objects as its index")
        if data[-width:] != self.index.pack_hash:
            raise Corrupt(source, len(data) - width, "it is not the pack that its index is for")
        return data

    def find(self, id_: bytes) -> int | None:
        """Where an object is, None if it is not in here. If it is, the pack is open and stays readable."""
        offset = self.index.get(id_)
        return offset if offset is not None and self._data else None

    def close(self) -> None:
        """Let go of the files; they are opened again when needed."""
        for name in ("index", "_data"):
            self.__dict__.pop(name, None)

    def read(self, offset: int) -> StoredObject:
        """The object whose entry starts at `offset`, deltas resolved. Raises Corrupt, also for endless chains."""
        data, bases, source = self._data, self._bases, self.path + ".pack"
        deltas: list[tuple[int, int, int]] = []  # offset, where its zlib data is, and its size; the wanted one first
        while (found := bases.get((self, offset))) is None:
            type_, size, base, at = scan_entry_header(data, offset, self._form.width, source)
            if base is None:
                found = StoredObject(KIND_OF[type_], inflate(data, at, size, source))
                break
            if len(deltas) == LONGEST_CHAIN:
                raise Corrupt(source, offset, "a chain of deltas does not end")
            deltas.append((offset, at, size))
            offset = base if isinstance(base, int) else self._offset_of(base, offset)
        for above, at, size in reversed(deltas):
            bases.add((self, offset), found)
            try:
                content = apply_delta(found.content, inflate(data, at, size, source))
            except Corrupt as error:
                raise Corrupt(source, above, error.why) from None
            found = StoredObject(found.kind, content)
            offset = above
        return found

    def size(self, offset: int) -> int:
        """The size of the object at `offset` in bytes, without making it: a delta says what it makes."""
        header, at = self.entry(offset)
        if header.base is None:
            return header.size
        try:
            start = zlib.decompressobj().decompress(self._data[at : at + 1024], 20)  # a Huffman table may come first
            return read_size(start, read_size(start, 0)[1])[0]
        except zlib.error as error:
            raise Corrupt(self.path + ".pack", at, f"broken zlib data ({error})") from None
        except Corrupt as error:
            raise Corrupt(self.path + ".pack", offset, error.why) from None

    def kind(self, offset: int) -> Kind:
        """The kind of the object at `offset`; that of a delta is its base's. Raises Corrupt for endless chains."""
        at = offset
        for _ in range(LONGEST_CHAIN + 1):
            header, _ = self.entry(at)
            if header.base is None:
                return KIND_OF[header.type]
            at = header.base if isinstance(header.base, int) else self._offset_of(header.base, at)
        raise Corrupt(self.path + ".pack", offset, "a chain of deltas does not end")

    def entry(self, offset: int) -> tuple[EntryHeader, int]:
        """The header of the entry at `offset`, and where its zlib data starts. Raises Corrupt."""
        return read_entry_header(self._data, offset, self._form.width, self.path + ".pack")

    def _offset_of(self, base: ObjectId, offset: int) -> int:
        found = self.index.get(base)
        if found is None:
            raise Corrupt(self.path + ".pack", offset, f"the base {base} of a delta is not in this pack")
        return found

    @property
    def size_bytes(self) -> int:
        """The size of the pack file."""
        return len(self._data)

    def raw(self, start: int, end: int) -> memoryview:
        """The bytes of the file from `start` to `end`."""
        return self._data[start:end]

    def forget(self, start: int, end: int) -> None:
        """Give back the memory of bytes that were read and will not be soon: they stay on the disk."""
        mapped = self._data.obj
        if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            start -= start % mmap.PAGESIZE
            mapped.madvise(mmap.MADV_DONTNEED, start, end - start)

    def freshen(self) -> bool:
        """Make `git gc` take what is in here for new; False for a cruft pack, where that does not count."""
        now = time.monotonic()
        if now < self._fresh_until:
            return True
        if os.path.exists(self.path + ".mtimes"):
            return False
        try:
            os.utime(self.path + ".pack")
        except OSError:
            return False
        self._fresh_until = now + FRESH_S
        return True


_Place = tuple[Pack, int]  # and the offset there


def map_file(path: str) -> memoryview:
    """The content of a file. Raises Corrupt if it is empty."""
    fd = os.open(path, os.O_RDONLY | CLOEXEC | BINARY)
    try:
        size = os.fstat(fd).st_size
        if size == 0:
            raise Corrupt(path, 0, "it is empty")
        if size <= SMALL_FILE:
            return memoryview(os.read(fd, size))
        return memoryview(mmap.mmap(fd, 0, access=mmap.ACCESS_READ))
    finally:
        os.close(fd)

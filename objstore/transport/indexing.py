"""Every entry of a pack that came from elsewhere, made, named by its hash, compared with what is here. Trusts nothing.

Entries are read in the order of the pack. What is no delta is named at once, a large blob in blocks; a delta as soon as
its base is known, be it an earlier entry, a later one, or (thin packs) an object that is here. Contents are remembered
up to `REMEMBERED` bytes; a base that was forgotten is made again. An object that is here already must be the same, byte
for byte: Python's SHA-1 does not notice collisions. Authority: gitformat-pack(5), git's `builtin/index-pack.c`.
"""

import zlib
from array import array
from collections import OrderedDict
from collections.abc import Callable

from ..errors import Conflict, Corrupt, Unsupported
from ..formats.delta import apply_delta, read_size
from ..formats.pack import HEADER_SIZE, KIND_OF, MAX_RATIO, EntryHeader, read_entry_header, read_header
from ..ids import Kind, ObjectId
from ..lighttyping import NamedTuple
from ..progress import SILENT, Progress
from ..stores.loose import StoredObject
from ..stores.objectstore import ObjectStore
from ..stores.packfile import LONGEST_CHAIN
from ..stores.streams import WHOLE
from .entryblocks import BLOCK, EntryBlocks, PackFile, are_same

LARGEST_HELD = 512 << 20  # bytes of an object that has to be in memory whole: git makes no deltas of larger ones
LARGEST_TOTAL, TOTAL_RATIO = 16 << 30, 4096  # bytes that a pack may inflate to: the first, plus so many times its size
REMEMBERED = 32 << 20  # bytes of contents
SMALLEST_ENTRY = 9  # bytes: a header, and zlib data of nothing
NEAR = 1 << 16  # bytes of the pack read at a place that does not go on from the one before
_HEADER_MAX = 64  # bytes that the header of an entry can take
_LOOP = "deltas that are made on each other, through an object that is here"


Check = Callable[[ObjectId, Kind, bytes], None]  # raises for an object that is not wanted; large blobs are not shown


class Indexed(NamedTuple):
    """What is in a pack, by id: CRC-32 and offset; and the objects that deltas are made on but it does not hold."""

    rows: dict[ObjectId, tuple[int, int]]
    bases: list[ObjectId]
    contents: dict[ObjectId, StoredObject]  # what is still remembered


def index_pack(
    pack: PackFile, objects: ObjectStore, source: str, *, check: Check | None = None, progress: Progress = SILENT
) -> Indexed:
    """Look at all entries of a pack; `objects` are those that are here.

    `progress` counts entries. Raises Corrupt for what is no pack, does not end where it should or holds an object
    twice; Unsupported for what is above a limit; NotFound for a base that is nowhere; Conflict for another object of an
    id that is here; and what `check` raises.
    """
    return _Indexer(pack, objects, source, check).run(progress)


class _Indexer:
    """The state of one pass. Entries have numbers, from 0, in the order of the pack."""

    def __init__(self, pack: PackFile, objects: ObjectStore, source: str, check: Check | None) -> None:
        self._pack, self._objects, self._source, self._check = pack, objects, source, check
        self._form, self._has_now = objects.form, objects.has_of_many()
        self._end = pack.size - self._form.width
        self._window, self._window_at = memoryview(b""), 0
        self._starts, self._crcs, self._depths = array("Q"), array("L"), array("H")
        self._ids: list[ObjectId | None] = []
        self._number_at: dict[int, int] = {}
        self._numbers: dict[ObjectId, int] = {}
        self._waiting: dict[int | ObjectId, list[int]] = {}  # deltas, by what they are made on: number or id
        self._borrowed: dict[ObjectId, None] = {}
        self._remembered: OrderedDict[int | ObjectId, StoredObject] = OrderedDict()
        self._remembered_size = 0
        self._total_left = LARGEST_TOTAL + TOTAL_RATIO * pack.size

    def run(self, progress: Progress) -> Indexed:
        count = self._count()
        progress.expect(count)
        at = HEADER_SIZE
        for number in range(count):
            at = self._read(number, at)
            progress.advance(1, 0)
        if at != self._end:
            raise Corrupt(self._source, at, f"something follows the {count} objects that the pack promises")
        self._settle()
        self._check_loops()
        rows = {id_: (self._crcs[number], self._starts[number]) for id_, number in self._numbers.items()}
        names = {key: self._ids[key] if isinstance(key, int) else key for key in self._remembered}
        contents = {id_: self._remembered[key] for key, id_ in names.items() if id_}
        return Indexed(rows, [id_ for id_ in self._borrowed if id_ not in rows], contents)

    def _count(self) -> int:
        if self._end < HEADER_SIZE:
            raise Corrupt(self._source, 0, "the pack is cut off")
        _, count = read_header(self._pack.pread(0, HEADER_SIZE), self._source)
        if count * SMALLEST_ENTRY > self._end - HEADER_SIZE:
            raise Corrupt(self._source, 8, f"{self._pack.size} bytes cannot hold the {count} objects they promise")
        return count

    # What stands in the pack.

    def _read(self, number: int, start: int) -> int:
        """Look at one entry; return where it ends."""
        header, at = self._header(start)
        self._number_at[start] = number
        self._starts.append(start)
        self._ids.append(None)
        self._depths.append(0)
        kind = KIND_OF.get(header.type)
        if kind == "blob" and header.size > WHOLE:
            id_, end = self._hash_blob(header, at)
            self._name(number, id_, 0)
        else:
            content, end = self._inflate(header, at)
        self._crcs.append(self._crc(start, end))
        if (kind and header.size <= WHOLE) or kind not in (None, "blob"):
            self._resolve(number, StoredObject(kind or "blob", content), 0)
        elif kind is None:
            self._read_delta(number, header, content)
        return end

    def _header(self, start: int) -> tuple[EntryHeader, int]:
        self._look(start, _HEADER_MAX)
        view = self._window[: max(0, self._end - self._window_at)]
        header, at = read_entry_header(
            view, start - self._window_at, self._form.width, self._source, shift=self._window_at
        )
        at += self._window_at
        if header.size > MAX_RATIO * (self._end - at):
            raise Corrupt(self._source, start, f"an entry promises {header.size} bytes, more than can follow")
        if header.size > LARGEST_HELD and KIND_OF.get(header.type) != "blob":
            raise Unsupported(f"an object of {header.size} bytes that is no blob", self._source)
        self._count_in(header.size)
        return header, at

    def _look(self, at: int, size: int) -> None:
        """Make the window hold `size` bytes from `at` on, or what there is."""
        behind = self._window_at + len(self._window)
        if at < self._window_at or (at + size > behind and behind < self._pack.size):
            ahead = BLOCK if self._window_at <= at <= behind else NEAR  # deltas that waited stand anywhere
            self._window, self._window_at = memoryview(self._pack.pread(at, max(size, ahead))), at

    def _count_in(self, size: int) -> None:
        self._total_left -= size
        if self._total_left < 0:
            raise Unsupported(
                f"a pack that makes more than {LARGEST_TOTAL} bytes and {TOTAL_RATIO} times its size", self._source
            )

    def _inflate(self, header: EntryHeader, at: int) -> tuple[bytes, int]:
        """The data of an entry, whole, and where it ends."""
        size = header.size
        if size <= WHOLE:
            piece = size + (size >> 10) + 64  # what deflate may need for incompressible data
            self._look(at, piece)
            near = at - self._window_at
            view = self._window[near : near + min(piece, self._end - at)]
            stream = zlib.decompressobj()
            try:
                content = stream.decompress(view, size + 1)
            except zlib.error as error:
                raise Corrupt(self._source, at, f"broken zlib data ({error})") from None
            if stream.eof and len(content) == size:
                return content, at + len(view) - len(stream.unused_data)
        blocks = EntryBlocks(self._pack, at, self._end, size, self._source)
        return b"".join(blocks), blocks.end

    def _hash_blob(self, header: EntryHeader, at: int) -> tuple[ObjectId, int]:
        blocks = EntryBlocks(self._pack, at, self._end, header.size, self._source)
        hasher = self._form.hasher(b"blob %d\0" % header.size)
        for block in blocks:
            hasher.update(block)
        id_ = ObjectId(hasher.digest())
        if self._has_now(id_):
            kind, size, mine = self._objects.open(id_)
            theirs = iter(EntryBlocks(self._pack, at, self._end, header.size, self._source))
            if (kind, size) != ("blob", header.size) or not are_same(mine, theirs):
                raise _collision(id_, self._source)
        return id_, blocks.end

    def _crc(self, start: int, end: int) -> int:
        if self._window_at <= start and end <= self._window_at + len(self._window):
            return zlib.crc32(self._window[start - self._window_at : end - self._window_at])
        crc = 0
        for at in range(start, end, BLOCK):
            crc = zlib.crc32(self._pack.pread(at, min(BLOCK, end - at)), crc)
        return crc

    # What becomes of it.

    def _read_delta(self, number: int, header: EntryHeader, delta: bytes) -> None:
        """Make what a delta makes, or note that it waits for its base."""
        base, found = self._base_of(header, number)
        if found is None and isinstance(base, ObjectId) and self._has_now(base):
            found = self._borrow(base)
        if found is None:
            self._waiting.setdefault(base, []).append(number)
        else:
            depth = self._depths[base] if isinstance(base, int) else 0
            self._resolve(number, self._apply(number, found, delta), depth + 1)

    def _base_of(self, header: EntryHeader, number: int) -> tuple[int | ObjectId, StoredObject | None]:
        """What a delta is made on, by number or, where no entry has that id so far, by id; and it, if it is at hand."""
        if isinstance(header.base, ObjectId):
            base: int | ObjectId = self._numbers.get(header.base, header.base)
        else:
            near = self._number_at.get(header.base or 0)
            if near is None:
                raise Corrupt(self._source, self._starts[number], "the base of a delta is where no entry starts")
            base = near
        return base, self._recall(base)

    def _borrow(self, base: ObjectId) -> StoredObject:
        """A base that is here and not in the pack."""
        if self._objects.find_size(base) > LARGEST_HELD:
            raise Unsupported(f"a delta on {base}, which is larger than {LARGEST_HELD} bytes,", self._source)
        self._borrowed[base] = None
        found = self._objects.find(base)
        self._remember(base, found)
        return found

    def _apply(self, number: int, base: StoredObject, delta: bytes) -> StoredObject:
        size, _ = read_size(delta, read_size(delta, 0)[1])
        if size > LARGEST_HELD:
            raise Unsupported(f"a delta that makes {size} bytes, more than {LARGEST_HELD},", self._source)
        self._count_in(size)
        try:
            return StoredObject(base.kind, apply_delta(base.content, delta))
        except Corrupt as error:
            raise Corrupt(self._source, self._starts[number], f"a delta: {error.why}") from None

    def _resolve(self, number: int, made: StoredObject, depth: int) -> None:
        """Name what an entry makes, and make the deltas that waited for it, and those that waited for these."""
        self._name_content(number, made, depth)
        if self._waiting:
            self._resolve_waiting(self._take_waiting(number), made, depth)

    def _resolve_waiting(self, children: list[int], base: StoredObject, depth: int) -> None:
        todo = [(child, base, depth + 1) for child in children]
        while todo:
            number, base, depth = todo.pop()
            delta, _ = self._inflate(*self._header(self._starts[number]))
            made = self._apply(number, base, delta)
            self._name_content(number, made, depth)
            todo += [(child, made, depth + 1) for child in self._take_waiting(number)]

    def _take_waiting(self, number: int) -> list[int]:
        return self._waiting.pop(number, []) + self._waiting.pop(self._ids[number] or number, [])

    def _name_content(self, number: int, made: StoredObject, depth: int) -> None:
        id_ = self._form.name_object(made.kind, made.content)
        if self._has_now(id_) and self._objects.find(id_) != made:
            raise _collision(id_, self._source)
        if self._check:
            self._check(id_, made.kind, made.content)
        self._name(number, id_, depth)
        self._remember(number, made)

    def _name(self, number: int, id_: ObjectId, depth: int) -> None:
        if id_ in self._numbers:
            raise Corrupt(self._source, self._starts[number], f"object {id_} is there twice")
        if depth > LONGEST_CHAIN:
            raise Corrupt(self._source, self._starts[number], f"more than {LONGEST_CHAIN} deltas on each other")
        self._ids[number], self._depths[number] = id_, depth
        self._numbers[id_] = number

    def _settle(self) -> None:
        """Make the deltas that still wait: for a base that was forgotten, or came later and large, or is here only."""
        for base in list(self._waiting):
            number = base if isinstance(base, int) else self._numbers.get(base)
            if base not in self._waiting:
                continue
            if number is not None and self._ids[number]:
                found, depth = self._remake(number), self._depths[number]
            elif isinstance(base, ObjectId) and self._objects.has(base):
                found, depth = self._borrow(base), 0
            else:  # it may be made yet, from what is borrowed
                continue
            self._resolve_waiting(self._waiting.pop(base, []), found, depth)
        if self._waiting:
            wanted = next((str(each) for each in self._waiting if isinstance(each, ObjectId)), "each other")
            count = self._ids.count(None)
            raise Corrupt(self._source, None, f"{count} deltas cannot be made: they need {wanted}, which is not there")

    def _remake(self, number: int) -> StoredObject:
        """What an entry that has its name makes, from what is remembered of it or below it."""
        deltas: list[tuple[int, bytes]] = []
        key: int | ObjectId = number
        while (found := self._recall(key)) is None:
            if isinstance(key, ObjectId):
                found = self._borrow(key)
                break
            header, at = self._header(self._starts[key])
            if header.size > LARGEST_HELD:
                raise Unsupported(f"a delta on an object of {header.size} bytes", self._source)
            content, _ = self._inflate(header, at)
            if header.type in KIND_OF:
                found = StoredObject(KIND_OF[header.type], content)
                break
            deltas.append((key, content))
            if len(deltas) > LONGEST_CHAIN:
                raise Corrupt(self._source, self._starts[number], _LOOP)
            key, _ = self._base_of(header, key)
        for each, delta in reversed(deltas):
            found = self._apply(each, found, delta)
        self._remember(number, found)
        return found

    def _check_loops(self) -> None:
        """Raise Corrupt where a base was borrowed, and is in the pack too as a delta on what was made of it.

        With its index such a pack has chains without an end, or longer ones than were counted.
        """
        lengths: dict[int | ObjectId, int] = {}  # deltas from an entry on, and one
        for id_ in self._borrowed.keys() & self._numbers.keys():
            key: int | ObjectId = self._numbers[id_]
            way: list[int] = []
            while isinstance(key, int) and key not in lengths and len(way) <= LONGEST_CHAIN:
                way.append(key)
                header, _ = self._header(self._starts[key])
                if header.base is None:
                    break
                key, _ = self._base_of(header, key)
            length = len(way) + lengths.get(key, 0)
            if length - 1 + max(self._depths) > LONGEST_CHAIN:
                raise Corrupt(self._source, self._starts[self._numbers[id_]], _LOOP)
            lengths.update((each, length - at) for at, each in enumerate(way))

    def _recall(self, key: int | ObjectId) -> StoredObject | None:
        found = self._remembered.get(key)
        if found is not None:
            self._remembered.move_to_end(key)
        return found

    def _remember(self, key: int | ObjectId, made: StoredObject) -> None:
        if key in self._remembered or len(made.content) > REMEMBERED:
            return
        self._remembered[key] = made
        self._remembered_size += len(made.content)
        while self._remembered_size > REMEMBERED:
            self._remembered_size -= len(self._remembered.popitem(last=False)[1].content)


def _collision(id_: ObjectId, source: str) -> Conflict:
    return Conflict(f"{source}: object {id_} is here with another content: two contents with one hash")

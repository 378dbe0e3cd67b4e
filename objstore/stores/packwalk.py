"""Every object of a pack in one pass, bases before what is made from them, in memory that does not grow with the pack.

The headers are read first and linked into trees of deltas; then each tree is walked from its root, so that a base is
inflated once and dropped after its last delta. Where large bases wait for their deltas one upon the other, the first of
them are dropped too, and made again when it is their turn. Files are read in pieces, not mapped. Raises Corrupt for
what no pack of git's holds: bases that are missing or make a circle, entries that overlap, ids that do not fit.
"""

import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator

from ..errors import Corrupt
from ..formats.delta import apply_delta
from ..formats.pack import KIND_OF, inflate, scan_entry_header
from ..formats.packindex import PackIndex
from ..ids import Kind, ObjectFormat, ObjectId
from ..lighttyping import NamedTuple
from .files import BINARY, CLOEXEC

BLOCK = 4 << 20  # bytes of the pack read at a time while headers are looked for
WAITING = 48 << 20  # bytes of bases that are kept for the deltas of theirs that are still to come
_HEADER_MAX = 64  # bytes that the header of an entry can take
_NONE = 0xFFFFFFFF


class PackedObject(NamedTuple):
    """An object of a pack, made whole."""

    id: ObjectId
    kind: Kind
    content: bytes


def walk(path: str, index: PackIndex, form: ObjectFormat, *, verify: bool = True) -> Iterator[PackedObject]:
    """Yield all objects of the pack `path` (without suffix). With `verify` each one is checked against its id."""
    fd = os.open(path + ".pack", os.O_RDONLY | CLOEXEC | BINARY)
    try:
        entries = _Entries(fd, path + ".pack", index, form)
        yield from entries.objects(verify)
    finally:
        os.close(fd)


class _Entries:
    """The entries of a pack by offset: where each starts, which row of the index it is, and its tree of deltas."""

    def __init__(self, fd: int, source: str, index: PackIndex, form: ObjectFormat) -> None:
        self._fd, self._source, self._index, self._form = fd, source, index, form
        placed = sorted(offset << 32 | row for row, offset in enumerate(index.offsets()))
        self._rows = array("I", (each & 0xFFFFFFFF for each in placed))
        if placed and placed[-1] >> 32 > os.fstat(fd).st_size:
            raise Corrupt(source, None, "an entry lies behind the end of the pack")
        self._starts = array("Q", (each >> 32 for each in placed))
        self._starts.append(max(0, os.fstat(fd).st_size - form.width))
        self._child, self._sibling = (array("I", [_NONE]) * index.count for _ in range(2))
        self._roots = array("I")
        self._link()

    def _link(self) -> None:
        """Read every header, last entry first, so that each list of siblings ends up in the order of the pack."""
        window, at = memoryview(b""), self._starts[-1]
        starts, width, source = self._starts, self._form.width, self._source
        for number in range(self._index.count - 1, -1, -1):
            start = starts[number]
            if start < at:
                end = min(start + _HEADER_MAX, starts[-1])
                at = max(0, end - BLOCK)
                window = memoryview(_read_at(self._fd, end - at, at))
            _, _, base, _ = scan_entry_header(window, start - at, width, source, at)
            if base is None:
                self._roots.append(number)
                continue
            parent = self._number(base if isinstance(base, int) else self._index.get(base))
            if parent is None:
                raise Corrupt(source, start, "the base of a delta is not in this pack")
            self._sibling[number], self._child[parent] = self._child[parent], number
        self._roots.reverse()

    def _number(self, offset: int | None) -> int | None:
        """Which entry starts at an offset; None if none does."""
        if offset is None:
            return None
        number = bisect_left(self._starts, offset, 0, self._index.count)
        return number if number < self._index.count and self._starts[number] == offset else None

    def objects(self, verify: bool) -> Iterator[PackedObject]:
        """Walk the trees. What hangs on no root hangs on itself."""
        made = 0
        for root in self._roots:
            _, type_, _, content = self._read(root)
            kind = KIND_OF[type_]
            yield self._named(root, kind, content, verify)
            made += 1
            waiting = _Waiting(self._remake)
            waiting.push(root, content, self._child[root])
            while waiting.bases:
                number = waiting.bases[-1].next
                content = self._apply(number, waiting.use(self._sibling[number]))
                yield self._named(number, kind, content, verify)
                made += 1
                waiting.push(number, content, self._child[number])
        if made != self._index.count:
            raise Corrupt(self._source, None, f"{self._index.count - made} deltas are made from each other in a circle")

    def _named(self, number: int, kind: Kind, content: bytes, verify: bool) -> PackedObject:
        id_ = self._index.id(self._rows[number])
        if verify and self._digest(kind, content) != id_:
            raise Corrupt(self._source, self._starts[number], f"object {id_} has another content")
        return PackedObject(id_, kind, content)

    def _digest(self, kind: Kind, content: bytes) -> bytes:
        """The id of an object, by OpenSSL's hash: for so much of it that is worth loading (bench/objects.py)."""
        hasher = self._form.hasher(b"%s %d\0" % (kind.encode(), len(content)))
        hasher.update(content)
        return hasher.digest()

    def _read(self, number: int) -> tuple[int, int, int | ObjectId | None, bytes]:
        """Where an entry starts, its type, its base and its inflated data."""
        start = self._starts[number]
        entry = memoryview(_read_at(self._fd, self._starts[number + 1] - start, start))
        type_, size, base, at = scan_entry_header(entry, 0, self._form.width, self._source, start)
        try:
            return start, type_, base, inflate(entry, at, size, self._source)
        except Corrupt as error:
            raise Corrupt(self._source, start, error.why) from None

    def _apply(self, number: int, base: bytes) -> bytes:
        start, _, _, delta = self._read(number)
        try:
            return apply_delta(base, delta)
        except Corrupt as error:
            raise Corrupt(self._source, start, error.why) from None

    def _remake(self, number: int) -> Iterator[tuple[int, bytes]]:
        """An object once more, with those that it is made from: the root of its tree first, itself last."""
        line = [number]
        while (base := self._read(line[-1])[2]) is not None:
            parent = self._number(base if isinstance(base, int) else self._index.get(base))
            assert parent is not None, "it was linked before"
            line.append(parent)
        content = self._read(line[-1])[3]
        yield line[-1], content
        for each in reversed(line[:-1]):
            content = self._apply(each, content)
            yield each, content


class _Base:
    """An object that deltas are still to be applied to, and the next of them."""

    __slots__ = ("content", "next", "number")

    def __init__(self, number: int, content: bytes | None, first: int) -> None:
        self.number, self.content, self.next = number, content, first


class _Waiting:
    """The bases from a root downwards; of the first `_dropped` of them the contents are not kept."""

    def __init__(self, remake: Callable[[int], Iterator[tuple[int, bytes]]]) -> None:
        self.bases: list[_Base] = []
        self._remake, self._dropped, self._size = remake, 0, 0

    def push(self, number: int, content: bytes, first: int) -> None:
        """Wait with an object for its deltas, if it has any."""
        if first != _NONE:
            self.bases.append(_Base(number, None, first))
            self._keep(self.bases[-1], content)

    def _keep(self, base: _Base, content: bytes) -> None:
        base.content = content
        self._size += len(content)
        while self._size > WAITING and self.bases[self._dropped] is not base:
            self._size -= len(self.bases[self._dropped].content or b"")
            self.bases[self._dropped].content = None
            self._dropped += 1

    def use(self, next_: int) -> bytes:
        """The content of the last base; `next_` is its next delta: after the last one it waits no longer."""
        base = self.bases[-1]
        if base.content is None:
            self._make_again()
        content = base.content
        assert content is not None, "it was made again"
        base.next = next_
        if next_ == _NONE:
            self.bases.pop()
            self._size -= len(content)
            self._dropped = min(self._dropped, len(self.bases))
        return content

    def _make_again(self) -> None:
        """Fill the contents of the bases, the last ones as far as there is room."""
        self._dropped, todo = 0, iter(self.bases)
        base = next(todo)
        for number, content in self._remake(self.bases[-1].number):
            if base.number == number:
                self._keep(base, content)
                base = next(todo, base)


def _read_at(fd: int, size: int, offset: int) -> bytes:
    """Bytes of a file, fewer at its end. One read gives 2 GiB at most."""
    parts = []
    while size > 0 and (part := _pread(fd, size, offset)):
        parts.append(part)
        size, offset = size - len(part), offset + len(part)
    return b"".join(parts)


def _pread(fd: int, size: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(fd, size, offset)
    os.lseek(fd, offset, os.SEEK_SET)  # Windows
    return os.read(fd, size)

"""Every object of a pack in one pass, bases before what is made from them, in memory that does not grow with the pack.

The headers are read first and linked into trees of deltas; then each tree is walked from its root, so that a base is
inflated once and dropped after its last delta. Files are read in pieces, not mapped. Raises Corrupt for what no pack of
git's holds: bases that are missing or make a circle, entries that overlap, ids that do not fit.
"""
import os
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import Corrupt
from ..formats.delta import apply_delta
from ..formats.pack import KIND_OF, inflate, read_entry_header
from ..formats.packindex import PackIndex
from ..ids import Kind, ObjectFormat, ObjectId
from .files import BINARY, CLOEXEC

BLOCK = 4 << 20  # bytes of the pack read at a time while headers are looked for
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
        offsets = index.offsets()
        self._rows = array("L", sorted(range(len(offsets)), key=offsets.__getitem__))
        self._starts = array("Q", (offsets[row] for row in self._rows))
        self._starts.append(max(0, os.fstat(fd).st_size - form.width))
        self._number = dict(zip(self._starts, range(index.count), strict=False))
        self._child, self._sibling = (array("L", [_NONE]) * index.count for _ in range(2))
        self._roots = array("L")
        self._link()

    def _link(self) -> None:
        """Read every header, last entry first, so that each list of siblings ends up in the order of the pack."""
        window, at = memoryview(b""), self._starts[-1]
        for number in range(self._index.count - 1, -1, -1):
            start = self._starts[number]
            if start < at:
                end = min(start + _HEADER_MAX, self._starts[-1])
                at = max(0, end - BLOCK)
                window = memoryview(os.pread(self._fd, end - at, at))
            header, _ = read_entry_header(window, start - at, self._form.width, self._source, shift=at)
            if header.type in KIND_OF:
                self._roots.append(number)
                continue
            base = header.base if isinstance(header.base, int) else self._index.get(header.base or b"")
            parent = None if base is None else self._number.get(base)
            if parent is None:
                raise Corrupt(self._source, start, "the base of a delta is not in this pack")
            self._sibling[number], self._child[parent] = self._child[parent], number
        self._roots.reverse()

    def objects(self, verify: bool) -> Iterator[PackedObject]:
        """Walk the trees. What hangs on no root hangs on itself."""
        made = 0
        for root in self._roots:
            todo: list[tuple[int, Kind | None, bytes]] = [(root, None, b"")]
            while todo:
                number, kind, base = todo.pop()
                kind, content = self._make(number, kind, base)
                id_ = self._index.id(self._rows[number])
                if verify and self._form.name_object(kind, content) != id_:
                    raise Corrupt(self._source, self._starts[number], f"object {id_} has another content")
                made += 1
                yield PackedObject(id_, kind, content)
                children, child = [], self._child[number]
                while child != _NONE:
                    children.append((child, kind, content))
                    child = self._sibling[child]
                todo += reversed(children)
        if made != self._index.count:
            raise Corrupt(self._source, None, f"{self._index.count - made} deltas are made from each other in a circle")

    def _make(self, number: int, kind: Kind | None, base: bytes) -> tuple[Kind, bytes]:
        start = self._starts[number]
        entry = memoryview(os.pread(self._fd, self._starts[number + 1] - start, start))
        header, at = read_entry_header(entry, 0, self._form.width, self._source, shift=start)
        try:
            content = inflate(entry, at, header.size, self._source)
            return (KIND_OF[header.type], content) if kind is None else (kind, apply_delta(base, content))
        except Corrupt as error:
            raise Corrupt(self._source, start, error.why) from None

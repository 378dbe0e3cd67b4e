"""The entries of a pack as they lie in it: where one ends, which object starts where. For copying deltas as they are.

The table of offsets is made when first asked for: it costs time and memory in proportion to the pack.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from zlib import crc32

from ..errors import Corrupt
from ..formats.pack import OFS_DELTA, REF_DELTA
from ..ids import ObjectFormat, ObjectId
from .packfile import Pack

SAMPLE = 64  # entries looked at to find out whether deltas were looked for in a pack
BLOCK = 1 << 20


class PackEntries:
    """The entries of one pack by their offset."""

    def __init__(self, pack: Pack, form: ObjectFormat) -> None:
        """Look at a pack; nothing is read."""
        self.pack, self._form = pack, form

    @cached_property
    def _offsets(self) -> "array[int]":
        return self.pack.index.offsets()

    @cached_property
    def _rows(self) -> "array[int]":
        return array("L", sorted(range(len(self._offsets)), key=self._offsets.__getitem__))

    @cached_property
    def _starts(self) -> "array[int]":
        starts = array("Q", (self._offsets[row] for row in self._rows))
        starts.append(self.pack.size_bytes - self._form.width)
        return starts

    def _number(self, offset: int) -> int:
        number = bisect_left(self._starts, offset)
        if number >= len(self._rows) or self._starts[number] != offset:
            raise Corrupt(self.pack.path + ".pack", offset, "no entry starts here")
        return number

    def end(self, offset: int) -> int:
        """Where the entry that starts at `offset` ends."""
        return self._starts[self._number(offset) + 1]

    def base_id(self, base: int | ObjectId) -> ObjectId:
        """The object that a delta is on; `base` is what its header says: an offset, or the object itself."""
        return self.pack.index.id(self._rows[self._number(base)]) if isinstance(base, int) else base

    def blocks(self, offset: int, at: int) -> Iterator[bytes]:
        """The zlib data of the entry at `offset`, which starts at `at`.

        Raises Corrupt instead of the last block if the entry is not what the index says it is (CRC-32).
        """
        number, crc = self._number(offset), crc32(self.pack.raw(offset, at))
        start, end = at, self._starts[number + 1]
        while at < end:
            block = bytes(self.pack.raw(at, min(end, at + BLOCK)))
            at, crc = at + len(block), crc32(block, crc)
            if at == end and self.pack.index.crc(self._rows[number]) not in (crc, None):  # None: of version 1
                raise Corrupt(self.pack.path + ".pack", offset, "an entry is not what the index says")
            yield block
            if end - start > BLOCK:
                self.pack.forget(at - len(block), at)

    @cached_property
    def was_searched(self) -> bool:
        """Whether who made the pack looked for deltas: then what is none was not worth it."""
        count = self.pack.index.count
        rows = range(0, count, max(1, count // SAMPLE))
        return any(self.pack.entry(self.pack.index.offset(row))[0].type in (OFS_DELTA, REF_DELTA) for row in rows)

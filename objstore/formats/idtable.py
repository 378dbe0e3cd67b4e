"""A sorted table of ids with a fan-out before it, as pack indexes and multi-pack-indexes have: from id to row.

    fan-out     256 × 4 bytes, big-endian: how many ids have a first byte ≤ i; the last one is the number of rows
    rows        `stride` bytes each; an id is the first `width` of them

Read in place and never unpacked. Whether the ids are in order is not checked: where they are not, some are not found.
Authority: gitformat-pack(5), "fan-out table".
"""

from collections.abc import Iterator
from math import isqrt
from struct import unpack_from

from ..errors import Corrupt
from ..ids import ObjectId

FANOUT_SIZE = 1024
_NEAR = 64  # rows around the likeliest one that are searched at once; a bucket of fewer than two such halves is whole


class IdTable:
    """A view on such a table in a buffer. `count` is the number of rows."""

    __slots__ = ("_buffer", "_fanout", "_near", "_start", "_stride", "_width", "count")

    def __init__(self, buffer: memoryview, fanout: int, width: int, source: str) -> None:
        """Read the fan-out table at byte `fanout`; raises Corrupt if it goes down or is cut off.

        The rows follow it at once, without anything between the ids; `_lay_out` says where else they are.
        """
        if len(buffer) < fanout + FANOUT_SIZE:
            raise Corrupt(source, fanout, "the fan-out table is cut off")
        counts: tuple[int, ...] = unpack_from(">256I", buffer, fanout)
        if sorted(counts) != list(counts):
            raise Corrupt(source, fanout, "the fan-out table goes down")
        self._fanout: tuple[int, ...] = (0, *counts)
        self.count = counts[255]
        self._near = _NEAR + 2 * isqrt(self.count // 256)  # four times the deviation of ids that are random
        self._buffer, self._width = buffer, width
        self._lay_out(fanout + FANOUT_SIZE, width)

    def _lay_out(self, start: int, stride: int) -> None:
        self._start, self._stride = start, stride

    def find(self, id_: bytes) -> int | None:
        """The row of an id; None if it is not in the table."""
        first = id_[0]
        bottom, top = self._fanout[first], self._fanout[first + 1]
        low, high = bottom, top
        if high - low > 2 * self._near:  # ids are hashes: the next two bytes say where in the bucket it has to be
            likely = low + ((high - low) * (id_[1] << 8 | id_[2]) >> 16)
            low, high = max(low, likely - self._near), min(high, likely + self._near)
        start, stride, width = self._start, self._stride, self._width
        rows = bytes(self._buffer[start + low * stride : start + high * stride])
        at = rows.find(id_)
        if at >= 0 and at % stride == 0:
            return low + at // stride
        if at < 0 and (low == bottom or rows[:width] < id_) and (high == top or id_ < rows[-stride:][:width]):
            return None
        row = self._bisect(id_, bottom, top)
        return row if row < top and self.id(row) == id_ else None

    def _bisect(self, id_: bytes, low: int, high: int) -> int:
        """The first row from `low` on, and before `high`, whose id is not below `id_`; `high` if there is none."""
        buffer, start, stride, width = self._buffer, self._start, self._stride, self._width
        while low < high:
            middle = (low + high) >> 1
            at = start + middle * stride
            if bytes(buffer[at : at + width]) < id_:
                low = middle + 1
            else:
                high = middle
        return low

    def id(self, row: int) -> ObjectId:
        """The id in a row of the table."""
        at = self._start + row * self._stride
        return ObjectId(self._buffer[at : at + self._width])

    def ids(self) -> Iterator[ObjectId]:
        """All ids, sorted."""
        return (self.id(row) for row in range(self.count))

    def ids_starting_with(self, digits: str) -> Iterator[ObjectId]:
        """The ids whose hexadecimal form, in small letters, starts with `digits`; sorted."""
        first = bytes.fromhex(digits.ljust(2 * self._width, "0"))
        for row in range(self._bisect(first, self._fanout[first[0]], self.count), self.count):
            id_ = self.id(row)
            if not id_.hex().startswith(digits):
                return
            yield id_

"""The index of a pack, version 2: a sorted table from object id to offset, read in place and never unpacked.

    offset              size        (w = width of an id, n = number of objects)
    0                   8           ff 74 4f 63, version 2
    8                   256 × 4     fan-out: how many ids have a first byte ≤ i
    1032                n × w       ids, sorted
    1032 + nw           n × 4       CRC-32 of each packed entry
    … + 4n              n × 4       offset, or 0x80000000 | row in the next table
    … + 8n              m × 8       offsets of 2 GiB and more
    end - 2w            w, w        hash of the pack, hash of this file

Authority: gitformat-pack(5), "Version 2 pack-*.idx files". What the tables say is checked where it is used.
"""
import sys
from array import array
from collections.abc import Iterator
from itertools import pairwise
from struct import unpack_from

from ..errors import Corrupt, Unsupported
from ..ids import ObjectId

_IDS = 1032  # where the table of ids starts


class PackIndex:
    """A view on the bytes of an index file. `count` is the number of objects."""

    __slots__ = ("_buffer", "_crc", "_fanout", "_large", "_offsets", "_source", "_width", "count")

    def __init__(self, buffer: memoryview, width: int, source: str) -> None:
        """Look at `buffer`; raises Corrupt if its size does not fit its counts, Unsupported for another version."""
        if len(buffer) < _IDS or bytes(buffer[:4]) != b"\xfftOc":
            if _is_version_1(buffer, width):
                raise Unsupported("a pack index of version 1", source)
            raise Corrupt(source, 0, "not a pack index")
        if int.from_bytes(buffer[4:8], "big") != 2:
            raise Unsupported(f"pack index version {int.from_bytes(buffer[4:8], 'big')}", source)
        self._fanout = unpack_from(">256I", buffer, 8)
        self.count = self._fanout[255]
        self._width, self._source, self._buffer = width, source, buffer
        self._crc = _IDS + self.count * width
        self._offsets = self._crc + 4 * self.count
        self._large = self._offsets + 4 * self.count
        if len(buffer) < self._large + 2 * width or any(a > b for a, b in pairwise(self._fanout)):
            raise Corrupt(source, 8, "the fan-out table does not fit the file")

    def get(self, id_: bytes) -> int | None:
        """The offset of an object in the pack; None if the pack does not hold it."""
        row = self._bisect(id_)
        start = _IDS + row * self._width
        if row < self.count and self._buffer[start : start + self._width] == id_:
            return self.offset(row)
        return None

    def _bisect(self, id_: bytes) -> int:
        """The first row whose id is not below `id_`."""
        first = id_[0]
        low, high = self._fanout[first - 1] if first else 0, self._fanout[first]
        buffer, width = self._buffer, self._width
        while low < high:
            middle = (low + high) >> 1
            start = _IDS + middle * width
            if bytes(buffer[start : start + width]) < id_:
                low = middle + 1
            else:
                high = middle
        return low

    def id(self, row: int) -> ObjectId:
        """The id in a row of the table."""
        start = _IDS + row * self._width
        return ObjectId(self._buffer[start : start + self._width])

    def offset(self, row: int) -> int:
        """The offset in the pack that a row of the table names; raises Corrupt if it points outside the index."""
        at = self._offsets + 4 * row
        offset = int.from_bytes(self._buffer[at : at + 4], "big")
        if offset & 0x80000000:
            at = self._large + 8 * (offset & 0x7FFFFFFF)
            if at + 8 > len(self._buffer) - 2 * self._width:
                raise Corrupt(self._source, at, "a large offset lies outside the table")
            offset = int.from_bytes(self._buffer[at : at + 8], "big")
        return offset

    def ids_starting_with(self, digits: str) -> Iterator[ObjectId]:
        """The ids whose hexadecimal form, in small letters, starts with `digits`; sorted."""
        for row in range(self._bisect(bytes.fromhex(digits.ljust(2 * self._width, "0"))), self.count):
            id_ = self.id(row)
            if not id_.hex().startswith(digits):
                return
            yield id_

    def offsets(self) -> "array[int]":
        """The offset of each row's object in the pack."""
        small = array("I")
        small.frombytes(self._buffer[self._offsets : self._large])
        if sys.byteorder == "little":
            small.byteswap()
        found = array("Q", small)
        for row, offset in enumerate(small):
            if offset & 0x80000000:
                found[row] = self.offset(row)
        return found

    def ids(self) -> Iterator[ObjectId]:
        """All ids, sorted."""
        return (self.id(row) for row in range(self.count))


def _is_version_1(buffer: memoryview, width: int) -> bool:
    """Whether the size is that of a version 1 index, which has no signature: fan-out, offsets with ids, two hashes."""
    return len(buffer) >= 1024 and len(buffer) == 1024 + unpack_from(">I", buffer, 1020)[0] * (4 + width) + 2 * width

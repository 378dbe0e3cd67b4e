"""The index of a pack, version 1 or 2: a sorted table from object id to offset, read in place and never unpacked.

    version 2                            (w = width of an id, n = number of objects)
    offset     size
    0          8           ff 74 4f 63, version 2
    8          256 × 4     fan-out: how many ids have a first byte ≤ i
    1032       n × w       ids, sorted
    1032 + nw  n × 4       CRC-32 of each packed entry
    … + 4n     n × 4       offset, or 0x80000000 | row in the next table
    … + 8n     m × 8       offsets of 2 GiB and more
    end - 2w   w, w        hash of the pack, hash of this file

    version 1 (git wrote it until 2007, and does on request)
    0          256 × 4     fan-out
    1024       n × (4 + w) offset and id, sorted by id
    end - 2w   w, w        hash of the pack, hash of this file

Authority: gitformat-pack(5), "pack-*.idx files". What the tables say is checked where it is used.
"""

import sys
from array import array

from ..errors import Corrupt, Unsupported
from .idtable import FANOUT_SIZE, IdTable

_SIGNATURE = b"\xfftOc"


class PackIndex(IdTable):
    """A view on the bytes of an index file. `count` is the number of objects."""

    __slots__ = ("_crc", "_large", "_offset_stride", "_offsets", "_source")

    def __init__(self, buffer: memoryview, width: int, source: str) -> None:
        """Look at `buffer`; raises Corrupt if its size does not fit its counts, Unsupported for another version."""
        self._source = source
        self._crc: int | None = None
        is_old = bytes(buffer[:4]) != _SIGNATURE
        version = 1 if is_old else int.from_bytes(buffer[4:8], "big")
        if version not in (1, 2) and len(buffer) >= 8:
            raise Unsupported(f"pack index version {version}", source)
        super().__init__(buffer, 0 if is_old else 8, width, source)
        if is_old:
            self._lay_out_version_1()
        else:
            self._lay_out_version_2()

    def _lay_out_version_1(self) -> None:
        self._offsets, self._offset_stride = FANOUT_SIZE, 4 + self._width
        self._lay_out(FANOUT_SIZE + 4, self._offset_stride)
        self._large = FANOUT_SIZE + self.count * self._offset_stride
        if len(self._buffer) != self._large + 2 * self._width:  # a file of another kind comes here too
            raise Corrupt(self._source, 0, "not a pack index")

    def _lay_out_version_2(self) -> None:
        crc = 8 + FANOUT_SIZE + self.count * self._width
        self._crc = crc
        self._offsets, self._offset_stride = crc + 4 * self.count, 4
        self._large = self._offsets + 4 * self.count
        spare = len(self._buffer) - self._large - 2 * self._width
        if spare < 0 or spare % 8 or spare > 8 * self.count:
            raise Corrupt(self._source, 8, "the fan-out table does not fit the file")

    def get(self, id_: bytes) -> int | None:
        """The offset of an object in the pack; None if the pack does not hold it."""
        row = self.find(id_)
        return None if row is None else self.offset(row)

    def offset(self, row: int) -> int:
        """The offset in the pack that a row of the table names; raises Corrupt if it points outside the index."""
        at = self._offsets + self._offset_stride * row
        offset = int.from_bytes(self._buffer[at : at + 4], "big")
        if offset & 0x80000000 and self._crc is not None:
            at = self._large + 8 * (offset & 0x7FFFFFFF)
            if at + 8 > len(self._buffer) - 2 * self._width:
                raise Corrupt(self._source, at, "a large offset lies outside the table")
            offset = int.from_bytes(self._buffer[at : at + 8], "big")
        return offset

    def crc(self, row: int) -> int | None:
        """The CRC-32 of the packed entry of a row; None in version 1, which has none."""
        if self._crc is None:
            return None
        at = self._crc + 4 * row
        return int.from_bytes(self._buffer[at : at + 4], "big")

    @property
    def pack_hash(self) -> bytes:
        """The hash of the pack that this is the index of: the pack ends with it too."""
        return bytes(self._buffer[-2 * self._width : -self._width])

    def offsets(self) -> "array[int]":
        """The offset of each row's object in the pack."""
        small = array("I")
        small.frombytes(self._buffer[self._offsets : self._large])
        if sys.byteorder == "little":
            small.byteswap()
        found = array("Q", small[:: self._offset_stride // 4])
        if self._crc is not None and max(found, default=0) & 0x80000000:
            for row, offset in enumerate(found):
                if offset & 0x80000000:
                    found[row] = self.offset(row)
        return found

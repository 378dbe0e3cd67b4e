"""The data of one entry of a pack that has arrived, in blocks: for what does not fit into memory. Trusts nothing."""

import zlib
from collections.abc import Iterator

from ..errors import Corrupt
from ..lighttyping import Protocol

BLOCK = 1 << 20  # bytes of the pack read at a time


class PackFile(Protocol):
    """A pack that has arrived."""

    size: int

    def pread(self, at: int, size: int) -> bytes:
        """Up to `size` bytes from byte `at` on; fewer at the end only."""


class EntryBlocks:
    """The data of an entry in blocks; after the last one `end` is where the entry ends."""

    def __init__(self, pack: PackFile, at: int, limit: int, size: int, source: str) -> None:
        self._pack, self._at, self._limit, self._size, self._source = pack, at, limit, size, source
        self.end = at

    def __iter__(self) -> Iterator[bytes]:
        start, at, left, stream = self._at, self._at, self._size, zlib.decompressobj()
        try:
            while not stream.eof:
                packed = self._pack.pread(at, min(BLOCK, self._limit - at))
                if not packed:
                    raise Corrupt(self._source, start, "the data of an entry is cut off")
                at += len(packed)
                while made := stream.decompress(packed, BLOCK):
                    left -= len(made)
                    if left < 0:
                        break
                    yield made
                    packed = stream.unconsumed_tail
                if left < 0:
                    break
        except zlib.error as error:
            raise Corrupt(self._source, start, f"broken zlib data ({error})") from None
        if left:
            raise Corrupt(self._source, start, f"an entry does not inflate to the {self._size} bytes it promises")
        self.end = at - len(stream.unused_data)


def are_same(one: Iterator[bytes], other: Iterator[bytes]) -> bool:
    """Whether two contents are the same, however they are cut into blocks."""
    first = second = b""
    while True:
        first, second = first or next(one, b""), second or next(other, b"")
        common = min(len(first), len(second))
        if not common or first[:common] != second[:common]:
            return first == second
        first, second = first[common:], second[common:]

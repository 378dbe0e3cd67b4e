"""A multi-pack-index: which of many packs holds an object. Only a hint is taken from it: the name of the pack.

    offset  size
    0       4            "MIDX"
    4       4            version (1), version of the hash (1: SHA-1, 2: SHA-256), number of chunks, number of bases
    8       4            number of packs
    12      (c + 1) × 12 chunks: name and offset (8 bytes) of each; the last one has no name and ends the others
    …       …            PNAM: names of the packs (`pack-….idx`), each followed by a NUL
                         OIDF: fan-out      OIDL: ids      OOFF: number of the pack and offset in it, for each id
    end-w   w            hash of this file (not checked: see above)

In a chain (`multi-pack-index.d/multi-pack-index-chain`: the hashes of files beside it, a line for each) each file has
only the packs that those before it do not have, and counts from 0. Authority: gitformat-pack(5), "multi-pack-index".
"""

from struct import iter_unpack, unpack_from

from ..errors import Corrupt, Unsupported
from .idtable import FANOUT_SIZE, IdTable

_HASHES = {1: 20, 2: 32}
_NEEDED = (b"PNAM", b"OIDF", b"OIDL", b"OOFF")


class MultiPackIndex(IdTable):
    """A view on the bytes of one file. `packs` are the names of the packs, without suffix."""

    __slots__ = ("_places", "packs")

    def __init__(self, buffer: memoryview, width: int, source: str) -> None:
        """Look at `buffer`; raises Corrupt if its parts do not fit each other, Unsupported for another version."""
        if len(buffer) < 12 + width or bytes(buffer[:4]) != b"MIDX":
            raise Corrupt(source, 0, "not a multi-pack-index")
        version, hash_version, chunk_count, _, pack_count = unpack_from(">BBBBI", buffer, 4)
        if version != 1 or _HASHES.get(hash_version) != width:
            raise Unsupported(f"multi-pack-index version {version} with hash {hash_version}", source)
        chunks = _chunks(buffer, chunk_count, len(buffer) - width, source)
        fanout, fanout_end = chunks[b"OIDF"]
        super().__init__(buffer, fanout, width, source)
        self._lay_out(chunks[b"OIDL"][0], width)
        self._places = chunks[b"OOFF"][0]
        self.packs = _names(bytes(buffer[slice(*chunks[b"PNAM"])]), pack_count)
        sizes = tuple(end - start for start, end in (chunks[b"OIDL"], chunks[b"OOFF"]))
        if sizes != (self.count * width, self.count * 8) or fanout_end - fanout != FANOUT_SIZE:
            raise Corrupt(source, fanout, "the tables do not fit the fan-out table")
        if len(self.packs) != pack_count:
            raise Corrupt(source, chunks[b"PNAM"][0], f"it does not name {pack_count} packs")

    def pack_of(self, id_: bytes) -> str | None:
        """The name of a pack that holds an object; None if it knows of none."""
        row = self.find(id_)
        if row is None:
            return None
        number: int = unpack_from(">I", self._buffer, self._places + 8 * row)[0]
        return self.packs[number] if number < len(self.packs) else None


def _chunks(buffer: memoryview, count: int, end: int, source: str) -> dict[bytes, tuple[int, int]]:
    """Where each chunk starts and ends; raises Corrupt unless they lie one behind the other in the file."""
    table = bytes(buffer[12 : 12 + 12 * (count + 1)])
    if len(table) < 12 * (count + 1):
        raise Corrupt(source, 12, "the table of chunks is cut off")
    listed = list(iter_unpack(">4sQ", table))
    starts = [12 + len(table), *(start for _, start in listed), end]
    if sorted(starts) != starts:
        raise Corrupt(source, 12, "the chunks are not one behind the other")
    chunks = {name: (start, stop) for (name, start), stop in zip(listed, starts[2:], strict=True)}
    if not chunks.keys() >= set(_NEEDED):
        raise Corrupt(source, 12, "a chunk is missing")
    return chunks


def _names(content: bytes, count: int) -> tuple[str, ...]:
    """The first `count` names of packs; a name that is not UTF-8 stays one that no pack has."""
    names = content.split(b"\0")[:-1][:count]
    return tuple(name.decode("utf-8", "replace").removesuffix(".idx").removesuffix(".pack") for name in names)

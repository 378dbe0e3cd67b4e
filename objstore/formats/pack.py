"""Pack files: the header, the header of an entry, and one inflated entry.

    offset  size
    0       4      "PACK"
    4       4      version, 2 or 3
    8       4      number of entries
    12      ...    entries: header, then a base reference for deltas, then zlib data
    -20|32         hash over all before it

Authority: gitformat-pack(5). Deltas are resolved by `stores/packfile.py`, which has the other entries at hand.
"""

import zlib

from ..errors import Corrupt
from ..ids import Kind, ObjectId
from ..lighttyping import NamedTuple

HEADER_SIZE = 12
MAX_RATIO = 1032  # bytes that one byte of deflated data can make at most: 258 by a pair of one-bit codes
_SMALL = 1 << 15  # bytes: input of so many makes MAX_RATIO times as many at most, before it is found to be a bomb
OFS_DELTA, REF_DELTA = 6, 7
KIND_OF: dict[int, Kind] = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}


class EntryHeader(NamedTuple):
    """What stands before the data of an entry: `size` is in bytes of the inflated data, which for a delta is the delta.

    `type` is 1–4 (`KIND_OF`), 6 or 7. `base` is None, the absolute offset of the base (6) or its id (7).
    """

    type: int
    size: int
    base: int | ObjectId | None


def read_header(pack: bytes | memoryview, source: str) -> tuple[int, int]:
    """Version and number of entries from the first 12 bytes; raises Corrupt if this is no pack of version 2 or 3."""
    version = int.from_bytes(pack[4:8], "big")
    if len(pack) < HEADER_SIZE or bytes(pack[:4]) != b"PACK" or version not in (2, 3):
        raise Corrupt(source, 0, "not a pack file of version 2 or 3")
    return version, int.from_bytes(pack[8:12], "big")


def read_entry_header(pack: memoryview, at: int, width: int, source: str, *, shift: int = 0) -> tuple[EntryHeader, int]:
    """Decode the entry header at byte `at`; return it and the position of the first byte of zlib data.

    `shift` is where in the file the buffer `pack` starts; positions are in the buffer, a base's offset in the file.
    Raises Corrupt if it lies outside the pack, a number does not end within ten bytes or the type is reserved.
    """
    type_, size, base, at = scan_entry_header(pack, at, width, source, shift)
    return EntryHeader(type_, size, base), at


def scan_entry_header(
    pack: memoryview, at: int, width: int, source: str, shift: int = 0
) -> tuple[int, int, int | ObjectId | None, int]:
    """The same as a bare tuple, for where it is done for every object (bench/objects.py)."""
    start, limit = at + shift, at + 10
    if start < HEADER_SIZE:
        raise Corrupt(source, start, "an entry cannot start in the header of the pack")
    try:
        byte = pack[at]
        at += 1
        type_, size, bits = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = pack[at]
            at += 1
            size |= (byte & 0x7F) << bits
            bits += 7
            if at > limit:
                raise Corrupt(source, start, "the size of an entry does not end")
        if type_ == OFS_DELTA:
            back, at = _read_distance(pack, at, limit + 10, start, source)
            if not 0 < back <= start - HEADER_SIZE:
                raise Corrupt(source, start, f"a delta's base lies {back} bytes back, outside the pack")
            return type_, size, start - back, at
        if type_ in KIND_OF:
            return type_, size, None, at
        if type_ == REF_DELTA and at + width <= len(pack):
            return type_, size, ObjectId(pack[at : at + width]), at + width
    except IndexError:
        raise Corrupt(source, start, "an entry is cut off") from None
    raise Corrupt(source, start, "an entry is cut off" if type_ == REF_DELTA else f"entry type {type_} is reserved")


def entry_header(type_: int, size: int) -> bytes:
    """The header of an entry; `size` is in bytes of the inflated data, which for a delta is the delta.

    >>> entry_header(3, 100).hex()
    'b406'
    """
    byte, size = type_ << 4 | size & 15, size >> 4
    header = bytearray()
    while size:
        header.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    header.append(byte)
    return bytes(header)


def distance(back: int) -> bytes:
    """How far before an entry its base starts, as it stands in an ofs-delta.

    >>> distance(128).hex()
    '8000'
    """
    out = bytearray((back & 0x7F,))
    while back := back >> 7:
        back -= 1
        out.insert(0, 0x80 | back & 0x7F)
    return bytes(out)


def _read_distance(pack: memoryview, at: int, limit: int, start: int, source: str) -> tuple[int, int]:
    byte = pack[at]
    at += 1
    back = byte & 0x7F
    while byte & 0x80:
        byte = pack[at]
        at += 1
        back = (back + 1) << 7 | byte & 0x7F
        if at > limit:
            raise Corrupt(source, start, "the distance to a delta's base does not end")
    return back, at


def inflate(pack: memoryview, at: int, size: int, source: str) -> bytes:
    """The `size` bytes that the zlib stream at byte `at` holds; raises Corrupt if it holds fewer, more or is broken.

    Input is handed over in pieces of about the compressed size, so that neither a bomb nor the rest of the pack costs
    memory: more than is promised is made only of what is small.
    """
    piece = size + (size >> 10) + 64  # what deflate may need for incompressible data
    if size <= _SMALL:
        try:
            content = zlib.decompress(pack[at : at + piece], bufsize=size + 1)  # half the time of the longer way
            if len(content) == size:
                return content
        except zlib.error:
            pass  # the longer way says what is wrong, or takes more pieces
    if size > MAX_RATIO * (len(pack) - at):
        raise Corrupt(source, at, f"an entry promises {size} bytes, more than what follows can hold")
    return _inflate_in_pieces(pack, at, size, source)


def _inflate_in_pieces(pack: memoryview, at: int, size: int, source: str) -> bytes:
    stream = zlib.decompressobj()
    piece = size + (size >> 10) + 64
    try:
        content = stream.decompress(pack[at : at + piece], size + 1)
        while not stream.eof and len(content) <= size:
            at += piece - len(stream.unconsumed_tail)
            if at >= len(pack):
                break
            content += stream.decompress(pack[at : at + piece], size + 1 - len(content))
    except zlib.error as error:
        raise Corrupt(source, at, f"broken zlib data ({error})") from None
    if not stream.eof or len(content) != size:
        raise Corrupt(source, at, f"an entry does not inflate to the {size} bytes it promises")
    return content

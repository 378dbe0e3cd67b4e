"""Packs and deltas made by hand, right and wrong ones, for tests of the code that reads them."""
import hashlib
import struct
import zlib
from typing import NamedTuple

from expref.objstore.ids import SHA1, ObjectId

OFS_DELTA, REF_DELTA = 6, 7
TYPES = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}


class Entry(NamedTuple):
    """One entry: `content` is a delta for types 6 and 7; `base` then the number of an entry before it, or an id."""

    id: bytes
    type: int
    content: bytes
    base: int | bytes = b""


def blob(content):
    return Entry(SHA1.name_object("blob", content), TYPES["blob"], content)


def delta_entry(base, content, reference):
    """An entry that makes the blob `content` of the bytes `base`; `reference` is a number or an id."""
    kind = OFS_DELTA if isinstance(reference, int) else REF_DELTA
    return Entry(SHA1.name_object("blob", content), kind, make_delta(base, content), reference)


def size_bytes(size, low_bits=7):
    """A number, little end first; the first byte has `low_bits` bits for it. Returns (first, rest)."""
    first, size, rest = size & (1 << low_bits) - 1, size >> low_bits, bytearray()
    while size:
        rest.append(size & 0x7F | (0x80 if size >> 7 else 0))
        size >>= 7
    return first, bytes(rest)


def number(size):
    first, rest = size_bytes(size)
    return bytes([first | (0x80 if rest else 0)]) + rest


def distance(back):
    """The way back to the base of an OFS_DELTA."""
    out = bytearray([back & 0x7F])
    while back := back >> 7:
        back -= 1
        out.insert(0, 0x80 | back & 0x7F)
    return bytes(out)


def copy_instruction(start, count):
    code, out = 0x80, bytearray()
    for bit, byte in enumerate([*start.to_bytes(4, "little"), *count.to_bytes(3, "little")]):
        if byte:
            code |= 1 << bit
            out.append(byte)
    return bytes([code]) + out


def make_delta(base, result):
    """A delta: what both start with is copied, the rest inserted."""
    same = next((at for at, pair in enumerate(zip(base, result, strict=False)) if pair[0] != pair[1]),
                min(len(base), len(result)))
    steps = [copy_instruction(at, min(0xFFFF, same - at)) for at in range(0, same, 0xFFFF)]
    rest = result[same:]
    steps += [bytes([len(rest[at : at + 127])]) + rest[at : at + 127] for at in range(0, len(rest), 127)]
    return number(len(base)) + number(len(result)) + b"".join(steps)


def entry_header(kind, size):
    first, rest = size_bytes(size, 4)
    return bytes([kind << 4 | first | (0x80 if rest else 0)]) + rest


def make_pack(*entries, level=1):
    """The bytes of a pack and of its index."""
    pack, rows = bytearray(b"PACK" + struct.pack(">II", 2, len(entries))), []
    for entry in entries:
        start = len(pack)
        pack += entry_header(entry.type, len(entry.content))
        if entry.type == OFS_DELTA:
            pack += distance(start - rows[entry.base][1])
        elif entry.type == REF_DELTA:
            pack += entry.base
        pack += zlib.compress(entry.content, level)
        rows.append((entry.id, start, zlib.crc32(pack[start:])))
    trailer = hashlib.sha1(pack).digest()
    return bytes(pack) + trailer, make_index(rows, trailer)


def make_index(rows, trailer=bytes(20), large_from=1 << 31):
    """The bytes of an index for (id, offset, crc) rows; offsets from `large_from` on go to the table of large ones."""
    rows = sorted(rows)
    counts = [sum(row[0][0] <= first for row in rows) for first in range(256)]
    large = [offset for _, offset, _ in rows if offset >= large_from]
    small = [0x80000000 | large.index(offset) if offset >= large_from else offset for _, offset, _ in rows]
    index = b"\xfftOc" + struct.pack(">I256I", 2, *counts) + b"".join(row[0] for row in rows)
    index += struct.pack(f">{len(rows)}I", *(row[2] for row in rows)) + struct.pack(f">{len(rows)}I", *small)
    index += struct.pack(f">{len(large)}Q", *large) + trailer
    return index + hashlib.sha1(index).digest()


def make_old_index(rows, trailer=b"p" * 20):
    """The bytes of an index of version 1."""
    counts = [sum(row[0][0] <= first for row in rows) for first in range(256)]
    index = struct.pack(">256I", *counts)
    index += b"".join(struct.pack(">I", offset) + id_ for id_, offset, _ in sorted(rows)) + trailer
    return index + hashlib.sha1(index).digest()


def make_midx(packs, chunks=(), version=1, hash_version=1):
    """The bytes of a multi-pack-index: `packs` maps names ("pack-x.idx") to ids; `chunks` replaces or adds some."""
    names = sorted(packs)
    rows = sorted((id_, number) for number, name in enumerate(names) for id_ in packs[name])
    counts = [sum(id_[0] <= first for id_, _ in rows) for first in range(256)]
    content = {
        b"PNAM": b"".join(name.encode() + b"\0" for name in names), b"OIDF": struct.pack(">256I", *counts),
        b"OIDL": b"".join(id_ for id_, _ in rows), b"OOFF": b"".join(struct.pack(">II", number, 12) for _, number in rows),
    } | dict(chunks)
    start, table = 12 + 12 * (len(content) + 1), b""
    for name, part in content.items():
        table += name + struct.pack(">Q", start)
        start += len(part)
    table += bytes(4) + struct.pack(">Q", start)
    head = b"MIDX" + struct.pack(">BBBBI", version, hash_version, len(content), 0, len(names))
    whole = head + table + b"".join(content.values())
    return whole + hashlib.sha1(whole).digest()


def write_pack(folder, *entries, name="pack-test"):
    """Put a pack and its index into a folder; returns the path without suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, content in zip((".pack", ".idx"), make_pack(*entries), strict=True):
        (folder / f"{name}{suffix}").write_bytes(content)
    return str(folder / name)


def oid(number):
    """An id that is easy to read."""
    return ObjectId(number.to_bytes(20, "big"))

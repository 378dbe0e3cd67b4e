"""Index files made by hand, right and wrong ones, for tests of the code that reads them."""
import hashlib
import struct
from typing import NamedTuple

from expref.objstore.formats.objects import FILE

from tests.packmaker import distance, oid


class Entry(NamedTuple):
    """One entry, all its fields as stored."""

    path: bytes
    mode: int = FILE
    id: bytes = oid(7)
    flags: int = 0  # without the length of the path, which is put in
    extended: int | None = None  # written if it is not None, with the flag that says so
    times: tuple[int, int, int, int] = (1, 2, 3, 4)  # ctime s, ns, mtime s, ns
    ino: int = 5
    owner: tuple[int, int] = (6, 7)
    size: int = 8

    def fixed(self):
        """What stands before the path."""
        flags = self.flags | min(len(self.path), 0xFFF) | (0x4000 if self.extended is not None else 0)
        fixed = struct.pack(">10I", *self.times, 0, self.ino, self.mode, *self.owner, self.size)
        more = b"" if self.extended is None else struct.pack(">H", self.extended)
        return fixed + self.id + struct.pack(">H", flags) + more

    def encode(self):
        entry = self.fixed() + self.path
        return entry + bytes(8 - len(entry) % 8)


def extension(name, content=b""):
    return name + struct.pack(">I", len(content)) + content


def tree_extension(*folders):
    """The TREE extension for (name, entries, children, id or None) in depth-first order; the root has no name."""
    lines = (b"%s\0%d %d\n%s" % (name, count, children, id_ or b"") for name, count, children, id_ in folders)
    return extension(b"TREE", b"".join(lines))


def make_index(*entries, version=2, extensions=b"", count=None):
    """The bytes of an index file with a right checksum."""
    content = b"DIRC" + struct.pack(">II", version, len(entries) if count is None else count)
    paths = [b"", *(entry.path for entry in entries)]
    if version == 4:
        content += b"".join(_compressed(*pair) for pair in zip(entries, paths, strict=False))
    else:
        content += b"".join(entry.encode() for entry in entries)
    content += extensions
    return content + hashlib.sha1(content).digest()


def _compressed(entry, before):
    """An entry of version 4: its path says how much of the end of the one before to drop, and what follows."""
    pairs = enumerate(zip(before, entry.path, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(before), len(entry.path)))
    return entry.fixed() + distance(len(before) - same) + entry.path[same:] + b"\0"

"""The index, versions 2 to 4: read in place, row by row, because it may hold a million of them.

    header      "DIRC", version, number of entries (4 bytes each, big-endian)
    entry       ctime s, ns · mtime s, ns · dev · ino · mode · uid · gid · size (10 × 4 bytes) · id · flags (2 bytes)
                [extended flags, 2 bytes, if flag 0x4000] · path · NUL up to a multiple of 8 (at least one)
    extensions  name (4), size (4), content; a name that starts with a lower-case letter must be understood
    trailer     hash over all before it; all zero means "not computed" (index.skipHash)

Authority: gitformat-index(5). Only what `stores/indexfile.py` and `worktree.py` need is decoded.
"""
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from ..errors import Corrupt, Unsupported
from ..ids import ObjectFormat, ObjectId

VALID, EXTENDED, STAGE = 0x8000, 0x4000, 0x3000  # flags of an entry
SKIP_WORKTREE, INTENT_TO_ADD = 0x4000, 0x2000  # its extended flags; git refuses an index with any other
SECOND = 1_000_000_000  # nanoseconds
REQUIRED = {b"link": "a split index", b"sdir": "a sparse index"}  # extensions of others that must be understood
_FIXED = 40  # bytes of stat fields before the id


class IndexRow(NamedTuple):
    """What one entry says of its file. Times are (seconds, nanoseconds); all numbers are modulo 2^32."""

    ctime: tuple[int, int]
    mtime: tuple[int, int]
    ino: int
    mode: int
    uid: int
    gid: int
    size: int
    id: ObjectId
    flags: int
    extended: int

    @property
    def stage(self) -> int:
        """0, or 1–3 in a conflict that is not resolved."""
        return (self.flags & STAGE) >> 12


class CachedTree(NamedTuple):
    """The tree that a folder of the index would make; `entries` is -1 and `id` None if it has to be made anew."""

    entries: int
    id: ObjectId | None
    children: dict[bytes, "CachedTree"]


class Index:
    """A view on the bytes of an index file. `len()` is the number of entries.

    Raises Unsupported for other versions and required extensions, Corrupt for what does not fit or a wrong trailer.
    """

    def __init__(self, content: bytes, form: ObjectFormat, source: str, written_ns: int = 0) -> None:
        """Check header, trailer and extensions of `content`, and find where each entry starts.

        `written_ns` is when the file was written: what changed since then may have the stat data that it holds.
        """
        if content[:8] == b"DIRC\0\0\0\4":
            _check_trailer(content, form, source)
            content = expand(content, form, source)
        self.content, self._form, self._source, self.written_ns = content, form, source, written_ns
        self.path_at = _FIXED + form.width + 2  # from the start of an entry to its path, if it has no extended flags
        self._stat = Struct(f">10I{form.width}sH")
        end = len(content) - form.width
        if end < 12 or content[:4] != b"DIRC":
            raise Corrupt(source, 0, "not an index")
        self.version = int.from_bytes(content[4:8], "big")
        if self.version not in (2, 3):
            raise Unsupported(f"index version {self.version}", source)
        _check_trailer(content, form, source)
        self.offsets = array("Q")
        self.tree: CachedTree | None = None
        self._spans: dict[bytes, tuple[int, int]] = {}
        self._entries_end = self._find_entries(end)
        self._find_extensions(self._entries_end, end)
        self.tree = decode_tree_cache(self.extension(b"TREE") or b"", form)

    def __len__(self) -> int:
        return len(self.offsets)

    def _find_entries(self, end: int) -> int:
        """Note where each entry starts; return where the last one ends."""
        content, append = self.content, self.offsets.append
        flags_at, at = _FIXED + self._form.width, 12
        for _ in range(int.from_bytes(content[8:12], "big")):
            append(at)
            path_at = at + flags_at + 2
            if path_at < end and content[path_at - 2] & 0x40:
                self._check_extended(path_at)
                path_at += 2
            stop = content.find(b"\0", path_at, end)
            at += (stop - at + 8) & ~7
            if stop < 0 or at > end:
                raise Corrupt(self._source, self.offsets[-1], "an entry does not end")
        return at

    def _check_extended(self, at: int) -> None:
        unknown = int.from_bytes(self.content[at : at + 2], "big") & ~(SKIP_WORKTREE | INTENT_TO_ADD)
        if unknown:
            raise Unsupported(f"an index entry with the extended flag {unknown:#06x}", self._source)

    def _find_extensions(self, at: int, end: int) -> None:
        while at + 8 <= end:
            name, size = self.content[at : at + 4], int.from_bytes(self.content[at + 4 : at + 8], "big")
            at += 8
            if at + size > end:
                raise Corrupt(self._source, at, f"extension {name!r} does not end")
            if not b"A" <= name[:1] <= b"Z":
                raise Unsupported(REQUIRED.get(name, f"the index extension {name.decode('latin-1')!r}"), self._source)
            self._spans[name] = (at, at + size)
            at += size

    def extension(self, name: bytes) -> bytes | None:
        """The content of an extension; None if the index has none of this name."""
        start, end = self._spans.get(name, (0, 0))
        return self.content[start:end] if end else None

    def entries_bytes(self) -> bytes:
        """Header and entries, without extensions and trailer."""
        return self.content[: self._entries_end]

    def path(self, number: int) -> bytes:
        """The path of an entry, counted from 0, relative to the work tree and with "/"."""
        return self._path_at(self.offsets[number])

    def _path_at(self, at: int) -> bytes:
        flags_at = at + _FIXED + self._form.width
        start = flags_at + (4 if self.content[flags_at] & 0x40 else 2)
        return self.content[start : self.content.index(b"\0", start)]

    def find(self, path: bytes) -> int | None:
        """The number of the entry for `path`, of the lowest stage; None if it is not tracked."""
        number = bisect_left(self.offsets, path, key=self._path_at)
        return number if number < len(self) and self.path(number) == path else None

    def row(self, number: int) -> IndexRow:
        """What entry `number` says of its file."""
        at = self.offsets[number]
        (cs, cn, ms, mn, _, ino, mode, uid, gid, size, id_, flags) = self._stat.unpack_from(self.content, at)
        extended = 0
        if flags & EXTENDED:
            after = at + self._stat.size
            extended = int.from_bytes(self.content[after : after + 2], "big")
        return IndexRow((cs, cn), (ms, mn), ino, mode, uid, gid, size, ObjectId(id_), flags, extended)


def _check_trailer(content: bytes, form: ObjectFormat, source: str) -> None:
    end = len(content) - form.width
    if any(content[end:]) and key_of(content, form) != content[end:]:
        raise Corrupt(source, end, "the checksum does not fit")


def key_of(content: bytes, form: ObjectFormat) -> bytes:
    """The hash over an index file without its trailer, which may be zero."""
    return form.digest(memoryview(content)[: -form.width])


def expand(content: bytes, form: ObjectFormat, source: str) -> bytes:
    """An index of version 4 as one of version 3: paths, which share their start with the one before, written out."""
    parts, path, at = [b"DIRC\0\0\0\3" + content[8:12]], b"", 12
    fixed, end = _FIXED + form.width + 2, len(content) - form.width
    if end < at:
        raise Corrupt(source, 0, "not an index")
    for _ in range(int.from_bytes(content[8:12], "big")):
        start, at = at, at + fixed
        at += 2 if at <= end and content[at - 2] & 0x40 else 0
        cut, name_at = _read_cut(content, at, end, source)
        stop = content.find(b"\0", name_at, end)
        if stop < 0 or cut > len(path):
            raise Corrupt(source, start, "an entry does not end")
        path = path[: len(path) - cut] + content[name_at:stop]
        entry = content[start:at] + path
        parts.append(entry + bytes(8 - len(entry) % 8))
        at = stop + 1
    body = b"".join([*parts, content[at:end]])
    return body + form.digest(body)


def _read_cut(content: bytes, at: int, end: int, source: str) -> tuple[int, int]:
    """How many bytes of the path before are cut off, and where the rest of the path starts."""
    cut = -1
    while at < end:
        cut = (cut + 1) << 7 | content[at] & 0x7F
        at += 1
        if content[at - 1] < 0x80:
            return cut, at
    raise Corrupt(source, at, "an entry does not end")


def decode_tree_cache(content: bytes, form: ObjectFormat) -> CachedTree | None:
    """The TREE extension: for each folder in depth-first order a name, NUL, "count children\\n" and its id if known.

    None if it is broken in any way: it is only ever a short cut.
    """
    root: CachedTree | None = None
    open_: list[tuple[CachedTree, int]] = []  # folders and how many of their children are still to come
    at = 0
    while at < len(content):
        stop = content.find(b"\0", at)
        line = content.find(b"\n", stop)
        if stop < 0 or line < 0:
            return None
        try:
            count, children = map(int, content[stop + 1 : line].split(b" "))
        except ValueError:
            return None
        name, at = content[at:stop], line + 1
        id_ = ObjectId(content[at : at + form.width]) if count >= 0 else None
        at += form.width if count >= 0 else 0
        if at > len(content) or children < 0 or (root is not None and not open_):
            return None
        node = CachedTree(count, id_, {})
        if open_:
            parent, left = open_.pop()
            parent.children[name] = node
            if left > 1:
                open_.append((parent, left - 1))
        else:
            root = node
        if children:
            open_.append((node, children))
    return None if open_ else root


def encode_tree_cache(root: CachedTree) -> bytes:
    """The TREE extension of these folders."""
    parts, todo = [], [(b"", root)]
    while todo:
        name, node = todo.pop()
        count = node.entries if node.id else -1
        known = node.id if node.id and count >= 0 else b""
        parts.append(b"%s\0%d %d\n%s" % (name, count, len(node.children), known))
        todo += reversed(node.children.items())
    return b"".join(parts)


def encode_index(rows: Iterable[tuple[bytes, IndexRow]], form: ObjectFormat) -> bytes:
    """An index of version 2 without extensions; `rows` are sorted by path."""
    pack = Struct(f">10I{form.width}sH").pack
    entries = []
    for path, row in rows:
        stats = (*row.ctime, *row.mtime, 0, row.ino, row.mode, row.uid, row.gid, row.size)
        entry = pack(*(number & 0xFFFFFFFF for number in stats), row.id, min(len(path), 0xFFF)) + path
        entries.append(entry + bytes(8 - len(entry) % 8))
    content = b"DIRC" + (2).to_bytes(4, "big") + len(entries).to_bytes(4, "big") + b"".join(entries)
    return content + form.digest(content)

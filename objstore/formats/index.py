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
from collections.abc import Collection, Iterable, Iterator
from itertools import repeat
from operator import itemgetter
from struct import Struct

from ..errors import Corrupt, Unsupported
from ..ids import ObjectFormat, ObjectId
from ..lighttyping import NamedTuple
from .cachetree import CachedTree, decode_tree_cache, forget_above
from .objects import FILE

VALID, EXTENDED, STAGE = 0x8000, 0x4000, 0x3000  # flags of an entry
SKIP_WORKTREE, INTENT_TO_ADD = 0x4000, 0x2000  # its extended flags; git refuses an index with any other
SECOND = 1_000_000_000  # nanoseconds
REQUIRED = {  # extensions of others that must be understood, and what to do where they are there
    b"link": ("a split index", "`git update-index --no-split-index` writes it as one file"),
    b"sdir": ("a sparse index", "`git sparse-checkout reapply --no-sparse-index` writes it in full"),
}
_FIXED, _MODE_AT = 40, 24  # bytes of stat fields before the id, and before the mode among them
_LONG = 0xFFF  # what the flags say of a path that is at least so long, bytes


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


class Index:
    """A view on the bytes of an index file. `len()` is the number of entries.

    Raises Unsupported for other versions and required extensions, Corrupt for what does not fit or a wrong trailer.
    """

    def __init__(
        self,
        content: bytes,
        form: ObjectFormat,
        source: str,
        written_ns: int = 0,
        *,
        offsets: "array[int] | None" = None,
    ) -> None:
        """Check header, trailer and extensions of `content`, and find where each entry starts.

        `written_ns` is when the file was written: what changed since then may have the stat data that it holds.
        `offsets` is where the entries start, if somebody who is trusted knows.
        """
        if content[:8] == b"DIRC\0\0\0\4":
            _check_trailer(content, form, source)
            content = expand(content, form, source)
        self.content, self.form, self.source, self.written_ns = content, form, source, written_ns
        self.path_at = _FIXED + form.width + 2  # from the start of an entry to its path, if it has no extended flags
        self._stat = Struct(f">10I{form.width}sH")
        end = len(content) - form.width
        if end < 12 or content[:4] != b"DIRC":
            raise Corrupt(source, 0, "not an index")
        self.version = int.from_bytes(content[4:8], "big")
        if self.version not in (2, 3):
            raise Unsupported(f"index version {self.version}", source)
        _check_trailer(content, form, source)
        self.offsets = array("Q") if offsets is None else offsets
        self.tree: CachedTree | None = None
        self._spans: dict[bytes, tuple[int, int]] = {}
        self._entries_end = self._find_entries(end) if offsets is None else self._end_of_last(end)
        self._find_extensions(self._entries_end, end)
        self.tree = decode_tree_cache(self.extension(b"TREE") or b"", form)

    def __len__(self) -> int:
        return len(self.offsets)

    def _find_entries(self, end: int) -> int:
        """Note where each entry starts; return where the last one ends."""
        content, append, end_of = self.content, self.offsets.append, self.content.index
        path_in, at = self.path_at, 12
        try:
            for _ in repeat(None, int.from_bytes(content[8:12], "big")):
                append(at)
                path_at = at + path_in
                if content[path_at - 2] & 0x40:
                    self._check_extended(path_at)
                    path_at += 2
                at += (end_of(b"\0", path_at, end) - at + 8) & ~7
        except (ValueError, IndexError):
            at = end + 1
        if at > end:
            raise Corrupt(self.source, self.offsets[-1], "an entry does not end")
        return at

    def _end_of_last(self, end: int) -> int:
        if not self.offsets:
            return 12
        at, path = self.offsets[-1], self.path(len(self) - 1)
        return at + (self.content.index(path, at + self.path_at, end) + len(path) - at + 8 & ~7)

    def _check_extended(self, at: int) -> None:
        unknown = int.from_bytes(self.content[at : at + 2], "big") & ~(SKIP_WORKTREE | INTENT_TO_ADD)
        if unknown:
            raise Unsupported(f"an index entry with the extended flag {unknown:#06x}", self.source)

    def _find_extensions(self, at: int, end: int) -> None:
        while at + 8 <= end:
            name, size = self.content[at : at + 4], int.from_bytes(self.content[at + 4 : at + 8], "big")
            at += 8
            if at + size > end:
                raise Corrupt(self.source, at, f"extension {name!r} does not end")
            if not b"A" <= name[:1] <= b"Z":
                what, hint = REQUIRED.get(name, (f"the index extension {name.decode('latin-1')!r}", ""))
                raise Unsupported(what, self.source, hint)
            self._spans[name] = (at, at + size)
            at += size

    def extension(self, name: bytes) -> bytes | None:
        """The content of an extension; None if the index has none of this name."""
        start, end = self._spans.get(name, (0, 0))
        return self.content[start:end] if end else None

    def entries_bytes(self) -> memoryview:
        """Header and entries, without extensions and trailer."""
        return memoryview(self.content)[: self._entries_end]

    def path(self, number: int) -> bytes:
        """The path of an entry, counted from 0, relative to the work tree and with "/"."""
        return self._path_at(self.offsets[number])

    def _path_at(self, at: int) -> bytes:
        flags_at = at + _FIXED + self.form.width
        start = flags_at + (4 if self.content[flags_at] & 0x40 else 2)
        return self.content[start : self.content.index(b"\0", start)]

    def paths(self, start: int, stop: int, skipped: int = 0) -> list[bytes]:
        """The paths of some entries without their first bytes. Asking `path` for each takes three times as long."""
        content, end_of, flags_at = self.content, self.content.index, self.path_at - 2
        offsets = self.offsets[start:stop]
        starts = [at + flags_at + (4 if content[at + flags_at] & 0x40 else 2) + skipped for at in offsets]
        return [content[at : end_of(b"\0", at)] for at in starts]

    def id(self, number: int) -> bytes:
        """The id of an entry; what `row` says, faster."""
        at = self.offsets[number] + _FIXED
        return self.content[at : at + self.form.width]

    def mode(self, number: int) -> int:
        """The mode of an entry; what `row` says, faster."""
        at = self.offsets[number] + _MODE_AT
        return int.from_bytes(self.content[at : at + 4], "big")

    def has_flags(self, number: int) -> bool:
        """Whether an entry has flags: it is unmerged, or git was told not to look at its file, or more."""
        return self.content[self.offsets[number] + self.path_at - 2] > 15

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


def edit(index: Index, dropped: Collection[int], added: Collection[bytes]) -> Index:
    """The index without the entries of the numbers `dropped` and with one for each path in `added`, both in order.

    Nothing is known of what is added: neither stat data nor content; it must not be in the index.
    """
    changed = {path[: path.rfind(b"/") + 1] for path in (*map(index.path, dropped), *added)}  # folders
    # From an entry, up to one, what is there instead.
    cuts = [*((number, number + 1, b"") for number in dropped), *((at, at, new) for at, new in _runs(index, added))]
    entries, done = index.entries_bytes(), 0
    starts = index.offsets + array(index.offsets.typecode, [len(entries)])
    count = len(index) - len(dropped) + len(added)
    parts: list[bytes | memoryview] = [index.content[:8], count.to_bytes(4, "big")]
    for start, after, new in sorted(cuts, key=itemgetter(0, 1)):
        parts += entries[starts[done] : starts[start]], new
        done = after
    content = b"".join([*parts, entries[starts[done] :], bytes(index.form.width)])
    edited = Index(content, index.form, index.source, index.written_ns)
    edited.tree = forget_above(index.tree, changed) if index.tree else None
    return edited


def _runs(index: Index, added: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """New entries for paths in order, those that come before the same entry together, and the number of that one."""
    fixed, ends = Struct(f">24xI{12 + index.form.width}xH"), [bytes(8 - size) for size in range(8)]
    at, run = 0, list[bytes]()
    behind: bytes | None = b""  # the path of entry `at`; None behind the last one
    for path in added:
        if behind is not None and behind < path:
            if run:
                yield at, b"".join(run)
            at = bisect_left(range(len(index)), path, lo=at, key=index.path)
            behind, run = index.path(at) if at < len(index) else None, []
        entry = fixed.pack(FILE, min(len(path), _LONG)) + path
        run.append(entry + ends[len(entry) & 7])
    if run:
        yield at, b"".join(run)


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


def encode_index(rows: Iterable[tuple[bytes, IndexRow]], form: ObjectFormat) -> bytes:
    """An index of version 2 without extensions; `rows` are sorted by path."""
    pack = Struct(f">10I{form.width}sH").pack
    entries = []
    for path, row in rows:
        stats = (*row.ctime, *row.mtime, 0, row.ino, row.mode, row.uid, row.gid, row.size)
        entry = pack(*(number & 0xFFFFFFFF for number in stats), row.id, min(len(path), _LONG)) + path
        entries.append(entry + bytes(8 - len(entry) % 8))
    content = b"DIRC" + (2).to_bytes(4, "big") + len(entries).to_bytes(4, "big") + b"".join(entries)
    return content + form.digest(content)

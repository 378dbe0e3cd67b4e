"""A private copy of a user's index that remembers what a snapshot had to read, so that the next one need not.

It is an index in Git's own format: the entries of the user's and of the untracked files that were saved with them,
those that were looked at with the stat data, mode and id that their file had then, and the trees that they make. More
extensions say what it was made from, and make the next look at it and at the files faster:

    "EXPS"   hash over the user's index without its trailer (20 or 32 bytes)
             time before the first lstat of the snapshot that made it, ns since the epoch (8 bytes, big-endian)
             fingerprint of what decides how the files that were read are converted (20 or 32 bytes)
             how many entries are of untracked files (4 bytes), the numbers of these entries (4 bytes each)
             folders of the files that were read, "a/b/", each ended by NUL
    "EXPN"   folders with as many names as the index tells, and what their times were then (`scan.encode_stamps`)
    "EXPC"   the stat data of all entries by columns (`formats/statcolumns.py`); the last extension, if it is there

Deleting or corrupting it only costs time; it is believed only for just the index that it was made from, and while
attributes and settings are what they were.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from struct import Struct

from .errors import Corrupt, Unsupported
from .formats.cachetree import CachedTree, encode_tree_cache
from .formats.index import SECOND, Index
from .formats.statcolumns import ROW_BYTES, StatColumns, big_endian, decode_columns, make_columns
from .ids import ObjectFormat
from .lighttyping import NamedTuple
from .scan import RACY_NS, Stamps, decode_stamps, encode_stamps
from .stores.files import Sharing, create, read_file, write_all
from .writetree import Stored

EXTENSION, NAMES, COLUMNS = b"EXPS", b"EXPN", b"EXPC"
_STAT = Struct(">4I4xIIIII")  # ctime s, ns, mtime s, ns, (device), inode, mode, uid, gid, size
_BLOCK = 1 << 20  # bytes that are written at once
_PARTS = 4096  # of a block
_ALL = 0xFFFFFFFF  # the bits that an index keeps of a number

Fingerprint = Callable[[Iterable[bytes]], bytes]  # folders → a hash over what decides how their files are converted
# entry number → what its file holds, and its stat data then; None: it must be compared the next time, too
Looked = Mapping[int, tuple[Stored, os.stat_result] | None]


class Remembered(NamedTuple):
    """What is known of a work tree: entries, of which those with the numbers `included` are of untracked files."""

    entries: Index
    included: "array[int]"
    columns: StatColumns | None = None
    stamps: Stamps | None = None


class IndexCopy:
    """The copy in one file."""

    def __init__(self, path: str, form: ObjectFormat, sharing: Sharing) -> None:
        """Look at the file `path`, which need not exist."""
        self._path, self._form, self._sharing = path, form, sharing

    def get(self, key: bytes, fingerprint: Fingerprint) -> Remembered | None:
        """The copy, if it was made from the index whose bytes have the hash `key`; None otherwise.

        None too if `fingerprint` of the folders with files that were read is another now.
        """
        width = self._form.width
        try:
            content = read_file(self._path)
            if not content or not any(content[-width:]):
                return None
            columns = _columns(content, width)
            index = Index(content, self._form, self._path, offsets=columns.starts if columns else None)
        except (OSError, Corrupt, Unsupported):
            return None
        made = index.extension(EXTENSION) or b""
        if made[:width] != key or len(made) < 2 * width + 12:
            return None
        if fingerprint(_folders(made, width)) != made[width + 8 : 2 * width + 8]:
            return None
        index.written_ns = int.from_bytes(made[width : width + 8], "big")
        return Remembered(index, _included(made, width), columns, decode_stamps(index.extension(NAMES) or b""))

    def write(
        self,
        key: bytes,
        known: Remembered,
        looked: Looked,
        *,
        tree: CachedTree,
        began_ns: int,
        fingerprint: Fingerprint,
    ) -> None:
        """Remember what was known with what was looked at. A folder that cannot be written is no reason to fail."""
        index = known.entries
        before = _folders(index.extension(EXTENSION) or b"", self._form.width)
        paths = map(index.path, looked)
        folders = sorted({*before, *(path[: path.rfind(b"/") + 1] for path in paths)})
        made = b"".join(
            (
                key,
                began_ns.to_bytes(8, "big"),
                fingerprint(folders),
                len(known.included).to_bytes(4, "big"),
                big_endian(known.included).tobytes(),
                *(each + b"\0" for each in folders),
            )
        )
        stamps = {path: stamp for path, stamp in (known.stamps or {}).items() if stamp > 0}
        extensions = {b"TREE": encode_tree_cache(tree), EXTENSION: made, NAMES: encode_stamps(stamps)}
        columns = known.columns or make_columns(index, began_ns - RACY_NS)
        last = _column_blocks(columns, looked, began_ns - RACY_NS) if columns else ()
        with suppress(OSError):
            self._replace(chain(_entries(index, looked), _encoded(extensions), last))

    def _replace(self, blocks: Iterable[bytes | memoryview]) -> None:
        temporary, hasher = f"{self._path}.{os.getpid()}-{os.urandom(4).hex()}.tmp", self._form.hasher()
        fd = create(temporary, 0o666, self._sharing)
        try:
            try:
                for block in blocks:
                    hasher.update(block)
                    write_all(fd, block)
                write_all(fd, hasher.digest())
            finally:
                os.close(fd)
            self._sharing.adjust(temporary)
            os.replace(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise


def _entries(index: Index, looked: Looked) -> Iterator[bytes | memoryview]:
    """Header and entries, those that were looked at with what was seen, in blocks."""
    entries, done, width = index.entries_bytes(), 0, index.form.width
    parts: list[bytes | memoryview] = []
    size = 0  # bytes of the parts from the index
    for number in sorted(looked):
        at, seen = index.offsets[number], looked[number]
        if size > _BLOCK or len(parts) > _PARTS:
            yield b"".join(parts)
            parts, size = [], 0
        if at - done > _BLOCK:  # what lies between a few changes may be a hundred megabytes
            yield from (b"".join(parts), entries[done:at])
            parts, size = [], 0
        else:
            parts.append(entries[done:at])
            size += at - done
        if seen is None:
            done = at + _STAT.size
            parts.append(bytes(entries[at : done - 4]) + bytes(4))  # git's mark for it: no size
            continue
        (mode, id_), found = seen
        parts += _STAT.pack(*_fields(found, mode)), id_
        done = at + _STAT.size + width
    yield b"".join(parts)
    yield entries[done:]


def _fields(found: os.stat_result, mode: int) -> tuple[int, ...]:
    """What an entry says of a file, in its order. Written out: the loop runs for each of 100,000 new files."""
    ctime, mtime = found.st_ctime_ns, found.st_mtime_ns
    return (
        ctime // SECOND & _ALL, ctime % SECOND, mtime // SECOND & _ALL, mtime % SECOND, found.st_ino & _ALL, mode,
        found.st_uid & _ALL, found.st_gid & _ALL, found.st_size & _ALL,
    )  # fmt: skip


def _encoded(extensions: Mapping[bytes, bytes]) -> Iterator[bytes]:
    for name, content in extensions.items():
        yield b"".join((name, len(content).to_bytes(4, "big"), content))


def _column_blocks(columns: StatColumns, looked: Looked, sure_until_ns: int) -> Iterator[bytes]:
    """The extension with the columns and what was looked at, one after the other: there may be a million entries."""
    yield COLUMNS + (ROW_BYTES * len(columns.starts)).to_bytes(4, "big")
    sure = {number for number, seen in looked.items() if seen and _is_sure(seen[1], sure_until_ns)}
    for name, column in zip(StatColumns._fields, columns, strict=True):
        updated = column[:]
        if name == "ctimes":
            for number, seen in looked.items():
                updated[number] = seen[1].st_ctime_ns if seen and number in sure else -1
        elif value := _LOOKED.get(name):
            for number in sure:
                seen = looked[number]
                updated[number] = value(seen[1]) if seen else 0
        yield big_endian(updated).tobytes()


def _is_sure(found: os.stat_result, sure_until_ns: int) -> bool:
    """Whether a file cannot change any more without a trace in its stat data."""
    is_old = 0 <= found.st_mtime_ns < sure_until_ns and found.st_ctime_ns < sure_until_ns
    return is_old and found.st_ctime_ns % SECOND != 0


_LOOKED: dict[str, Callable[[os.stat_result], int]] = {
    "inos": lambda found: found.st_ino & _ALL,
    "sizes": lambda found: found.st_size & _ALL,
    "mtimes": lambda found: found.st_mtime_ns,
}


def _columns(content: bytes, width: int) -> StatColumns | None:
    """The columns, which the last extension holds; None if it is another one."""
    count = int.from_bytes(content[8:12], "big")
    size = count * ROW_BYTES
    at = len(content) - width - size
    if at < 20 or content[at - 8 : at] != COLUMNS + size.to_bytes(4, "big"):
        return None
    return decode_columns(content[at : at + size], count)


def _included(made: bytes, width: int) -> "array[int]":
    start = 2 * width + 12
    end = start + 4 * int.from_bytes(made[start - 4 : start], "big")
    return big_endian(array("I", made[start : start + (max(end - start, 0) & ~3)]))


def _folders(made: bytes, width: int) -> list[bytes]:
    start = 2 * width + 12
    return made[start + 4 * int.from_bytes(made[start - 4 : start], "big") :].split(b"\0")[:-1]

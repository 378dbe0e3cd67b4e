"""One `lstat` for each tracked file: which entries of an index may not be what is on disk. Reads no file.

The loop runs once for every tracked file, a million times in large repositories: files are looked at in runs, without a
step of the interpreter for one whose stat data is what the index says (bench/results/snapshot.txt). Everything that is
not settled so is left to the exact comparison in `statdata.py`. Beside it, folders are listed: where the number of
names is the one that the index's TREE extension tells, nothing is untracked.
Authority: git's `read-cache.c` (`ie_match_stat`, racy entries).
"""

import os
import stat
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, repeat
from operator import attrgetter, itemgetter
from struct import Struct

from .forking import alongside, can_fork
from .formats.cachetree import CachedTree
from .formats.index import SECOND, Index
from .formats.statcolumns import StatColumns
from .lighttyping import NamedTuple

_STAT = itemgetter(
    stat.ST_CTIME, stat.ST_MTIME, stat.ST_INO, stat.ST_MODE, stat.ST_UID, stat.ST_GID, stat.ST_SIZE
)  # in the order in which an entry has them
RACY_NS = 20_000_000  # clocks of file systems tick every 4–10 ms
WORTH_A_FORK = 5_000  # entries: below, making a process costs as much as it saves
RUN = 256  # entries that are looked at together
_OURS, _OF = 57, 100  # share of the entries that we look at while a child lists the folders and looks at the others
_FIELDS, _CTIME = Struct(">I4xI4x4xIIIII"), Struct(">II")
_MTIME, _SIZE = itemgetter(1), itemgetter(6)  # of these
_CTIME_NS, _MTIME_NS = attrgetter("st_ctime_ns"), attrgetter("st_mtime_ns")
_INO, _SIZE_OF = itemgetter(stat.ST_INO), itemgetter(stat.ST_SIZE)
_FEW = 64  # names
_KIND_AND_X = 0o170100  # what git keeps of a mode: the type, and the owner's x
_NOTHING = os.stat_result((0,) * 10, {"st_ctime_ns": -2, "st_mtime_ns": -2})  # in the place of a file that is not there


Stamps = Mapping[bytes, int]  # folder → what its times are while its names are as many as the index says; -1: others


class Seen(NamedTuple):
    """What a scan found."""

    unsettled: "array[int]"  # numbers of the entries whose file may not be what the index says, in order
    stamps: Stamps | None  # of the folders below the root that the TREE extension tells of; None: they were not counted


class Folders:
    """Which folders of a work tree are real: reached through folders only, never through a symbolic link."""

    def __init__(self, root: bytes) -> None:
        """Look below `root`, which ends with "/"."""
        self._root = root
        self._known: dict[bytes, bool] = {b"": True}

    def is_real(self, path: bytes) -> bool:
        """Whether `path` ("a/b/", or empty for the root) is such a folder."""
        unknown, real = [], self._known.get(path)
        while real is None:
            unknown.append(path)
            path = path[: path.rfind(b"/", 0, -1) + 1]
            real = self._known.get(path)
        for folder in reversed(unknown):
            try:
                real = real and stat.S_ISDIR(os.lstat(self._root + folder[:-1]).st_mode)
            except (FileNotFoundError, NotADirectoryError):
                real = False
            self._known[folder] = real
        return real


def scan(
    index: Index,
    root: bytes,
    folders: Folders,
    *,
    columns: StatColumns | None = None,
    workers: int = 1,
    new: Sequence[int] = (),
    known: Stamps | None = None,
    sure_until_ns: int = 0,
) -> Seen:
    """Look at the file of every entry, below `root`; with `known`, at the number of names in each folder too.

    A file is unsettled if its stat data is not what the index has, or as young as the index itself (racy), or if its
    entry has flags; those with the numbers `new` are not looked at: nothing is known of them. `columns` of the index
    make that faster. A folder whose stamp is `known` is not listed; those that changed at or after `sure_until_ns` have
    none. With two workers a forked child does half of it, where that is possible and worth it.
    """
    parts = _others(new, len(index))

    def files(entries: range) -> "array[int]":
        found = array("Q")
        for start, stop in parts:
            part = range(max(start, entries.start), min(stop, entries.stop))
            found += _look(index, root, folders, columns, part)
        return found

    names = partial(_count, index, root, known, sure_until_ns)
    if workers == 1 or len(index) < WORTH_A_FORK or not can_fork():
        return Seen(files(range(len(index))), names())
    middle = len(index) * _OURS // _OF if known == {} else len(index) // 2

    def theirs() -> bytes:
        found = files(range(middle, len(index))).tobytes()
        return len(found).to_bytes(8, "big") + found + encode_stamps(names() or {})

    found, answer = alongside(theirs, lambda: files(range(middle)))
    if answer is None:
        return Seen(found + files(range(middle, len(index))), names())
    end = 8 + int.from_bytes(answer[:8], "big")
    found.frombytes(answer[8:end])
    return Seen(found, None if known is None else decode_stamps(answer[end:]))


def _others(numbers: Sequence[int], count: int) -> list[tuple[int, int]]:
    """The runs of entries, from one to before another, that are not among `numbers`, which are in order."""
    runs, start = [], 0
    for number in numbers:
        if number > start:
            runs.append((start, number))
        start = number + 1
    return [*runs, (start, count)]


def _look(index: Index, root: bytes, folders: Folders, columns: StatColumns | None, entries: range) -> "array[int]":
    found = array("Q")
    for first in range(entries.start, entries.stop, RUN):
        numbers = range(first, min(first + RUN, entries.stop))
        if columns:
            starts, ends = columns.starts[first : numbers.stop], columns.ends[first : numbers.stop]
            paths = [index.content[start + index.path_at : end] for start, end in zip(starts, ends, strict=True)]
        else:
            paths = index.paths(first, numbers.stop)
        stats = _stats(root, paths)
        settled = _are_as_then(columns, numbers, stats) if columns else _are_as_indexed(index, numbers, stats)
        if not settled or not _are_real(folders, paths):
            found.extend(_one_by_one(index, numbers, paths, stats, folders))
    return found


def _are_as_then(columns: StatColumns, numbers: range, stats: list[os.stat_result]) -> bool:
    """Whether all files of a run are those that the columns tell of: the common case, which must cost next to nothing.

    All else that git keeps of a file was compared then, and leaves its mark in ctime if it changes.
    """
    first, stop = numbers.start, numbers.stop
    return (
        list(map(_CTIME_NS, stats)) == columns.ctimes[first:stop].tolist()
        and list(map(_MTIME_NS, stats)) == columns.mtimes[first:stop].tolist()
        and list(map(_SIZE_OF, stats)) == columns.sizes[first:stop].tolist()
        and list(map(_INO, stats)) == columns.inos[first:stop].tolist()
    )


def _stats(root: bytes, paths: list[bytes]) -> list[os.stat_result]:
    try:
        return list(map(os.lstat, map(root.__add__, paths)))
    except OSError:
        return [_stat(root + path) for path in paths]


def _stat(path: bytes) -> os.stat_result:
    try:
        return os.lstat(path)
    except OSError:
        return _NOTHING


def _are_as_indexed(index: Index, numbers: range, stats: list[os.stat_result]) -> bool:
    """Whether all entries of a run are what the index says."""
    content, offsets = index.content, index.offsets[numbers.start : numbers.stop]
    fields = list(map(_FIELDS.unpack_from, repeat(content), offsets))  # ctime, mtime, inode, mode, uid, gid, size
    if fields != list(map(_STAT, stats)) or not all(map(_SIZE, fields)):
        return False
    too_young, flags_at = _too_young(index), index.path_at - 2
    ctimes = [seconds * SECOND + ns for seconds, ns in map(_CTIME.unpack_from, repeat(content), offsets)]
    return (
        max(fields)[0] < too_young
        and max(map(_MTIME, fields)) < too_young
        and ctimes == list(map(_CTIME_NS, stats))  # an edit leaves its mark there, always
        and max([content[at + flags_at] for at in offsets]) < 16
    )


def _too_young(index: Index) -> int:
    """From which second on a file is left to the exact comparison, which knows nanoseconds."""
    return (index.written_ns - RACY_NS) // SECOND


def _are_real(folders: Folders, paths: list[bytes]) -> bool:
    try:
        return all(map(folders.is_real, {path[: path.rfind(b"/") + 1] for path in paths}))
    except OSError:  # a name that the system refuses
        return False


def _one_by_one(
    index: Index, numbers: range, paths: list[bytes], stats: list[os.stat_result], folders: Folders
) -> Iterator[int]:
    content, flags_at, too_young = index.content, index.path_at - 2, _too_young(index)
    for number, path, found in zip(numbers, paths, stats, strict=True):
        at = index.offsets[number]
        fields, (seconds, ns) = _FIELDS.unpack_from(content, at), _CTIME.unpack_from(content, at)
        same = (
            found.st_ctime_ns == seconds * SECOND + ns
            and _are_same(_STAT(found), fields)
            and fields[0] < too_young
            and fields[1] < too_young
            and fields[6]
            and content[at + flags_at] < 16
            and _are_real(folders, [path])
        )
        if not same:
            yield number


def _are_same(stats: tuple[int, ...], fields: tuple[int, ...]) -> bool:
    """Whether only what git does not keep differs: some bits of the mode, as with a umask of 002; what 32 bits lack."""
    kept = tuple(number & 0xFFFFFFFF for number in stats)
    return kept[:3] == fields[:3] and kept[4:] == fields[4:] and not (kept[3] ^ fields[3]) & _KIND_AND_X


def expected_names(folder: CachedTree) -> int | None:
    """How many names a folder holds that the TREE extension knows; None if it does not know it, or not all in it."""
    below = [child.entries for child in folder.children.values()]
    if folder.entries < 0 or min(below, default=1) < 1:
        return None
    return folder.entries - sum(below) + len(below)


def _count(index: Index, root: bytes, known: Stamps | None, sure_until_ns: int) -> Stamps | None:
    """The stamps of the folders that the TREE extension tells of; only those whose stamp is another one are listed."""
    if known is None:
        return None
    stamps: dict[bytes, int] = {}
    todo = [(b"", index.tree)] if index.tree else []
    while todo:
        path, folder = todo.pop()
        todo += [(path + name + b"/", child) for name, child in folder.children.items()]
        if path:
            now = stamp(root + path, sure_until_ns)
            same = (now > 0 and known.get(path) == now) or _has_names(root + path, expected_names(folder))
            stamps[path] = now if same else -1
    return stamps


def stamp(path: bytes, sure_until_ns: int) -> int:
    """Something that is another number when names come to a folder or go; 0 if that cannot be relied on yet."""
    found = _stat(path[:-1])
    young = max(found.st_mtime_ns, found.st_ctime_ns) >= sure_until_ns
    return 0 if young else found.st_mtime_ns + found.st_ctime_ns


def encode_stamps(stamps: Stamps) -> bytes:
    """Stamps as bytes: how many (4), the numbers (8 each), the folders, each ended by NUL."""
    numbers = b"".join(number.to_bytes(8, "big", signed=True) for number in stamps.values())
    return len(stamps).to_bytes(4, "big") + numbers + b"".join(path + b"\0" for path in stamps)


def decode_stamps(content: bytes) -> Stamps:
    """What `encode_stamps` made."""
    at = 4 + 8 * int.from_bytes(content[:4], "big")
    numbers = [int.from_bytes(content[each : each + 8], "big", signed=True) for each in range(4, at, 8)]
    return dict(zip(content[at:].split(b"\0"), numbers, strict=False))


def _has_names(path: bytes, count: int | None) -> bool:
    """Whether a folder holds just so many names. Few are counted up to there: there may be 150,000 others."""
    try:
        if count is None or count > _FEW:
            return count is not None and len(os.listdir(path)) == count  # three fifths of the time of scandir
        with os.scandir(path) as names:
            return sum(1 for _ in islice(names, count + 1)) == count
    except OSError:
        return False

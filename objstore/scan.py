"""One `lstat` for each tracked file: which entries of an index may not be what is on disk. Reads no file.

The loop runs once for every tracked file, a million times in large repositories: it makes no object for a file whose
stat data is what the index says (bench/results/snapshot.txt). Everything that it does not settle is left to the exact
comparison in `worktree.py`. Authority: git's `read-cache.c` (`ie_match_stat`, racy entries).
"""
import os
import stat
import sys
from array import array
from contextlib import suppress
from operator import itemgetter
from struct import Struct

from .formats.index import SECOND, Index
from .stores.files import write_all

_STAT = itemgetter(
    stat.ST_CTIME, stat.ST_MTIME, stat.ST_INO, stat.ST_MODE, stat.ST_UID, stat.ST_GID, stat.ST_SIZE
)  # in the order in which an entry has them
WORTH_A_FORK = 5_000  # entries: below, making a process costs as much as it saves
_KIND_AND_X = 0o170100  # what git keeps of a mode: the type, and the owner's x
_FIELDS, _CTIME = Struct(">I4xI4x4xIIIII"), Struct(">II")


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


def unsettled(index: Index, root: bytes, folders: Folders, workers: int = 1) -> "array[int]":
    """The numbers of the entries whose file below `root` may not be what the index says, in order.

    These have other stat data than the index, are as young as the index itself (racy), or have flags. With two workers
    a forked child looks at the second half, where that is possible and worth it.
    """
    if workers > 1 and len(index) >= WORTH_A_FORK and _can_fork():
        return _in_two_processes(index, root, folders)
    return _look(index, root, folders, 0, len(index))


def _look(index: Index, root: bytes, folders: Folders, start: int, end: int) -> "array[int]":
    content, path_at, flags_at = index.content, index.path_at, index.path_at - 2
    unpack, find, lstat, pick = _FIELDS.unpack_from, content.find, os.lstat, _STAT
    ctime, too_young, folder, real = _CTIME.unpack_from, index.written_ns // SECOND, b"", True
    found, number = array("Q"), start
    for at in index.offsets[start:end]:
        path = content[at + path_at : find(b"\0", at + path_at)]
        above = path[: path.rfind(b"/") + 1]
        fields = unpack(content, at)  # ctime, mtime, inode, mode, uid, gid, size
        try:
            if above != folder:
                real = folders.is_real(above)
                folder = above
            stats = lstat(root + path)
            seconds, nanoseconds = ctime(content, at)
            same = (
                real
                and stats.st_ctime_ns == seconds * SECOND + nanoseconds  # an edit leaves its mark there, always
                and (pick(stats) == fields or _differ_in_permissions(pick(stats), fields))
                and seconds < too_young
                and fields[1] < too_young
                and fields[6]
            )
        except OSError:
            same = False
        if not same or content[at + flags_at] > 15:
            found.append(number)
        number += 1
    return found


def _differ_in_permissions(stats: tuple[int, ...], fields: tuple[int, ...]) -> bool:
    """Whether only those bits of the mode differ that git does not keep, as with a umask of 002."""
    return stats[:3] == fields[:3] and stats[4:] == fields[4:] and not (stats[3] ^ fields[3]) & _KIND_AND_X


def _can_fork() -> bool:
    """Whether this process can be copied safely: only one that has no other threads."""
    threads = sys.modules.get("threading")
    return hasattr(os, "fork") and (threads is None or threads.active_count() == 1)


def _in_two_processes(index: Index, root: bytes, folders: Folders) -> "array[int]":
    middle = len(index) // 2
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:  # no room for another process
        os.close(reading)
        os.close(writing)
        return _look(index, root, folders, 0, len(index))
    if not child:
        status = 1
        try:
            os.close(reading)
            write_all(writing, _look(index, root, folders, middle, len(index)).tobytes() + b"!")
            status = 0
        finally:
            os._exit(status)  # never back into the caller's code, whatever happened
    os.close(writing)
    try:
        with open(reading, "rb") as pipe:
            found = _look(index, root, folders, 0, middle)
            answer = pipe.read()
    finally:
        with suppress(ChildProcessError):  # where the caller ignores SIGCHLD nothing is left to wait for
            os.waitpid(child, 0)
    if answer[-1:] == b"!":
        found.frombytes(answer[:-1])
        return found
    return found + _look(index, root, folders, middle, len(index))  # the child was killed

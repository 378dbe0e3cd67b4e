"""The exact comparison of an index entry with the file at its path, for the few that `scan` does not settle.

Authority: git's `read-cache.c` (`ie_match_stat`, racy entries), `diff-lib.c` (`check_removed`), `sparse-index.c`.
"""

import os
import stat
from operator import attrgetter

from .errors import GitError
from .formats.index import INTENT_TO_ADD, SECOND, SKIP_WORKTREE, VALID, IndexRow
from .formats.objects import EXECUTABLE, FILE, GITLINK, SYMLINK
from .repository import Repository
from .scan import RACY_NS, Folders

_STAT = attrgetter("st_ctime_ns", "st_mtime_ns", "st_ino", "st_uid", "st_gid", "st_size")


class StatRules:
    """How a work tree's files are compared with entries: its settings, and when the index was written."""

    def __init__(self, repository: Repository, written_ns: int) -> None:
        """Read the settings. What changed since `written_ns` may have the stat data that the index holds."""
        config = repository.config
        self._written_ns, self._empty = written_ns, repository.object_format.name_object("blob", b"")
        self._trust_x = config.get_bool("core.filemode", True)
        self._symlinks = config.get_bool("core.symlinks", True)
        self._sparse = config.get_bool("core.sparsecheckout", False) and not config.get_bool(
            "sparse.expectfilesoutsideofpatterns", False
        )

    def lstat(self, path: bytes, row: IndexRow, root: bytes, folders: Folders) -> os.stat_result | None:
        """The stat data of the file at a path below `root`; None if none is there, or it is reached by a link."""
        try:
            return os.lstat(root + path) if folders.is_real(path[: path.rfind(b"/") + 1]) else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if self._is_left_alone(row, None):
                return None
            raise GitError(f"{os.fsdecode(path)}: {error.strerror}") from error

    def _is_left_alone(self, row: IndexRow, found: os.stat_result | None) -> bool:
        """Whether the user told git not to look at the file: what the index says counts.

        In a sparse checkout that does not hold for files that are there all the same: a program that ran has seen them.
        """
        hidden = row.extended & SKIP_WORKTREE and (found is None or not self._sparse)
        return bool(row.flags & VALID or hidden)

    def may_differ(self, row: IndexRow, found: os.stat_result | None) -> bool:
        """Whether the file may be something else than the entry says."""
        if self._is_left_alone(row, found):
            return False
        if found is None or row.extended & INTENT_TO_ADD or stat.S_ISDIR(found.st_mode):
            return True
        if self.mode(found, row.mode) != row.mode or self._is_racy(row):
            return True
        if row.size == 0 and row.id != self._empty:
            return True  # git's mark for "must be compared"
        ctime, mtime, *numbers = _STAT(found)
        return not (
            [number & 0xFFFFFFFF for number in numbers] == [row.ino, row.uid, row.gid, row.size]
            and _is_same(row.ctime, ctime)
            and _is_same(row.mtime, mtime)
        )

    def _is_racy(self, row: IndexRow) -> bool:
        """Whether the file may have changed after its stat data was taken, without a trace in it."""
        for seconds, nanoseconds in (row.mtime, row.ctime):
            if nanoseconds and seconds * SECOND + nanoseconds >= self._written_ns - RACY_NS:
                return True
            if not nanoseconds and seconds >= self._written_ns // SECOND:
                return True
        return False

    def mode(self, found: os.stat_result, indexed: int) -> int:
        """The mode that git gives a file, link or folder on disk; 0 for what it cannot store."""
        if stat.S_ISLNK(found.st_mode):
            return SYMLINK
        if stat.S_ISDIR(found.st_mode):
            return GITLINK
        if not stat.S_ISREG(found.st_mode):
            return 0
        if not self._symlinks and indexed == SYMLINK:
            return SYMLINK
        if not self._trust_x:
            return indexed if indexed in (FILE, EXECUTABLE) else FILE
        return EXECUTABLE if found.st_mode & stat.S_IXUSR else FILE


def _is_same(indexed: tuple[int, int], now_ns: int) -> bool:
    """Whether a time in the index is that of a file. Not every program keeps nanoseconds there: then they are 0."""
    seconds, nanoseconds = divmod(now_ns, SECOND)
    return seconds & 0xFFFFFFFF == indexed[0] and indexed[1] in (0, nanoseconds)

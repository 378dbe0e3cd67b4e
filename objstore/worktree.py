"""The work tree as a tree object: the tracked files as they are on disk now. The user's index is read, never written.

Files whose stat data is what the index says are not read, as git does it. What differs is looked at, refused if it
cannot be stored as git would, and only then written. Authority: git-update-index(1), git's `read-cache.c`
(`ie_match_stat`, racy entries), `diff-lib.c` (`check_removed`).
"""
import os
import stat
from collections.abc import Iterator
from operator import itemgetter
from typing import BinaryIO, NamedTuple

from .attributes import Conversions
from .errors import Conflict, GitError, NotFound, Unsupported
from .formats.index import INTENT_TO_ADD, SKIP_WORKTREE, STAGE, VALID, Index, IndexRow
from .formats.objects import EXECUTABLE, FILE, GITLINK, SYMLINK
from .ids import ObjectId
from .progress import SILENT, Progress
from .repository import Repository
from .stores.files import BINARY, CLOEXEC, NOFOLLOW, NONBLOCK
from .writetree import Stored, write_tree

RACY_NS = 20_000_000  # clocks of file systems tick every 4–10 ms
STREAMED = 8 << 20  # files from this size on are read in blocks, bytes
_READS = 3  # tries at a file that changes while it is read
_STAT = itemgetter(stat.ST_CTIME, stat.ST_MTIME, stat.ST_INO, stat.ST_UID, stat.ST_GID, stat.ST_SIZE)
_KIND_AND_X = 0o170100  # the bits of a mode that git keeps: type, and the owner's x


class Candidate(NamedTuple):
    """An entry whose file is not what the index says, or may not be: `stat` is None if the file has gone."""

    number: int
    path: bytes
    stat: os.stat_result | None


def snapshot(repository: Repository, progress: Progress = SILENT) -> ObjectId:
    """Store the tracked files of the work tree as a tree; return its id.

    It is the tree that `git add -u && git write-tree` would make in an index of its own.

    Raises Conflict for unmerged paths, Unsupported where a changed file asks for a conversion, GitError for a bare
    repository or a path that git cannot store. Nothing is written before the last of these checks.
    """
    index = repository.index.read()
    look = _Look(repository, index)
    candidates = list(look.candidates())
    look.check(candidates)
    changes: dict[int, Stored | None] = {}
    for candidate in candidates:
        row = index.row(candidate.number)
        now = look.store(candidate, row, progress)
        if now != (row.mode, row.id) or row.extended & INTENT_TO_ADD:
            changes[candidate.number] = now
        progress.advance(1, 0)
    return write_tree(repository.objects, index, changes)


class _Look:
    """One look at a work tree: its settings, and the folders that were seen to be real folders."""

    def __init__(self, repository: Repository, index: Index) -> None:
        if repository.work_tree is None:
            raise GitError(f"{repository.git_dir} is a bare repository: it has no work tree")
        self._repository, self._index = repository, index
        self._root = os.fsencode(repository.work_tree) + b"/"
        self._trust_x = repository.config.get_bool("core.filemode", True)
        self._symlinks = repository.config.get_bool("core.symlinks", True)
        self._folders: dict[bytes, bool] = {b"": True}

    def candidates(self) -> Iterator[Candidate]:
        """The entries that may have changed. Raises Conflict if the index holds unmerged paths."""
        lstat, root, folder, real = os.lstat, self._root, b"", True
        written_s, unmerged = self._index.written_ns // 1_000_000_000, []
        for number, (path, wanted, mode, flags) in enumerate(self._index.stats()):  # once per tracked file
            above = path[: path.rfind(b"/") + 1]
            if above != folder:
                folder, real = above, self._is_folder(above)
            try:
                found = lstat(root + path) if real else None
            except (FileNotFoundError, NotADirectoryError):
                found = None
            if (
                found is not None
                and not flags & ~0xFFF
                and _STAT(found) == wanted
                and (found.st_mode ^ mode) & _KIND_AND_X == 0
                and wanted[0] < written_s
                and wanted[1] < written_s
                and wanted[5]
            ):
                continue
            if flags & STAGE:
                unmerged.append(path)
            elif self._may_differ(number, found):
                yield Candidate(number, path, found)
        if unmerged:
            shown = ", ".join(sorted({os.fsdecode(path) for path in unmerged}))
            raise Conflict(f"a merge is not finished; resolve these paths first: {shown}")

    def _is_folder(self, path: bytes) -> bool:
        """Whether `path` ("a/b/") is a folder reached through folders only, never through a symbolic link."""
        known = self._folders.get(path)
        if known is None:
            above = path[: path.rfind(b"/", 0, -1) + 1]
            try:
                known = self._is_folder(above) and stat.S_ISDIR(os.lstat(self._root + path[:-1]).st_mode)
            except (FileNotFoundError, NotADirectoryError):
                known = False
            self._folders[path] = known
        return known

    def _may_differ(self, number: int, found: os.stat_result | None) -> bool:
        """The exact comparison, for the few entries that the fast one does not settle."""
        row = self._index.row(number)
        if row.flags & VALID or (found is None and row.extended & SKIP_WORKTREE):
            return False
        if found is None or row.extended & INTENT_TO_ADD or stat.S_ISDIR(found.st_mode):
            return True
        if self._mode(found, row.mode) != row.mode or self._is_racy(row):
            return True
        numbers = (row.ctime[0], row.mtime[0], row.ino, row.uid, row.gid, row.size)
        if row.size == 0 and row.id != self._repository.object_format.name_object("blob", b""):
            return True  # git's mark for "must be compared"
        return tuple(number & 0xFFFFFFFF for number in _STAT(found)) != numbers or (
            row.mtime[1] != 0 and found.st_mtime_ns % 1_000_000_000 != row.mtime[1]
        )

    def _is_racy(self, row: IndexRow) -> bool:
        """Whether the file may have changed after its stat data was taken, without a trace in it."""
        for seconds, nanoseconds in (row.mtime, row.ctime):
            if nanoseconds and seconds * 1_000_000_000 + nanoseconds >= self._index.written_ns - RACY_NS:
                return True
            if not nanoseconds and seconds >= self._index.written_ns // 1_000_000_000:
                return True
        return False

    def _mode(self, found: os.stat_result, indexed: int) -> int:
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

    def check(self, candidates: list[Candidate]) -> None:
        """Raise for a candidate that cannot be stored as git would, before anything is written.

        Unsupported if its content has changed and a conversion may apply to it, GitError if it is a device or the like.
        """
        conversions: Conversions | None = None
        for number, path, found in candidates:
            if found is None or stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode):
                continue
            if not stat.S_ISREG(found.st_mode):
                raise GitError(f"{os.fsdecode(path)} is neither a file, a symbolic link nor a folder: git cannot store it")
            conversions = conversions or Conversions(self._repository, self._index)
            asked = conversions.on_the_way_to(path)
            if asked and self._hash(path, found) != self._index.row(number).id:
                raise Unsupported(f"converting file contents ({asked})", f"{os.fsdecode(path)} has changed")

    def _hash(self, path: bytes, found: os.stat_result) -> ObjectId:
        hasher = self._repository.object_format.hasher(b"blob %d\0" % found.st_size)
        with _open(self._root + path, found) as file:
            while block := file.read(1 << 20):
                hasher.update(block)
        return ObjectId(hasher.digest())

    def store(self, candidate: Candidate, row: IndexRow, progress: Progress) -> Stored | None:
        """Store what is at the path now; return its mode and id, None if it has gone."""
        path, found = candidate.path, candidate.stat
        if found is None:
            return None
        mode = self._mode(found, row.mode)
        if mode == GITLINK:
            return self._gitlink(path, row)
        if stat.S_ISLNK(found.st_mode):
            return mode, self._repository.objects.write("blob", os.readlink(self._root + path))
        return mode, self._blob(path, found, row, progress)

    def _gitlink(self, path: bytes, row: IndexRow) -> Stored | None:
        """A folder at a tracked path: the commit that a repository in it is at; a submodule that is not there stays."""
        folder = os.fsdecode(self._root + path)
        if os.path.lexists(f"{folder}/.git"):
            try:
                head = Repository.discover(folder, _without_git(self._repository)).head().id
            except NotFound:
                head = None
            if head is not None:
                return GITLINK, head
        return (GITLINK, row.id) if row.mode == GITLINK else None

    def _blob(self, path: bytes, found: os.stat_result, row: IndexRow, progress: Progress) -> ObjectId:
        """Store a file unless it is what the index has; read it again if it changes meanwhile."""
        objects = self._repository.objects
        if found.st_size >= STREAMED and found.st_size & 0xFFFFFFFF == row.size and self._hash(path, found) == row.id:
            return row.id
        for _ in range(_READS):
            with _open(self._root + path, found) as file:
                size = os.fstat(file.fileno()).st_size
                try:
                    if size >= STREAMED:
                        return objects.write_blob(file, size, progress)
                    content = file.read(size + 1)
                except Conflict:
                    continue
            if len(content) == size:
                progress.advance(0, size)
                same = self._repository.object_format.name_object("blob", content) == row.id
                return row.id if same else objects.write("blob", content)
        raise Conflict(f"{os.fsdecode(path)} is being written: it changed {_READS} times while it was read")


def _without_git(repository: Repository) -> dict[str, str]:
    """The environment for another repository: what names this one's folders must not lead there."""
    return {name: value for name, value in repository.environ.items() if not name.startswith("GIT_")}


def _open(path: bytes, expected: os.stat_result) -> BinaryIO:
    """Open a regular file for reading: never through a link, never waiting for a FIFO."""
    fd = os.open(path, os.O_RDONLY | NOFOLLOW | NONBLOCK | CLOEXEC | BINARY)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Conflict(f"{os.fsdecode(path)} was a file a moment ago, and is none now")
    return open(fd, "rb", buffering=0 if expected.st_size < STREAMED else -1)

"""The work tree as a tree object: the tracked files as they are on disk now. The user's index is read, never written.

Files whose stat data is what the index says are not read, as git does it: `scan` finds the others. What differs is
looked at, refused if it cannot be stored as git would, and only then written. What had to be read is remembered in a
private copy of the index (`indexcopy`). Authority: git-update-index(1), git's `read-cache.c` (`ie_match_stat`, racy
entries), `diff-lib.c` (`check_removed`).
"""
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from operator import attrgetter
from typing import BinaryIO, NamedTuple

from .conversion import Cleaner, Conversion, fingerprint
from .errors import BadName, Conflict, GitError, NotFound
from .formats.index import EXTENDED, INTENT_TO_ADD, SECOND, SKIP_WORKTREE, STAGE, VALID, Index, IndexRow, key_of
from .formats.objects import EXECUTABLE, FILE, GITLINK, SYMLINK, is_entry_name
from .ids import ObjectId
from .indexcopy import IndexCopy
from .packing import BulkWriter
from .progress import SILENT, Progress
from .repository import Repository
from .scan import Folders, unsettled
from .stores.files import BINARY, CLOEXEC, NOFOLLOW, NONBLOCK
from .stores.objectstore import ObjectStore
from .writetree import Stored, write_tree

RACY_NS = 20_000_000  # clocks of file systems tick every 4–10 ms
STREAMED = 8 << 20  # files from this size on are read in blocks, bytes
BULK = 100  # from so many candidates on, new objects go into one pack (git's unpackLimit)
_START = 8000  # bytes that show whether a file is text, as git takes them
_READS = 3  # tries at a file that changes while it is read
_STAT = attrgetter("st_ctime_ns", "st_mtime_ns", "st_ino", "st_uid", "st_gid", "st_size")
_OPENING, _COMPARING, _WORTH = 4096, 256, 1 << 18  # what a look costs, in bytes read; from when on it is remembered


class Candidate(NamedTuple):
    """An entry whose file is not what the index says, or may not be: `stat` is None if the file has gone."""

    number: int
    path: bytes
    stat: os.stat_result | None


def snapshot(
    repository: Repository, *, copy: IndexCopy | None = None, workers: int = 1, progress: Progress = SILENT
) -> ObjectId:
    """Store the tracked files of the work tree as a tree; return its id.

    It is the tree that `git add --sparse -u && git write-tree` would make in an index of its own. `copy` is where to
    remember what had to be read; `workers` 2 lets a forked child look at half of the files where that is possible.

    Raises Conflict for unmerged paths, Unsupported where a changed file asks for a conversion, GitError for a bare
    repository or a path that git cannot store. Nothing is written before the last of these checks.
    """
    began_ns = time.time_ns() - RACY_NS  # the clock of the file system's times, which lags behind by a tick
    content, written_ns = repository.index.read_bytes()
    key, decides = key_of(content, repository.object_format) if copy else b"", partial(fingerprint, repository)
    remembered = copy.get(key, decides) if copy else None
    index = remembered or repository.index.decode(content, written_ns)
    look = _Look(repository, index, lambda: repository.index.decode(content, written_ns) if remembered else index)
    numbers = unsettled(index, look.root, look.folders, workers)
    candidates = look.candidates(numbers)
    settled = look.settle(candidates)
    now: dict[int, Stored | None] = {}
    with ExitStack() as stack:
        bulk = len(candidates) - len(settled) > BULK
        sink = stack.enter_context(BulkWriter(repository.objects)) if bulk else repository.objects
        for candidate in candidates:
            number = candidate.number
            now[number] = settled[number] if number in settled else look.store(candidate, sink, progress)
            progress.advance(1, 0)
        looked = {each.number: look.to_remember(each, now[each.number]) for each in candidates}
        passing = {number for number, seen in looked.items() if not seen}
        tree = write_tree(repository.objects, sink, index, look.changes(now), passing=passing)
    if copy and look.cost + _COMPARING * len(numbers) > max(_WORTH, len(content) // 4):
        copy.write(key, index, looked, tree, began_ns, decides)
    assert tree.id is not None, "the root always has an id"
    return tree.id


class _Look:
    """One look at a work tree: its settings, and what it has cost so far, in bytes read."""

    def __init__(self, repository: Repository, index: Index, users_index: Callable[[], Index]) -> None:
        """Look at the files of `index`; `users_index` gives the user's own, which decides how files are converted."""
        if repository.work_tree is None:
            raise GitError(f"{repository.git_dir}: this must be done in a work tree, and here is none")
        if not os.path.isdir(repository.work_tree):
            raise NotFound(f"the work tree {repository.work_tree} does not exist")
        self._repository, self._index, self._users_index = repository, index, users_index
        self._cleaners: dict[int, Cleaner] = {}
        self.root = os.fsencode(repository.work_tree) + b"/"
        self.folders = Folders(self.root)
        self.cost = 0
        config = repository.config
        self._trust_x = config.get_bool("core.filemode", True)
        self._symlinks = config.get_bool("core.symlinks", True)
        self._sparse = config.get_bool("core.sparsecheckout", False) and not config.get_bool(
            "sparse.expectfilesoutsideofpatterns", False
        )

    def candidates(self, numbers: Iterable[int]) -> list[Candidate]:
        """Those of the entries that may have changed. Raises Conflict if there are unmerged paths among them."""
        found, unmerged = [], set()
        for number in numbers:
            path, row = self._index.path(number), self._index.row(number)
            if row.flags & STAGE:
                unmerged.add(os.fsdecode(path))
                continue
            stats = self._lstat(path, row)
            if self._may_differ(row, stats):
                found.append(Candidate(number, path, stats))
        if unmerged:
            raise Conflict(f"a merge is not finished; resolve these paths first: {', '.join(sorted(unmerged))}")
        return found

    def _lstat(self, path: bytes, row: IndexRow) -> os.stat_result | None:
        """The stat data of the file at a path; None if none is there."""
        try:
            return os.lstat(self.root + path) if self.folders.is_real(path[: path.rfind(b"/") + 1]) else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if self._is_left_alone(row, None):
                return None
            raise GitError(f"{os.fsdecode(path)}: {error.strerror}") from error

    def changes(self, now: Mapping[int, Stored | None]) -> dict[int, Stored | None]:
        """Those of the entries that are something else now; what was only intended to be added is always among them."""
        rows = ((number, stored, self._index.row(number)) for number, stored in now.items())
        return {
            number: stored
            for number, stored, row in rows
            if stored != (row.mode, row.id) or row.extended & INTENT_TO_ADD
        }

    def to_remember(self, candidate: Candidate, now: Stored | None) -> tuple[Stored, os.stat_result] | None:
        """What the copy of the index may say of a file instead: None where what the index itself says may count later.

        It does for files that git is told not to look at or that come and go, for the mode where the file system has
        none, and for submodules without a repository.
        """
        row = self._index.row(candidate.number)
        if candidate.stat is None or now is None or now[0] != row.mode or row.mode == GITLINK:
            return None
        return None if row.flags & (VALID | EXTENDED) else (now, candidate.stat)

    def _is_left_alone(self, row: IndexRow, found: os.stat_result | None) -> bool:
        """Whether the user told git not to look at the file: what the index says counts.

        In a sparse checkout that does not hold for files that are there all the same (git's `sparse-index.c`): a
        program that ran has seen them.
        """
        hidden = row.extended & SKIP_WORKTREE and (found is None or not self._sparse)
        return bool(row.flags & VALID or hidden)

    def _may_differ(self, row: IndexRow, found: os.stat_result | None) -> bool:
        """The exact comparison, for the few entries that the fast one does not settle."""
        if self._is_left_alone(row, found):
            return False
        if found is None or row.extended & INTENT_TO_ADD or stat.S_ISDIR(found.st_mode):
            return True
        if self._mode(found, row.mode) != row.mode or self._is_racy(row):
            return True
        if row.size == 0 and row.id != self._repository.object_format.name_object("blob", b""):
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
            if nanoseconds and seconds * SECOND + nanoseconds >= self._index.written_ns - RACY_NS:
                return True
            if not nanoseconds and seconds >= self._index.written_ns // SECOND:
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

    def settle(self, candidates: list[Candidate]) -> dict[int, Stored | None]:
        """What can be said of the candidates without storing anything: by number, mode and id, None for what is gone.

        Raises for each that cannot be stored as git would: BadName for a path that no tree can hold, Unsupported for a
        conversion that we do not have, GitError if it is a device or the like.
        """
        conversion: Conversion | None = None
        settled: dict[int, Stored | None] = {}
        for number, path, found in candidates:
            row = self._index.row(number)
            if not all(map(is_entry_name, path.split(b"/"))):
                raise BadName(f"the index holds the path {os.fsdecode(path)!r}, which no tree can hold")
            if found is None:
                settled[number] = None
            elif stat.S_ISDIR(found.st_mode):
                settled[number] = self._gitlink(path, row)
            elif stat.S_ISREG(found.st_mode):
                conversion = conversion or Conversion(self._repository, self._users_index())
                cleaner = conversion.cleaner(path)
                if cleaner and self._cleaned_id(path, found, row, cleaner) == row.id:
                    settled[number] = self._mode(found, row.mode), row.id
                elif cleaner:
                    self._cleaners[number] = cleaner
            elif not stat.S_ISLNK(found.st_mode):
                raise GitError(f"{os.fsdecode(path)} is no file, symbolic link or folder: git cannot store it")
        return settled

    def _cleaned_id(self, path: bytes, found: os.stat_result, row: IndexRow, cleaner: Cleaner) -> ObjectId:
        """The id of the blob that `git add` makes of the file; nothing is stored. Raises for what git refuses."""
        self.cost += _OPENING + found.st_size
        raw = self._hash(path, found)
        if cleaner.filter and raw == row.id:
            return raw  # a filter has to leave its own output as it is
        with _open(self.root + path, found) as file:
            start = file.read(_START)
            if cleaner.leaves_alone(start):
                return raw
            return self._repository.object_format.name_object("blob", cleaner.clean(start + file.read()))

    def _gitlink(self, path: bytes, row: IndexRow) -> Stored | None:
        """A folder at a tracked path: the commit that a repository in it is at; a submodule that is not there stays.

        A repository that is broken is an error, for git too.
        """
        inside = Repository.at(os.fsdecode(self.root + path), _without_git(self._repository))
        head = inside.head().id if inside else None
        if head is not None:
            return GITLINK, head
        return (GITLINK, row.id) if row.mode == GITLINK else None

    def _hash(self, path: bytes, found: os.stat_result) -> ObjectId:
        hasher = self._repository.object_format.hasher(b"blob %d\0" % found.st_size)
        with _open(self.root + path, found) as file:
            while block := file.read(1 << 20):
                hasher.update(block)
        return ObjectId(hasher.digest())

    def store(self, candidate: Candidate, sink: ObjectStore | BulkWriter, progress: Progress) -> Stored:
        """Store the file or symbolic link that is at the path now; return its mode and id."""
        path, found, row = candidate.path, candidate.stat, self._index.row(candidate.number)
        assert found is not None, "settled before"
        if stat.S_ISLNK(found.st_mode):
            try:
                return SYMLINK, sink.write("blob", os.readlink(self.root + path))
            except OSError as error:
                raise Conflict(f"{os.fsdecode(path)} was a symbolic link a moment ago, and is none now") from error
        cleaner = self._cleaners.get(candidate.number)
        return self._mode(found, row.mode), self._blob(path, found, (row, cleaner), sink, progress)

    def _blob(
        self,
        path: bytes,
        found: os.stat_result,
        known: tuple[IndexRow, Cleaner | None],
        sink: ObjectStore | BulkWriter,
        progress: Progress,
    ) -> ObjectId:
        """Store a file unless it is what the index has; read it again if it changes meanwhile."""
        row, cleaner = known
        self.cost += _OPENING + found.st_size
        if found.st_size >= STREAMED and found.st_size & 0xFFFFFFFF == row.size and self._hash(path, found) == row.id:
            return row.id
        for _ in range(_READS):
            with _open(self.root + path, found) as file:
                size = os.fstat(file.fileno()).st_size
                try:
                    if size >= STREAMED and (not cleaner or cleaner.leaves_alone(file.read(_START))):
                        file.seek(0)
                        return sink.write_blob(file, size, progress)
                    file.seek(0)
                    content = file.read(size + 1)
                except Conflict:
                    continue
            if len(content) == size:
                progress.advance(0, size)
                content = cleaner.clean(content) if cleaner else content
                same = self._repository.object_format.name_object("blob", content) == row.id
                return row.id if same else sink.write("blob", content)
        raise Conflict(f"{os.fsdecode(path)} is being written: it changed {_READS} times while it was read")


def _without_git(repository: Repository) -> dict[str, str]:
    """The environment for another repository: what names this one's folders must not lead there."""
    return {name: value for name, value in repository.environ.items() if not name.startswith("GIT_")}


def _open(path: bytes, expected: os.stat_result) -> BinaryIO:
    """Open a regular file for reading: never through a link, never waiting for a FIFO."""
    try:
        fd = os.open(path, os.O_RDONLY | NOFOLLOW | NONBLOCK | CLOEXEC | BINARY)
    except PermissionError as error:
        raise GitError(f"{os.fsdecode(path)}: {error.strerror}") from error
    except OSError as error:
        raise Conflict(f"{os.fsdecode(path)} was a file a moment ago: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Conflict(f"{os.fsdecode(path)} was a file a moment ago, and is none now")
    return open(fd, "rb", buffering=0 if expected.st_size < STREAMED else -1)


def _is_same(indexed: tuple[int, int], now_ns: int) -> bool:
    """Whether a time in the index is that of a file. Not every program keeps nanoseconds there: then they are 0."""
    seconds, nanoseconds = divmod(now_ns, SECOND)
    return seconds & 0xFFFFFFFF == indexed[0] and indexed[1] in (0, nanoseconds)

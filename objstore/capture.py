"""What is at the paths that may have changed: first all that is refused, named; then each thing stored.

Authority: git's `read-cache.c` (`add_to_index`), `builtin/add.c`, `convert.c`.
"""

import os
import stat
from collections.abc import Mapping

from .attributes import indexed_blob
from .conversion import Cleaner, Conversion
from .errors import BadName, GitError
from .filecontents import STREAMED, BlobSink, FileContents
from .formats.objects import FILE, GITLINK, find_bad_path, is_link_name
from .ids import ObjectId
from .progress import SILENT, Progress
from .repository import Repository
from .status import Candidate, Status
from .writetree import Stored


class Capture:
    """The candidates of one look at a work tree."""

    def __init__(self, status: Status) -> None:
        """Nothing is looked at yet."""
        self._status, self._repository = status, status.repository
        self._contents = FileContents(status.root, status.repository.object_format)
        self._included, self._new = frozenset(status.known.included), frozenset(status.new)
        self._cleaners: dict[int, Cleaner] = {}
        self._gone: set[bytes] = set()

    def settle(self) -> dict[int, Stored | None]:
        """What can be said of the candidates without storing anything: by number, mode and id, None for what is gone.

        Raises for each that cannot be stored as git would: BadName for a path that no tree can hold, Unsupported for a
        conversion that we do not have, GitError if it is a device or the like.
        """
        conversion: Conversion | None = None
        settled: dict[int, Stored | None] = {}
        plain: set[bytes] = set()  # folders in which nothing is converted
        bad = find_bad_path([path for _, path, _ in self._status.candidates])
        if bad is not None:
            raise BadName(f"{os.fsdecode(bad)!r} is a path which no tree can hold")
        for candidate in self._status.candidates:
            number, path, found = candidate
            folder = path[: path.rfind(b"/") + 1]
            if folder in plain and found and stat.S_ISREG(found.st_mode) and found.st_size < STREAMED:
                continue
            if found is None:
                self._gone.add(path)
                settled[number] = None
            elif stat.S_ISDIR(found.st_mode):
                settled[number] = self._gitlink(candidate)
            elif stat.S_ISREG(found.st_mode):
                conversion = conversion or Conversion(self._repository, self._indexed)
                same = self._settle_file(candidate, found, conversion.cleaner(path))
                if same:
                    settled[number] = same
                if conversion.is_plain(folder):
                    plain.add(folder)
            elif not stat.S_ISLNK(found.st_mode):
                raise GitError(f"{os.fsdecode(path)} is no file, symbolic link or folder: git cannot store it")
            elif not is_link_name(path[len(folder) :]):
                raise BadName(f"{os.fsdecode(path)} is a symbolic link: git takes a file of this name only")
        return settled

    def _indexed(self, path: bytes) -> bytes | None:
        """The blob in the user's index, which is not decoded where the copy shows that there is none.

        Git goes through its index in order: what is gone is out of it when the files behind are looked at.
        """
        if path in self._gone or self._status.index.find(path) is None:
            return None
        return indexed_blob(self._repository, self._status.users, path)

    def _settle_file(self, candidate: Candidate, found: os.stat_result, cleaner: Cleaner | None) -> Stored | None:
        """Mode and id of a file that holds what the index says; None if it has to be stored."""
        number, path, _ = candidate
        if not cleaner and found.st_size < STREAMED:
            return None
        row = self._status.index.row(number)
        if cleaner:
            self._cleaners[number] = cleaner
            same = self._contents.cleaned_id(path, found.st_size, cleaner, row.id) == row.id
        else:
            same = found.st_size & 0xFFFFFFFF == row.size and self._contents.hash(path, found.st_size) == row.id
        return (self._status.rules.mode(found, row.mode), row.id) if same else None

    def _gitlink(self, candidate: Candidate) -> Stored | None:
        """A folder at a tracked path: the commit that a repository in it is at; a submodule that is not there stays.

        A repository that is broken is an error, for git too.
        """
        path, row = os.fsdecode(self._status.root + candidate.path), self._status.index.row(candidate.number)
        inside = Repository.at(path, _without_git(self._repository))
        head = inside.head().id if inside else None
        if head is not None:
            return GITLINK, head
        if candidate.number in self._included:
            raise GitError(f"{os.fsdecode(candidate.path)} is a repository without a commit: git cannot store it")
        return (GITLINK, row.id) if row.mode == GITLINK else None

    def id_of(self, candidate: Candidate, sink: BlobSink, progress: Progress = SILENT) -> ObjectId:
        """Store the file or symbolic link of a candidate that is not settled; return the id of its blob."""
        number, path, found = candidate
        assert found is not None, "settled before"
        if stat.S_ISLNK(found.st_mode):
            return self._contents.store_link(path, sink)
        indexed = None if number in self._included else self._status.index.id(number)
        return self._contents.store(path, indexed, self._cleaners.get(number), sink, progress)

    def mode_of(self, candidate: Candidate) -> int:
        """The mode that git gives it."""
        number, _, found = candidate
        assert found is not None, "settled before"
        return self._status.rules.mode(found, FILE if number in self._new else self._status.index.mode(number))

    def is_indexed(self, candidate: Candidate, id_: ObjectId) -> bool:
        """Whether the index says that this is the blob of a candidate."""
        return candidate.number not in self._new and id_ == self._status.index.id(candidate.number)

    def changes(self, now: Mapping[int, Stored | None]) -> dict[int, Stored | None]:
        """Those of the entries that are something else now; what was only intended to be added is always among them."""
        index, new = self._status.index, self._new
        return {
            number: stored
            for number, stored in now.items()
            if number in new
            or not stored
            or stored[1] != index.id(number)
            or stored[0] != index.mode(number)
            or index.has_flags(number)
        }

    def to_remember(self, candidate: Candidate, now: Stored | None) -> tuple[Stored, os.stat_result] | None:
        """What the copy of the index may say of a file instead: None where what the index itself says may count later.

        It does for files that git is told not to look at or that come and go, for the mode where the file system has
        none, and for submodules without a repository.
        """
        index, (number, _, found) = self._status.index, candidate
        if found is None or now is None or now[0] == GITLINK:
            return None
        if number in self._new:
            return now, found
        if index.has_flags(number):
            return None
        return (now, found) if now[0] == index.mode(number) or number in self._included else None


def _without_git(repository: Repository) -> dict[str, str]:
    """The environment for another repository: what names this one's folders must not lead there."""
    return {name: value for name, value in repository.environ.items() if not name.startswith("GIT_")}

"""Refs behind one interface. `FilesRefStore` keeps them as git's "files" backend does; others may follow (reftable).

Reading never locks: a loose ref first, then packed-refs, then the loose one again, because `git pack-refs` may move it
in between. Writing locks the loose ref, reads it under the lock, compares with what the caller expects, makes the new
value durable and renames it into place. Names of refs that work trees share live in the common Git folder.
Authority: git's `refs/files-backend.c`, gitrepository-layout(5), git-worktree(1) "REFS".
"""
import errno
import os
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from ..errors import BadName, Conflict, Corrupt, GitError
from ..formats.reflog import LogEntry, decode_log
from ..formats.refs import SymbolicRef, check_name, decode_loose, decode_packed, encode_loose
from ..ids import ObjectFormat, ObjectId
from .files import LockFile, Sharing, fsync_folder, read_file, read_unless_link

DEEPEST_SYMREF = 5  # as git
LOCK_TIMEOUT_S = 0.1  # core.filesRefLockTimeout's default
OF_WORK_TREE = ("refs/bisect/", "refs/rewritten/", "refs/worktree/")  # the folders that work trees do not share
_ROOT = "HEAD|[A-Z_-]+_HEAD|AUTO_MERGE|BISECT_EXPECTED_REV|MERGE_AUTOSTASH|NOTES_MERGE_PARTIAL|NOTES_MERGE_REF"
_AT_ROOT = re.compile(_ROOT)  # the files beside HEAD that are refs. Source: git's `refs.c`, `is_root_ref`
_OF_OTHERS = re.compile(
    rf"(?:main-worktree|worktrees/[^/.\0][^/\0]*)/(?=(?:{_ROOT})\Z|refs/(?:bisect|rewritten|worktree)/)"
)  # what stands before the names of refs that other work trees have for themselves


class Ref(NamedTuple):
    """A ref as listed: where it leads, or why it leads nowhere."""

    name: str
    id: ObjectId | None
    broken: str | None


class RefUpdate(NamedTuple):
    """A change of one ref: it becomes `new` if it is `expected` now."""

    name: str
    new: ObjectId
    expected: ObjectId | Literal["absent", "any"]


class RefStore(Protocol):
    """What every way of keeping refs can do. tests/conformance/ holds each implementation to it."""

    def read(self, name: str) -> ObjectId | SymbolicRef | None:
        """What a ref itself says; None if there is none. Raises Corrupt, BadName."""

    def get(self, name: str) -> ObjectId | None:
        """The id that a ref leads to, through symbolic refs; None if it or its target does not exist."""

    def refs(self, prefix: str) -> Iterator[Ref]:
        """All refs below `prefix` (which ends with "/"), sorted by name, broken ones among them."""

    def update(self, updates: Sequence[RefUpdate]) -> None:
        """Change refs. Raises Conflict where one is not as expected or locked: then nothing before it is undone."""

    def get_log(self, name: str) -> list[LogEntry] | None:
        """What is on record of the changes of a ref itself, newest first; None if there is no log. Raises BadName."""


class FilesRefStore:
    """Refs in files: `refs/…` and `packed-refs`, some of them per work tree."""

    def __init__(self, git_dir: str, common_dir: str, form: ObjectFormat, sharing: Sharing) -> None:
        """Look at the Git folder of a work tree and the common one (the same for the main work tree)."""
        self._git_dir, self._common_dir, self._form, self._sharing = git_dir, common_dir, form, sharing

    def get_log(self, name: str) -> list[LogEntry] | None:
        """As the protocol says."""
        _check_readable(name)
        try:
            content = read_file(self._file(name, "logs/"))
        except IsADirectoryError:
            return None
        return None if content is None else list(decode_log(content, self._form))[::-1]

    def _file(self, name: str, logs: str = "") -> str:
        """Where a ref is, or, with "logs/", its log."""
        other = _OF_OTHERS.match(name)
        if other:
            place = other[0].removeprefix("main-worktree/")
            return f"{self._common_dir}/{place}{logs}{name[other.end() :]}"
        own = not name.startswith("refs/") or name.startswith(OF_WORK_TREE)
        return f"{self._git_dir if own else self._common_dir}/{logs}{name}"

    def read(self, name: str) -> ObjectId | SymbolicRef | None:
        """As the protocol says. Also reads what other work trees have: "main-worktree/HEAD", "worktrees/<id>/HEAD"."""
        _check_readable(name)
        return self._loose(name) or self._packed(name) or self._loose(name)

    def _loose(self, name: str) -> ObjectId | SymbolicRef | None:
        path = self._file(name)
        try:
            content = _content(path)
        except IsADirectoryError:
            return None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # so there is none
                return None
            raise GitError(f"{path}: {error.strerror}") from error
        return None if content is None else decode_loose(content, self._form, path)

    def _packed(self, name: str) -> ObjectId | None:
        listed = self._packed_refs(name) if "/" in name else iter(())
        found = next((ref for ref in listed if ref.name == name), None)
        if found and found.broken:
            raise Corrupt(f"{self._common_dir}/packed-refs", None, f"{name}: {found.broken}")
        return found.id if found else None

    def _packed_refs(self, prefix: str) -> Iterator[Ref]:
        path = f"{self._common_dir}/packed-refs"
        for name, id_, _ in decode_packed(read_file(path) or b"", self._form, path, prefix):
            try:
                check_name(name)
            except BadName as error:
                yield Ref(name, None, str(error))
            else:
                yield Ref(name, id_, None) if any(id_) else Ref(name, None, "its id is all zeros")

    def get(self, name: str) -> ObjectId | None:
        """As the protocol says. Raises Corrupt if symbolic refs lead in a circle."""
        found = self.read(self.resolve(name))
        return found if isinstance(found, ObjectId) else None

    def resolve(self, name: str) -> str:
        """The name of the ref that `name` leads to through symbolic refs, whether it exists or not."""
        start = name
        for _ in range(DEEPEST_SYMREF):
            found = self.read(name)
            if not isinstance(found, SymbolicRef):
                return name
            name = found.target
        raise Corrupt(self._file(start), None, f"more than {DEEPEST_SYMREF} symbolic refs after each other")

    def refs(self, prefix: str) -> Iterator[Ref]:
        """As the protocol says."""
        found = {ref.name: ref for ref in self._loose_refs(prefix)}  # before packed-refs: refs move only that way
        for ref in self._packed_refs(prefix):
            found.setdefault(ref.name, ref)
        return iter(sorted(found.values()))

    def _loose_refs(self, prefix: str) -> Iterator[Ref]:
        folders = [prefix, *(own for own in OF_WORK_TREE if own.startswith(prefix) and own != prefix)]
        while folders:
            folder = folders.pop()
            try:
                entries = list(os.scandir(self._file(folder)))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for entry in entries:
                name = folder + os.fsencode(entry.name).decode("utf-8", "surrogateescape")
                if entry.is_dir(follow_symlinks=False):
                    folders += [name + "/"] if name + "/" not in OF_WORK_TREE else []
                elif not (entry.name.startswith(".") or name.endswith(".lock")):  # as git skips them
                    yield from self._look(name)

    def _look(self, name: str) -> Iterator[Ref]:
        """The ref of a loose file; none if the file has gone meanwhile."""
        try:
            check_name(name)
            found = self._loose(name)
            id_ = self.get(name) if isinstance(found, SymbolicRef) else found
            if id_ or found:
                yield Ref(name, id_, None if id_ else "a symbolic ref to nothing")
        except GitError as error:
            yield Ref(name, None, str(error))

    def update(self, updates: Sequence[RefUpdate]) -> None:
        """As the protocol says, each ref for itself, in the order of their names."""
        for update in sorted(updates, key=lambda update: update.name):
            check_name(update.name)
            update = update._replace(name=self.resolve(update.name))
            try:
                self._update(update)
            except NotADirectoryError:
                self._check_room(update.name)
                raise

    def _update(self, update: RefUpdate) -> None:
        path = self._file(update.name)
        with LockFile(path, sharing=self._sharing, timeout_s=LOCK_TIMEOUT_S) as lock:
            now = self.read(update.name)
            if update.expected == "absent" and now is not None:
                raise Conflict(f"{update.name} exists already: {_shown(now)}")
            if isinstance(update.expected, ObjectId) and now != update.expected:
                raise Conflict(f"{update.name} is not at {update.expected} any more: {_shown(now)}")
            if now is None:
                self._check_room(update.name)
            self._remove_empty_folder(path)
            lock.commit(encode_loose(update.new))
        fsync_folder(os.path.dirname(path))  # also makes the objects' names durable on a journaling file system

    def _check_room(self, name: str) -> None:
        """Raise Conflict if a ref is where a folder has to be, or the other way round, also among packed refs."""
        inside = next(self.refs(name + "/"), None)
        above = [name[:at] for at, letter in enumerate(name) if letter == "/" and "/" in name[:at]]
        taken = inside.name if inside else next((each for each in above if self.read(each)), None)
        if taken:
            raise Conflict(f"{name} cannot be made: {taken} exists")

    @staticmethod
    def _remove_empty_folder(path: str) -> None:
        """Remove folders that git leaves behind where the ref goes; what is not empty stays and is found out later."""
        if os.path.isdir(path):
            for folder, _, _ in os.walk(path, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError as error:
                    raise Conflict(f"{path} is a folder that is not empty") from error


def _check_readable(name: str) -> None:
    """Raise BadName unless git reads `name` as a ref, here or in another work tree of this repository."""
    other = _OF_OTHERS.match(name)
    own_name = name[other.end() :] if other else name
    if not _AT_ROOT.fullmatch(own_name):
        check_name(own_name)


def _content(path: str) -> bytes | None:
    """What a loose ref says. A symbolic link named "refs/…" is an old symbolic ref; any other is read through."""
    try:
        return read_unless_link(path)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    target = os.readlink(path)
    return b"ref: " + os.fsencode(target) if target.startswith("refs/") else read_file(path)


def _shown(now: ObjectId | SymbolicRef | None) -> str:
    if now is None:
        return "it does not exist"
    return f"it leads to {now.target}" if isinstance(now, SymbolicRef) else f"it is at {now}"

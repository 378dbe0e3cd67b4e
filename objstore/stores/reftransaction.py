"""Changing refs in files: several at once, all or none as far as files allow.

    lock            every ref, and every symbolic ref on the way to it, in the order of their names
    read, compare   under the lock; look for what stands in the way; write the new value into the lock, to the disk
    rename          the updates, each after its line in the log
    delete          from packed-refs, under the lock of that; then the log, then the loose file, then empty folders

Whatever is refused is refused before the first rename. Readers see one ref after the other change: files cannot do
better. Authority: git's `refs/files-backend.c` (`files_transaction_prepare`, `files_transaction_finish`).
"""
import os
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import ExitStack, suppress
from itertools import pairwise

from ..errors import Conflict, GitError, NotFound
from ..formats.reflog import LogEntry, encode_entry
from ..formats.refs import SymbolicRef, check_name, encode_loose
from ..ids import Kind, ObjectId
from ..lighttyping import NamedTuple
from .files import PRIVATE, LockFile, Sharing, fsync_folder, remove_empty_folders
from .packedrefs import Removal
from .reffiles import RefFiles
from .reflogs import LogPolicy, Reflog, guessed_signature
from .refstore import RefUpdate

_TRIES = 3  # where others change the same symbolic refs, or make folders where a file is to go


class WriteRules(NamedTuple):
    """How refs are written in a repository. Times are in seconds; a negative one is for ever.

    `find_kind` tells the kind of an object or raises NotFound; without it nobody looks whether objects exist.
    """

    sharing: Sharing = PRIVATE
    logs: LogPolicy = "none"
    lock_timeout_s: float = 0.1  # core.filesRefLockTimeout's default
    packed_timeout_s: float = 1.0  # core.packedRefsTimeout's
    ignore_case: bool = False  # core.ignoreCase; refs may be on such a file system without it, too
    find_kind: Callable[[ObjectId], Kind] | None = None


class _Change(NamedTuple):
    """What happens to one ref."""

    name: str  # of the ref itself, where symbolic refs lead to
    update: RefUpdate  # as asked for
    told: list[str]  # the symbolic refs on the way, and HEAD where it names one of them: their logs tell it too
    old: ObjectId | None

    @property
    def is_write(self) -> bool:
        return self.update.new is not None and self.update.new != self.old

    @property
    def is_deletion(self) -> bool:
        return self.update.new is None and self.old is not None


class _Moved(Exception):
    """A symbolic ref was changed between the look at it and its lock."""


class RefTransaction:
    """One call of `RefStore.update`."""

    def __init__(self, files: RefFiles, rules: WriteRules, signature: bytes) -> None:
        """Nothing happens yet. `signature` is for the logs; a guess if empty."""
        self._files, self._rules, self._signature = files, rules, signature
        self._locks: dict[str, LockFile] = {}
        self._are_folders: set[str] = set()  # names that were looked at and are no refs
        self._inside: dict[str, str] = {}  # a change in each folder

    def run(self, updates: Sequence[RefUpdate]) -> None:
        """Change the refs. Raises as `RefStore.update` says; GitError naming what was done if a disk fails midway."""
        for _ in range(_TRIES):
            changes, links = self._plan(updates)
            try:
                self._run(changes, links)
                return
            except _Moved as moved:
                where = str(moved)
        raise Conflict(f"{where} was changed by another program again and again; try again")

    def _plan(self, updates: Sequence[RefUpdate]) -> tuple[dict[str, _Change], dict[str, str]]:
        """The changes by name, nothing locked yet, and what the symbolic refs on the way say."""
        links: dict[str, str] = {}
        changes: dict[str, _Change] = {}
        try:
            head = self._files.read("HEAD")
        except GitError:  # it is not HEAD that is changed
            head = None
        for update in updates:
            check_name(update.name)
            way, _ = self._files.follow(update.name)
            told = way[:-1]
            if isinstance(head, SymbolicRef) and head.target in way and "HEAD" not in way:
                told.append("HEAD")
                links["HEAD"] = head.target
            links.update(pairwise(way))
            if way[-1] in changes:
                raise Conflict(f"{way[-1]} cannot be changed twice at once")
            changes[way[-1]] = _Change(way[-1], update, told, None)
        return changes, links

    def _run(self, changes: dict[str, _Change], links: dict[str, str]) -> None:
        try:
            with ExitStack() as held:
                self._check_case(changes)
                self._inside = {folder: name for name in changes for folder in _folders_of(name)}
                self._are_folders.clear()
                for name in sorted({*changes, *links}):
                    lock = self._locks[name] = self._take(held, name, changes)
                    if name in changes:
                        changes[name] = self._prepare(changes[name], changes)
                    elif self._files.read(name) != SymbolicRef(links[name]):
                        raise _Moved(name)
                    lock.close()
                gone = [change.name for change in changes.values() if change.is_deletion]
                lines = self._log_lines(changes.values())
                removal = held.enter_context(self._removal(gone)) if gone else None
                self._finish(list(changes.values()), lines, removal)
        finally:
            for name in changes:
                self._remove_empty_parents(name)

    def _take(self, held: ExitStack, name: str, among: Container[str]) -> LockFile:
        """Lock a ref. Raises Conflict where others keep it locked, or a ref is where its folder has to be."""
        path = self._files.path(name)
        lock = LockFile(path, sharing=self._rules.sharing, timeout_s=self._rules.lock_timeout_s)
        try:
            return held.enter_context(lock)
        except NotADirectoryError:
            self._check_room(name, among)
            raise Conflict(f"{path} cannot be made: a file is where its folder has to be") from None

    def _removal(self, names: list[str]) -> Removal:
        return Removal(self._files.packed, names, self._rules.sharing, self._rules.packed_timeout_s)

    def _prepare(self, change: _Change, among: Container[str]) -> _Change:
        """Under the lock: compare with what is expected, look what is in the way, write the new value into the lock."""
        name, update, old = change.name, change.update, self._files.read(change.name)
        if isinstance(old, SymbolicRef):
            raise _Moved(name)
        if update.expected == "absent" and old is not None:
            raise Conflict(f"{name} exists already: it is at {old}")
        if isinstance(update.expected, ObjectId) and old != update.expected:
            raise Conflict(f"{name} is not at {update.expected} any more: {_shown(old)}")
        if old is None:
            self._check_room(name, among)
        change = change._replace(old=old)
        if change.is_write:
            assert update.new is not None
            self._check_object(name, update.new)
            self._remove_empty_folders(name)
            self._locks[name].write(encode_loose(update.new))
        return change

    def _check_room(self, name: str, among: Container[str]) -> None:
        """Raise Conflict if a ref, loose, packed or in `among`, is where a folder has to be or the other way round."""
        above = _folders_of(name)
        inside = next(self._files.refs(name + "/"), None)
        new_folders = [each for each in above if each not in self._are_folders]
        taken = inside.name if inside else next((each for each in new_folders if self._files.read(each)), None)
        if taken:
            raise Conflict(f"{name} cannot be made: {taken} exists")
        other = next((each for each in above if each in among), None) or self._inside.get(name)
        if other:
            raise Conflict(f"{name} and {other} cannot be changed at once: one is a folder of the other")
        self._are_folders.update(new_folders)

    def _check_object(self, name: str, id_: ObjectId) -> None:
        """Raise NotFound or GitError where git refuses such a value: a ref to nothing makes its gc and fetch fail."""
        if self._rules.find_kind is None:
            return
        try:
            kind = self._rules.find_kind(id_)
        except NotFound as error:
            raise NotFound(f"{name} cannot be set to {id_}: {error}") from None
        if kind != "commit" and (name == "HEAD" or name.startswith("refs/heads/")):
            raise GitError(f"{name} cannot be set to {id_}, which is a {kind}: branches hold commits")

    def _check_case(self, names: Iterable[str]) -> None:
        """Raise Conflict, naming the ref, if one of another spelling is in the file system's eyes the same."""
        probe = f"{self._files.git_dir}/hEAD"
        if not (self._rules.ignore_case or os.path.lexists(probe)):
            return
        spellings: dict[str, str] = {}
        for name in names:
            for other in (spellings.setdefault(name.casefold(), name), *self._files.spellings(name)):
                if other != name:
                    raise Conflict(f"{name} and {other} differ in nothing but capital letters: choose another name")

    def _log_lines(self, changes: Iterable[_Change]) -> dict[str, list[tuple[Reflog, bytes]]]:
        """What is to be written into which logs, by the name of the changed ref."""
        lines: dict[str, list[tuple[Reflog, bytes]]] = {}
        nothing = ObjectId(bytes(self._files.form.width))
        for change in changes:
            for name in [*change.told, change.name] if change.is_write else change.told:
                log = self._log(name)
                if log.prepare():
                    self._signature = self._signature or guessed_signature()
                    message = change.update.message.encode("utf-8", "surrogateescape")
                    entry = LogEntry(change.old or nothing, change.update.new or nothing, self._signature, message)
                    lines.setdefault(change.name, []).append((log, encode_entry(entry)))
        return lines

    def _log(self, name: str) -> Reflog:
        return Reflog(name, self._files.path(name, "logs/"), self._rules.logs, self._rules.sharing)

    def _finish(
        self, changes: list[_Change], lines: dict[str, list[tuple[Reflog, bytes]]], removal: Removal | None
    ) -> None:
        """Let everybody see the changes, updates first: what only they keep from `git gc` may be deleted elsewhere."""
        done: list[str] = []
        try:
            for change in changes:
                for log, line in lines.get(change.name, ()):
                    log.append(line)
                if change.is_write:
                    self._put(change.name)
                    done.append(change.name)
            for folder in dict.fromkeys(os.path.dirname(self._files.path(name)) for name in done):
                fsync_folder(folder)  # also makes the objects' names durable on a journaling file system
            if removal:
                removal.commit()
            for change in changes:
                if change.is_deletion:
                    self._log(change.name).remove()
                    with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):  # it was packed only
                        os.unlink(self._files.path(change.name))
                    done.append(change.name)
        except OSError as error:
            raise GitError(_half_done(error, done, changes)) from error

    def _put(self, name: str) -> None:
        """Rename the lock to the ref; another process may make a folder there at any time."""
        for _ in range(_TRIES):
            with suppress(IsADirectoryError):
                return self._locks[name].replace()
            self._remove_empty_folders(name)
        raise AssertionError("_remove_empty_folders raises")

    def _remove_empty_folders(self, name: str) -> None:
        """Remove folders that git leaves behind where a ref goes."""
        path = self._files.path(name)
        try:
            remove_empty_folders(path)
        except OSError as error:
            raise Conflict(f"{path} is a folder that is not empty") from error

    def _remove_empty_parents(self, name: str) -> None:
        """Remove the folders that a ref which is not there leaves empty, and those of its log; "refs/heads/" stays."""
        for logs in ("", "logs/"):
            folder = name.rpartition("/")[0]
            with suppress(OSError):
                while folder.count("/") > 1:
                    os.rmdir(self._files.path(folder + "/", logs))
                    folder = folder.rpartition("/")[0]


def _folders_of(name: str) -> list[str]:
    """What may be no ref where `name` is one, "refs/heads" and its like left out."""
    return [name[:at] for at, letter in enumerate(name) if letter == "/" and "/" in name[:at]]


def _half_done(error: OSError, done: list[str], changes: list[_Change]) -> str:
    left = [change.name for change in changes if (change.is_write or change.is_deletion) and change.name not in done]
    said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return f"{said}; changed already: {', '.join(done) or 'nothing'}; not changed: {', '.join(left)}"


def _shown(now: ObjectId | None) -> str:
    return f"it is at {now}" if now else "it does not exist"

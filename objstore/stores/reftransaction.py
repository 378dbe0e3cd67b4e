"""Changing refs in files: several at once, all or none as far as files allow.

    lock            every ref, and every symbolic ref on the way to it, in the order of their names
    read, compare   under the lock; look for what stands in the way; write the new value into the lock, to the disk
    rename          the updates, each after its line in the log
    packed-refs     under the lock of that: many new refs come in, deleted ones go out, with one rename
    delete          the log, then the loose file, then empty folders

Whatever is refused is refused before the first rename. Readers see one ref after the other change: files cannot do
better, except for the new ones that go into packed-refs. Those are `MANY` or more, lead to commits, and are neither
branches nor tags nor remote branches, beside which people make others at any moment: where one ref would have the name
of a folder of another, only files stop both. Authority: git's `refs/files-backend.c` (`files_transaction_prepare`,
`files_transaction_finish`).
"""
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from itertools import pairwise

from ..errors import Conflict, GitError, NotFound
from ..formats.reflog import LogEntry, encode_entry
from ..formats.refs import SymbolicRef, check_name, encode_loose
from ..ids import Kind, ObjectId
from ..lighttyping import NamedTuple
from .files import PRIVATE, LockFile, Sharing, fsync_folder, remove_empty_folders
from .packedrefs import PackedChange
from .reffiles import OF_WORK_TREE, RefFiles
from .refglance import MANY, Glance
from .reflogs import LogPolicy, Reflog, guessed_signature
from .refroom import Room
from .refstore import RefUpdate

_AS_FILES = ("refs/heads/", "refs/tags/", "refs/remotes/", *OF_WORK_TREE)  # however many of them are made
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
        self._packed: dict[str, ObjectId] = {}  # refs that are made in packed-refs

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
        for update in updates:
            check_name(update.name)  # before any of them becomes a path
        links: dict[str, str] = {}
        changes: dict[str, _Change] = {}
        try:
            head = self._files.read("HEAD")
        except GitError:  # it is not HEAD that is changed
            head = None
        glance = Glance(self._files, [update.name for update in updates])
        for update in updates:
            way, _ = glance.follow(update.name)
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
                room = Room(changes)
                self._prepare_packed(held, changes, room)
                for name in sorted({*changes, *links} - self._packed.keys()):
                    lock = self._locks[name] = self._take(held, name, room)
                    if name in changes:
                        changes[name] = self._prepare(changes[name], room)
                    elif self._files.read(name) != SymbolicRef(links[name]):
                        raise _Moved(name)
                    lock.close()
                gone = [change.name for change in changes.values() if change.is_deletion]
                lines = self._log_lines(changes.values())
                packed = held.enter_context(self._packed_change(gone)) if gone or self._packed else None
                self._finish(list(changes.values()), lines, packed)
        finally:
            for folder in {name.rpartition("/")[0] for name in changes}:
                self._remove_empty_folders_above(folder)

    def _take(self, held: ExitStack, name: str, room: Room) -> LockFile:
        """Lock a ref. Raises Conflict where others keep it locked, or a ref is where its folder has to be."""
        path = self._files.path(name)
        lock = LockFile(path, sharing=self._rules.sharing, timeout_s=self._rules.lock_timeout_s)
        try:
            return held.enter_context(lock)
        except NotADirectoryError:
            room.check(name, Glance(self._files, ()))
            raise Conflict(f"{path} cannot be made: a file is where its folder has to be") from None

    def _packed_change(self, gone: list[str]) -> PackedChange:
        timeout_s = self._rules.packed_timeout_s
        return PackedChange(self._files.packed, gone, self._rules.sharing, timeout_s, new=self._packed)

    def _prepare_packed(self, held: ExitStack, changes: dict[str, _Change], room: Room) -> None:
        """Choose the new refs that go into packed-refs; lock them, then compare with one look at all of them."""
        new = {name: change.update.new for name, change in changes.items() if _is_packable(change)}
        many = new if len(new) >= MANY and self._rules.find_kind else {}
        self._packed = {name: id_ for name, id_ in many.items() if id_ and self._check_object(name, id_) == "commit"}
        for name in sorted(self._packed):
            self._take(held, name, room).close()
        glance = Glance(self._files, self._packed)
        for name in self._packed:
            old = glance.read(name)
            if isinstance(old, SymbolicRef):
                raise _Moved(name)
            if old is not None:
                raise _exists(name, old)
            room.check(name, glance)

    def _prepare(self, change: _Change, room: Room) -> _Change:
        """Under the lock: compare with what is expected, look what is in the way, write the new value into the lock."""
        name, update, old = change.name, change.update, self._files.read(change.name)
        if isinstance(old, SymbolicRef):
            raise _Moved(name)
        if update.expected == "absent" and old is not None:
            raise _exists(name, old)
        if isinstance(update.expected, ObjectId) and old != update.expected:
            raise Conflict(f"{name} is not at {update.expected} any more: {_shown(old)}")
        if old is None:
            room.check(name, Glance(self._files, ()))
        change = change._replace(old=old)
        if change.is_write:
            assert update.new is not None
            self._check_object(name, update.new)
            self._remove_empty_folders(name)
            self._locks[name].write(encode_loose(update.new))
        return change

    def _check_object(self, name: str, id_: ObjectId) -> Kind | None:
        """The kind of a value, None if nobody looks.

        Raises NotFound or GitError where git refuses it: a ref to nothing makes its gc and fetch fail.
        """
        if self._rules.find_kind is None:
            return None
        try:
            kind = self._rules.find_kind(id_)
        except NotFound as error:
            raise NotFound(f"{name} cannot be set to {id_}: {error}") from None
        if kind != "commit" and (name == "HEAD" or name.startswith("refs/heads/")):
            raise GitError(f"{name} cannot be set to {id_}, which is a {kind}: branches hold commits")
        return kind

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
        without_logs: set[str] = set()  # folders
        for change in changes:
            for name in [*change.told, change.name] if change.is_write else change.told:
                log = self._log(name)
                if log.prepare(without_logs):
                    self._signature = self._signature or guessed_signature()
                    message = change.update.message.encode("utf-8", "surrogateescape")
                    entry = LogEntry(change.old or nothing, change.update.new or nothing, self._signature, message)
                    lines.setdefault(change.name, []).append((log, encode_entry(entry)))
        return lines

    def _log(self, name: str) -> Reflog:
        return Reflog(name, self._files.path(name, "logs/"), self._rules.logs, self._rules.sharing)

    def _finish(
        self, changes: list[_Change], lines: dict[str, list[tuple[Reflog, bytes]]], packed: PackedChange | None
    ) -> None:
        """Let everybody see the changes, updates first: what only they keep from `git gc` may be deleted elsewhere."""
        done: list[str] = []
        try:
            for change in changes:
                for log, line in lines.get(change.name, ()):
                    log.append(line)
                if change.is_write and change.name not in self._packed:
                    self._put(change.name)
                    done.append(change.name)
            for folder in dict.fromkeys(os.path.dirname(self._files.path(name)) for name in done):
                fsync_folder(folder)  # also makes the objects' names durable on a journaling file system
            if packed:
                packed.commit()
                done += self._packed
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

    def _remove_empty_folders_above(self, start: str) -> None:
        """Remove a folder of refs that is empty, then those above it, and those of logs; "refs/heads/" stays."""
        for logs in ("", "logs/"):
            folder = start
            with suppress(OSError):
                while folder.count("/") > 1:
                    os.rmdir(self._files.path(folder + "/", logs))
                    folder = folder.rpartition("/")[0]


def _half_done(error: OSError, done: list[str], changes: list[_Change]) -> str:
    left = [change.name for change in changes if (change.is_write or change.is_deletion) and change.name not in done]
    said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return f"{said}; changed already: {', '.join(done) or 'nothing'}; not changed: {', '.join(left)}"


def _is_packable(change: _Change) -> bool:
    """Whether a ref may be made in packed-refs, if its value is a commit and it is one of many."""
    name, update = change.name, change.update
    if update.expected != "absent" or update.new is None or change.told:
        return False
    return name.startswith("refs/") and not name.startswith(_AS_FILES)


def _exists(name: str, old: ObjectId) -> Conflict:
    return Conflict(f"{name} exists already: it is at {old}")


def _shown(now: ObjectId | None) -> str:
    return f"it is at {now}" if now else "it does not exist"

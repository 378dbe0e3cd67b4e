"""Files on disk: locks, atomic replacement, permissions, durability. The one place that decides when to fsync.

A reader never locks. A writer makes `<file>.lock` exclusively, writes it, flushes it to the disk and renames it over
the file, so that a crash leaves the old file or the new one. A lock of somebody else is never broken; one of ours says
whose it is (`lockmarks`) until the new content is in it.
Authority: git's `lockfile.c`, `path.c` (`calc_shared_perm`), git-config(1) `core.sharedRepository`.
"""
import itertools
import os
import stat
import time
from contextlib import suppress
from types import TracebackType

from ..errors import Conflict, GitError
from .lockmarks import mark

BINARY = getattr(os, "O_BINARY", 0)  # Windows
CLOEXEC = getattr(os, "O_CLOEXEC", 0)
NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_LONGEST_PAUSE_S = 1.0  # between two tries to get a lock: 1 ms, 4 ms, 9 ms, … as git
_RETRIES = 50  # git and we remove empty folders at any time (pack-refs, prune, refs that are packed): make them again


_SHARING = {  # what the words of core.sharedRepository add
    "umask": 0, "false": 0, "no": 0, "off": 0, "0": 0, "group": 0o660, "true": 0o660, "yes": 0o660, "on": 0o660,
    "1": 0o660, "all": 0o664, "world": 0o664, "everybody": 0o664, "2": 0o664,
}  # fmt: skip


class Sharing:
    """The permissions that `core.sharedRepository` asks for; they widen what the umask gives."""

    __slots__ = ("_exact", "_tweak")

    def __init__(self, setting: str | None = None) -> None:
        """Read the setting; raises GitError for a value that git refuses."""
        named = _SHARING.get((setting or "umask").lower())
        try:
            self._tweak = int(setting or "0", 8) & 0o666 if named is None else named
        except ValueError:
            raise GitError(f"core.sharedRepository: bad value {setting!r}") from None
        self._exact = named is None
        if self._exact and self._tweak & 0o600 != 0o600:
            raise GitError(f"core.sharedRepository: {setting!r} takes the owner's right to read and write")

    def adjust(self, path: str) -> None:
        """Give a file or folder of ours these permissions."""
        if not self._tweak:
            return
        mode = os.lstat(path).st_mode
        wanted = self.widen(stat.S_IMODE(mode), is_dir=stat.S_ISDIR(mode))
        if wanted != stat.S_IMODE(mode):
            os.chmod(path, wanted)

    def widen(self, mode: int, *, is_dir: bool = False) -> int:
        """The permissions to have instead of `mode`."""
        if not self._tweak:
            return mode
        tweak = self._tweak if mode & stat.S_IWUSR else self._tweak & ~0o222
        if mode & stat.S_IXUSR:
            tweak |= (tweak & 0o444) >> 2
        wanted = (mode & ~0o777) | tweak if self._exact else mode | tweak
        if not is_dir:
            return wanted
        return wanted | (wanted & 0o444) >> 2 | (stat.S_ISGID if wanted & 0o060 else 0)


PRIVATE = Sharing()


class LockFile:
    """`<path>.lock`, held while the `with` block runs; `commit(content)` replaces `path` with it.

    Leaving the block without that removes the lock and changes nothing, whatever the reason. Raises Conflict if
    somebody else holds the lock for longer than `timeout_s`; a negative one is for ever.
    """

    def __init__(self, path: str, *, sharing: Sharing = PRIVATE, timeout_s: float = 0.0) -> None:
        """Name the file to lock; nothing happens before the block is entered."""
        self._path, self._lock, self._sharing, self._timeout_s = path, path + ".lock", sharing, timeout_s
        self._fd: int | None = None
        self._is_held = False

    def __enter__(self) -> "LockFile":
        until = time.monotonic() + self._timeout_s
        for attempt in itertools.count(1):
            try:
                self._fd = create(self._lock, 0o666, self._sharing)
                self._is_held = True
                with suppress(OSError):  # nobody needs it to be there, on a full disk least of all
                    os.write(self._fd, mark())
                break
            except FileExistsError:
                left_s = until - time.monotonic() if self._timeout_s >= 0 else _LONGEST_PAUSE_S
                if left_s <= 0:
                    raise Conflict(_held_by_others(self._lock)) from None
            jitter = 0.75 + os.urandom(1)[0] / 510  # so that two that wait do not meet again and again
            time.sleep(min(attempt * attempt * 0.001 * jitter, _LONGEST_PAUSE_S, left_s))
        return self

    def commit(self, content: bytes) -> None:
        """Replace the file by one of this content: on the disk before it has the name."""
        self.write(content)
        self.replace()

    def write(self, content: bytes) -> None:
        """Write what the file is to be, and have it on the disk. The lock is still held."""
        assert self._fd is not None, "write once, inside the block"
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        write_all(self._fd, content, self._lock)
        os.fsync(self._fd)
        self._sharing.adjust(self._lock)
        self.close()  # Windows renames closed files only

    def replace(self) -> None:
        """Put what was written in the place of the file; this ends the lock."""
        os.replace(self._lock, self._path)
        self._is_held = False

    def close(self) -> None:
        """Give the descriptor back: there are fewer of them than refs. The lock is still held."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
        if self._is_held:
            self._is_held = False
            with suppress(FileNotFoundError):  # somebody was tired of waiting
                os.unlink(self._lock)


def _held_by_others(lock: str) -> str:
    try:
        age = f"{max(0, int(time.time() - os.lstat(lock).st_mtime))} s old"
    except OSError:
        age = "just gone"
    return f"{lock} is held by another program ({age}); if none is running, remove that file and try again"


def gone(temporary: str) -> str:
    """What to say when a temporary file of ours is not there any more."""
    return f"{temporary} was removed by another program (`git gc --prune=now`?) while it was written; try again"


def create(path: str, mode: int, sharing: Sharing) -> int:
    """Open a file that must not exist yet, for writing, with its folders; return its descriptor."""
    for attempt in range(_RETRIES):
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | CLOEXEC | BINARY, mode)
        except FileNotFoundError:
            if attempt == _RETRIES - 1:
                raise
            make_folders(os.path.dirname(path), sharing)
    raise AssertionError("the last attempt returns or raises")


def make_folders(path: str, sharing: Sharing) -> None:
    """Make a folder and those above it that are missing, with the repository's permissions."""
    for attempt in range(_RETRIES):
        try:
            return _make_missing(path, sharing)
        except FileNotFoundError:  # one above it was empty, and has gone meanwhile
            if attempt == _RETRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _make_missing(path: str, sharing: Sharing) -> None:
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder)
        except FileExistsError:
            continue
        sharing.adjust(folder)


def remove_empty_folders(path: str) -> None:
    """Remove a folder that holds nothing but folders. Raises OSError where there is more; a file is left alone."""
    if os.path.isdir(path) and not os.path.islink(path):
        folders = [path]
        for folder in folders:  # grows; `os.walk` calls itself for each level before Python 3.12
            with os.scandir(folder) as entries:
                folders += [each.path for each in entries if each.is_dir(follow_symlinks=False)]
        for folder in reversed(folders):
            os.rmdir(folder)


def write_all(fd: int, content: bytes | memoryview, path: str = "") -> None:
    """Write all of `content`: one `os.write` may take less. An error (a full disk) names `path`."""
    view = memoryview(content)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        error.filename = path or None
        raise


def write_new(path: str, content: bytes, sharing: Sharing, *, mode: int = 0o666, durable: bool = True) -> None:
    """Make a file that must not exist yet; nothing stays of it if that fails. `durable=False` leaves out the fsync."""
    fd = create(path, mode, sharing)
    try:
        try:
            write_all(fd, content, path)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        sharing.adjust(path)
    except BaseException:
        os.unlink(path)
        raise


def replace_file(path: str, content: bytes, sharing: Sharing, *, durable: bool = True) -> None:
    """Make `path` a file of this content, or leave it as it was; of two writers at once one wins.

    For files that only we write and that no lock guards. `durable=False` leaves out the fsync: for what may be lost.
    """
    temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
    write_new(temporary, content, sharing, durable=durable)
    try:
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def fsync_folder(path: str) -> None:
    """Make names in a folder durable, where the system can."""
    try:
        fd = os.open(path, os.O_RDONLY | CLOEXEC)
    except OSError:  # Windows cannot open folders
        return
    try:
        os.fsync(fd)
    except OSError:  # some network file systems cannot either
        pass
    finally:
        os.close(fd)


def read_file(path: str) -> bytes | None:
    """The content of a file; None if there is none. A FIFO counts as empty: nothing here waits for a writer."""
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as file:
            return file.readall()
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_start(path: str, size: int) -> bytes | None:
    """The same, but no more than the first `size` bytes."""
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as file:
            return file.read(size)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | NONBLOCK)

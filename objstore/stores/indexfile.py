"""The index of a work tree, behind one interface: what git calls the staging area. It is read, never changed.

A second way of keeping it (split, sparse) would be another class with the same methods.
"""
import os
import stat
from collections.abc import Iterable
from io import FileIO

from ..errors import Conflict, Corrupt, GitError, Unsupported
from ..formats.index import Index, IndexRow, encode_index, key_of
from ..ids import ObjectFormat
from ..lighttyping import Protocol
from .files import BINARY, CLOEXEC, NONBLOCK, LockFile

_BLOCK = 1 << 20  # bytes read at a time


class IndexStore(Protocol):
    """What every way of keeping an index can do."""

    def read(self) -> Index:
        """The index as it is now; one without entries if there is none. Raises Unsupported, Corrupt."""

    def read_bytes(self) -> tuple[bytes, int]:
        """The index as bytes of Git's format, not looked at, and when they were written, in ns since the epoch."""

    def decode(self, content: bytes, written_ns: int) -> Index:
        """The index of bytes that `read_bytes` returned. Raises Unsupported, Corrupt."""

    def key(self) -> bytes:
        """The hash over these bytes without their trailer; they are not kept in memory."""


class IndexFile:
    """An index in one file."""

    def __init__(self, path: str, form: ObjectFormat) -> None:
        """Look at the file `path`, which need not exist: then nothing is tracked."""
        self._path, self._form = path, form

    def read(self) -> Index:
        """As the protocol says."""
        return self.decode(*self.read_bytes())

    def read_bytes(self) -> tuple[bytes, int]:
        """As the protocol says."""
        try:
            with self._open() as file:
                return file.readall(), os.fstat(file.fileno()).st_mtime_ns
        except FileNotFoundError:
            return encode_index((), self._form), 0

    def key(self) -> bytes:
        """As the protocol says."""
        try:
            with self._open() as file:
                left = max(0, os.fstat(file.fileno()).st_size - self._form.width)
                if left <= _BLOCK:
                    return self._form.digest(file.read(left))
                hasher = self._form.hasher()
                while left > 0 and (block := file.read(min(left, _BLOCK))):
                    hasher.update(block)
                    left -= len(block)
        except FileNotFoundError:
            return key_of(encode_index((), self._form), self._form)
        return hasher.digest()

    def _open(self) -> FileIO:
        fd = os.open(self._path, os.O_RDONLY | BINARY | CLOEXEC | NONBLOCK)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return FileIO(fd)
        os.close(fd)
        raise _with_remedy(Corrupt(self._path, None, "it is not a file"))

    def decode(self, content: bytes, written_ns: int) -> Index:
        """As the protocol says; the errors have a hint."""
        try:
            return Index(content, self._form, self._path, written_ns)
        except (Corrupt, Unsupported) as error:
            raise _with_remedy(error) from None

    def make(self, rows: Iterable[tuple[bytes, IndexRow]]) -> None:
        """Make the index of a new repository. Raises Conflict if there is one: it is somebody's work."""
        with LockFile(self._path) as lock:
            if os.path.exists(self._path):
                raise Conflict(f"{self._path} exists already")
            lock.commit(encode_index(rows, self._form))


def _with_remedy(error: GitError) -> GitError:
    """The same, saying what to do if it does not say it yet."""
    error.hint = error.hint or "remove it, then `git reset`; your files stay as they are"
    return error

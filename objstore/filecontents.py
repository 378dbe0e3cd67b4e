"""The contents of a work tree's files and links as blobs. Never through a link, never waiting for a writer.

A file that changes while it is read is read again, and named if it goes on. Large files are read in blocks.
Authority: git's `object-file.c` (`index_fd`), `convert.c`; Git LFS's specification.
"""

import os
import stat
from collections.abc import Iterator

from .conversion import Cleaner
from .errors import Conflict, GitError
from .ids import Kind, ObjectFormat, ObjectId
from .lighttyping import BinaryIO, Protocol
from .progress import SILENT, Progress
from .stores.files import BINARY, CLOEXEC, NOFOLLOW, NONBLOCK

STREAMED = 8 << 20  # files from this size on are read in blocks, bytes
_BLOCK = 1 << 20  # bytes
_START = 8000  # bytes that show whether a file is text, as git takes them
_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n"  # git-lfs-spec, "The Pointer"
_READS = 3  # tries at a file that changes while it is read


class BlobSink(Protocol):
    """Where blobs go: the object store itself, or a writer of many at once."""

    def write(self, kind: Kind, content: bytes) -> ObjectId:
        """Store an object, or keep the one that is there; return its id."""

    def write_blob(self, stream: BinaryIO, size: int, progress: Progress = SILENT) -> ObjectId:
        """Store a blob of `size` bytes from a stream, in blocks. Raises Conflict if it has another size."""


class FileContents:
    """The contents of the files below `root`, which ends with "/"."""

    def __init__(self, root: bytes, form: ObjectFormat) -> None:
        """Nothing is read yet."""
        self._root, self._form = root, form

    def hash(self, path: bytes, size: int) -> ObjectId:
        """The id of the blob with just the bytes of a file of `size` bytes."""
        hasher = self._form.hasher(b"blob %d\0" % size)
        with self._open(path) as file:
            for block in _blocks(file, size):
                hasher.update(block)
        return ObjectId(hasher.digest())

    def cleaned_id(self, path: bytes, size: int, cleaner: Cleaner, indexed: ObjectId) -> ObjectId:
        """The id of the blob that `git add` makes of a file; nothing is stored. Raises for what git refuses."""
        raw = self.hash(path, size)
        if cleaner.filter and raw == indexed:
            return raw  # a filter has to leave its own output as it is
        if cleaner.filter == "lfs" and self._pointer_id(path, size) == indexed:
            return indexed  # what it makes of a file is known; only changed files need the program, which stores them
        with self._open(path) as file:
            if cleaner.leaves_alone(file.read(_START)):
                return raw
            file.seek(0)
            content = b"".join(_blocks(file, size))
            return raw if len(content) > size else self._form.name_object("blob", cleaner.clean(content))

    def _pointer_id(self, path: bytes, size: int) -> ObjectId:
        """The id of the pointer that Git LFS would put in the place of a file."""
        import hashlib  # loads OpenSSL, a tenth of the time of a short command

        hasher = hashlib.sha256(usedforsecurity=False)
        with self._open(path) as file:
            for block in _blocks(file, size):
                hasher.update(block)
        return self._form.name_object("blob", _POINTER % (hasher.hexdigest().encode(), size))

    def store_link(self, path: bytes, sink: BlobSink) -> ObjectId:
        """Store where a symbolic link leads."""
        try:
            return sink.write("blob", os.readlink(self._root + path))
        except OSError as error:
            raise Conflict(f"{os.fsdecode(path)} was a symbolic link a moment ago, and is none now") from error

    def store(
        self,
        path: bytes,
        indexed: bytes | None,
        cleaner: Cleaner | None,
        sink: BlobSink,
        progress: Progress = SILENT,
    ) -> ObjectId:
        """Store a file, unless it is the blob `indexed`; return its id. Raises Conflict if it goes on changing."""
        for _ in range(_READS):
            fd, before = self._open_at(path)
            try:
                if before.st_size < STREAMED:
                    content = _read(fd, before.st_size)
                else:
                    content = self._stream(fd, before.st_size, cleaner, sink, progress)
                if content is not None and _is_same(before, os.fstat(fd)):
                    break
            finally:
                os.close(fd)
        else:
            raise Conflict(f"{os.fsdecode(path)} is being written: it changed {_READS} times while it was read")
        if isinstance(content, ObjectId):
            return content
        progress.advance(0, len(content))
        content = cleaner.clean(content) if cleaner else content
        if indexed is not None and self._form.name_object("blob", content) == indexed:
            return ObjectId(indexed)
        return sink.write("blob", content)

    @staticmethod
    def _stream(
        fd: int, size: int, cleaner: Cleaner | None, sink: BlobSink, progress: Progress
    ) -> bytes | ObjectId | None:
        """Store a large file in blocks and return its id; or its content, if it has to be converted as a whole."""
        with open(fd, "rb", buffering=0, closefd=False) as file:
            whole = cleaner is not None and not cleaner.leaves_alone(file.read(_START))
            file.seek(0)
            if whole:
                return _read(fd, size)
            try:
                return sink.write_blob(file, size, progress)
            except Conflict:
                return None

    def _open(self, path: bytes) -> BinaryIO:
        return open(self._open_at(path)[0], "rb", buffering=0)

    def _open_at(self, path: bytes) -> tuple[int, os.stat_result]:
        try:
            fd = os.open(self._root + path, os.O_RDONLY | NOFOLLOW | NONBLOCK | CLOEXEC | BINARY)
        except PermissionError as error:
            raise GitError(f"{os.fsdecode(path)}: {error.strerror}") from error
        except OSError as error:
            raise Conflict(f"{os.fsdecode(path)} was a file a moment ago: {error.strerror}") from error
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(fd)
            raise Conflict(f"{os.fsdecode(path)} was a file a moment ago, and is none now")
        return fd, found


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """A file of `size` bytes, and one byte more if it has grown: it may grow as fast as it is read."""
    left = size + 1
    while left > 0 and (block := file.read(min(_BLOCK, left))):
        yield block
        left -= len(block)


def _read(fd: int, size: int) -> bytes | None:
    """The content of a file of just so many bytes; None if there are more or fewer."""
    content = os.read(fd, size + 1)
    while 0 < len(content) < size and (more := os.read(fd, size + 1 - len(content))):
        content += more
    return content if len(content) == size else None


def _is_same(before: os.stat_result, now: os.stat_result) -> bool:
    return before.st_size == now.st_size and before.st_mtime_ns == now.st_mtime_ns

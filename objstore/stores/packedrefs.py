"""The file `packed-refs`: many refs, sorted, in one file that is replaced as a whole.

A reader maps it and bisects; nothing is remembered between two looks, because git replaces it at any time. Refs are
taken out and put in under `packed-refs.lock`, which is held until the caller has removed the loose ref too: else a
`git pack-refs` in between would bring the ref back. Authority: git's `refs/packed-backend.c`, `refs/files-backend.c`.
"""
import mmap
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from types import TracebackType

from ..errors import Corrupt
from ..formats.refs import Ref, decode_packed, find_packed, with_packed, without_packed
from ..ids import ObjectFormat, ObjectId
from .files import BINARY, CLOEXEC, NONBLOCK, LockFile, Sharing, fsync_folder, read_file, write_new

_SMALL = 1 << 15  # bytes that are read rather than mapped, as git


class PackedRefs:
    """The refs in one packed-refs file."""

    def __init__(self, path: str, form: ObjectFormat) -> None:
        """Name the file, which need not exist."""
        self.path, self.form = path, form

    def get(self, name: str) -> ObjectId | None:
        """The id of a ref; None if it is not packed. Raises Corrupt."""
        found = find_packed(self._content(), name, self.form, self.path)
        if found and found.broken:
            raise Corrupt(self.path, None, f"{name}: {found.broken}")
        return found.id if found else None

    def refs(self, prefix: str) -> list[Ref]:
        """The refs below `prefix`, which ends with "/", in git's order."""
        return decode_packed(self._content(), self.form, self.path, prefix)

    def _content(self) -> "bytes | mmap.mmap":
        try:
            fd = os.open(self.path, os.O_RDONLY | CLOEXEC | BINARY | NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        try:
            size = os.fstat(fd).st_size
            return os.read(fd, size) if size <= _SMALL else mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)


class PackedChange:
    """Refs that leave packed-refs and others that come in: the lock is held, and the new file written, while the `with`
    block runs.

    `commit()` puts the new file in place. The lock stays until the block is left; without a commit nothing has changed
    then. A file in which nothing changes is not rewritten. Raises Conflict if others keep the lock for longer than
    `timeout_s`, Corrupt if the file is damaged where it was looked at.
    """

    def __init__(
        self, packed: PackedRefs, gone: Iterable[str], sharing: Sharing, timeout_s: float,
        *, new: Mapping[str, ObjectId],
    ) -> None:  # fmt: skip
        """Name the refs; nothing happens before the block is entered. Those that are `new` lead to no tags."""
        self._path, self._gone, self._form, self._sharing = packed.path, list(gone), packed.form, sharing
        self._added = new
        self._target = os.path.realpath(packed.path)  # a symbolic link stays one
        self._lock = LockFile(self._target, sharing=sharing, timeout_s=timeout_s)
        self._new: str | None = None

    def __enter__(self) -> "PackedChange":
        with ExitStack() as held:
            held.enter_context(self._lock).close()
            content = read_file(self._target) or b""
            changed = without_packed(content, self._gone, self._form, self._path)
            changed = with_packed(changed, self._added, self._form, self._path)
            if changed != content:
                self._write(changed)
                held.callback(self._discard)
            self._held = held.pop_all()
        return self

    def _write(self, content: bytes) -> None:
        """As git writes `packed-refs.new`. One that was left there would stop git for ever, this name does not."""
        new = f"{self._target}.new.lock"
        with suppress(FileNotFoundError):
            os.unlink(new)  # of a writer that was killed: whoever has the lock is alone
        write_new(new, content, self._sharing)
        self._new = new

    def commit(self) -> None:
        """Put the new file in place, and have that on the disk: no crash may bring the old one back later."""
        if self._new:
            os.replace(self._new, self._target)
            self._new = None
            fsync_folder(os.path.dirname(self._target))

    def _discard(self) -> None:
        if self._new:
            os.unlink(self._new)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()

"""Loose objects: one zlib file each, `objects/<2 hex>/<rest>`, never changed once it has its name.

Written as git does: `tmp_obj_*` beside the target (so that `git gc` clears what a crash leaves), mode 0444, linked and
then unlinked, or renamed where links are not possible. Authority: gitformat-loose(5), git's `object-file.c`.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress

from ..errors import Conflict, Corrupt
from ..formats.pack import MAX_RATIO
from ..ids import KINDS, Kind, ObjectFormat, ObjectId
from ..lighttyping import NamedTuple, Protocol
from ..progress import SILENT, Progress
from .deflating import LEVEL, deflater
from .files import Sharing, create, gone, make_folders, write_all

BLOCK = 1 << 20  # bytes read and compressed at a time
_RETRIES = 50  # `git gc` removes empty folders at any time: make them again
_HEADER = 32  # longest header: "commit " and 20 digits, with room


class Readable(Protocol):
    """What blobs are written from: a file, or anything else that can be read once."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, `size` at most; none at the end."""


class StoredObject(NamedTuple):
    """An object as it is kept: its kind and its content."""

    kind: Kind
    content: bytes


class LooseStore:
    """The loose objects below one `objects` folder."""

    __slots__ = ("_form", "_path", "_sharing")

    def __init__(self, path: str, form: ObjectFormat, sharing: Sharing) -> None:
        """Look at the folder `path`, which need not exist yet."""
        self._path, self._form, self._sharing = path, form, sharing

    def _file(self, id_: bytes) -> str:
        digits = id_.hex()
        return f"{self._path}/{digits[:2]}/{digits[2:]}"

    def has(self, id_: bytes) -> bool:
        """Whether there is a file for this object."""
        return os.path.exists(self._file(id_))

    def first_bytes(self) -> frozenset[int]:
        """What the ids of all objects here start with."""
        try:
            names = _names_in(self._path)
        except OSError:  # it may be looked into, and not listed
            return frozenset(range(256))
        return frozenset(int(name, 16) for name in names if len(name) == 2 and _HEX.issuperset(name))

    def path(self, id_: bytes) -> str | None:
        """The file of an object; None if it is not here."""
        path = self._file(id_)
        return path if os.path.exists(path) else None

    def file_size(self, id_: bytes) -> int | None:
        """The size in bytes of the file of an object; None if it is not here."""
        try:
            return os.path.getsize(self._file(id_))
        except FileNotFoundError:
            return None

    def get(self, id_: bytes) -> StoredObject | None:
        """Read an object whole; None if it is not here. Raises Corrupt if the file is not such an object."""
        path = self._file(id_)
        try:
            with open(path, "rb", buffering=0) as file:
                packed = file.readall()
        except FileNotFoundError:
            return None
        stream = zlib.decompressobj()
        try:
            start = stream.decompress(packed, _HEADER)
            kind, size, at = read_header(start, path)
            if size > MAX_RATIO * len(packed):
                raise Corrupt(path, None, f"it promises {size} bytes, more than the file can hold")
            rest = stream.decompress(stream.unconsumed_tail, size + 1) if size + 1 > len(start) - at else b""
        except zlib.error as error:
            raise Corrupt(path, None, f"broken zlib data ({error})") from None
        content = start[at:] + rest
        if len(content) != size or not stream.eof:
            raise Corrupt(path, None, f"the object does not inflate to the {size} bytes it promises")
        if stream.unused_data:
            raise Corrupt(path, None, "something follows the object")
        return StoredObject(kind, content)

    def kind(self, id_: bytes) -> Kind | None:
        """The kind of an object, from its header; None if it is not here."""
        header = self._header(id_)
        return header[0] if header else None

    def size(self, id_: bytes) -> int | None:
        """The size of an object in bytes, from its header; None if it is not here."""
        header = self._header(id_)
        return header[1] if header else None

    def _header(self, id_: bytes) -> tuple[Kind, int, int] | None:
        path = self._file(id_)
        try:
            with open(path, "rb", buffering=0) as file:
                start = zlib.decompressobj().decompress(file.read(1024), _HEADER)  # a Huffman table may come first
        except FileNotFoundError:
            return None
        except zlib.error as error:
            raise Corrupt(path, None, f"broken zlib data ({error})") from None
        return read_header(start, path)

    def ids_starting_with(self, digits: str) -> Iterator[ObjectId]:
        """The objects whose id, in small letters, starts with these digits, two at least; in no order."""
        names = _names_in(f"{self._path}/{digits[:2]}")
        found = (digits[:2] + name for name in names if name.startswith(digits[2:]) and _HEX.issuperset(name))
        return (ObjectId(bytes.fromhex(each)) for each in found if len(each) == 2 * self._form.width)

    def ids(self) -> Iterator[ObjectId]:
        """All objects here, in no order."""
        for folder in _names_in(self._path):
            if len(folder) == 2 and _HEX.issuperset(folder):
                for name in _names_in(f"{self._path}/{folder}"):
                    if len(name) == 2 * self._form.width - 2 and _HEX.issuperset(name):
                        yield ObjectId(bytes.fromhex(folder + name))

    def freshen(self, id_: bytes) -> bool:
        """Make `git gc` take an object for new; False if it is not here or not ours to touch."""
        try:
            os.utime(self._file(id_))
        except OSError:
            return False
        return True

    def drop(self, id_: bytes) -> None:
        """Remove an object that a pack holds too; nothing happens if it is not here."""
        with suppress(FileNotFoundError):
            os.unlink(self._file(id_))

    def write(self, kind: Kind, content: bytes) -> ObjectId:
        """Store an object, durably; nothing happens if it is here. Returns its id."""
        id_ = self._form.name_object(kind, content)
        if not self.freshen(id_):
            path = self._file(id_)
            with _Incoming(os.path.dirname(path), self._sharing) as incoming:
                incoming.write(zlib.compress(b"%s %d\0%s" % (kind.encode(), len(content), content), LEVEL))
                incoming.publish(path)
        return id_

    def write_blob(self, stream: Readable, size: int, progress: Progress = SILENT) -> ObjectId:
        """Store a blob of `size` bytes read from `stream`, in blocks. Raises Conflict if the stream ends elsewhere."""
        hasher, packer = self._form.hasher(), deflater(size).compressobj(LEVEL)
        with _Incoming(self._path, self._sharing) as incoming:
            left, block = size, b"blob %d\0" % size
            while block:
                hasher.update(block)
                incoming.write(packer.compress(block))
                block = stream.read(min(BLOCK, left + 1))
                left -= len(block)
                progress.advance(0, len(block))
            if left:
                raise Conflict(f"a file of {size} bytes changed its size while it was read")
            incoming.write(packer.flush())
            id_ = ObjectId(hasher.digest())
            if not self.freshen(id_):
                incoming.publish(self._file(id_))
        return id_


def read_header(start: bytes, source: str) -> tuple[Kind, int, int]:
    """Kind, size and position of the content from the first inflated bytes; raises Corrupt for any other form."""
    end = start.find(b"\0", 0, _HEADER)
    word, _, digits = start[: max(end, 0)].partition(b" ")
    kind = word.decode("latin-1")
    if kind not in KINDS or not digits.isdigit() or (digits[:1] == b"0" and digits != b"0"):
        raise Corrupt(source, 0, f"not the header of an object: {start[:_HEADER]!r}")
    return kind, int(digits), end + 1


class _Incoming:
    """A temporary object file in `folder`; it is gone when the block is left."""

    def __init__(self, folder: str, sharing: Sharing) -> None:
        self._temporary, self._sharing = f"{folder}/tmp_obj_{os.urandom(6).hex()}", sharing
        self._fd: int | None = None

    def __enter__(self) -> "_Incoming":
        self._fd = create(self._temporary, 0o444, self._sharing)
        return self

    def write(self, block: bytes) -> None:
        assert self._fd is not None, "write before publishing"
        write_all(self._fd, block, self._temporary)

    def publish(self, path: str) -> None:
        """Give the file its name without ever replacing one: who stored the same object first wins."""
        assert self._fd is not None, "publish once, inside the block"
        os.fsync(self._fd)
        self._sharing.adjust(self._temporary)
        os.close(self._fd)  # Windows renames closed files only
        self._fd = None
        for _ in range(_RETRIES):
            make_folders(os.path.dirname(path), self._sharing)
            if self._link(path):
                return
        raise Conflict(gone(self._temporary))

    def _link(self, path: str) -> bool:
        """Whether the file has its name now; False where its folder has gone."""
        try:
            os.link(self._temporary, path)
        except FileExistsError:
            pass
        except FileNotFoundError:
            if os.path.exists(self._temporary):
                return False
            raise Conflict(gone(self._temporary)) from None
        except (OSError, AttributeError):  # no hard links on this file system
            os.replace(self._temporary, path)
        return True

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)
        with suppress(FileNotFoundError):  # where it was renamed
            os.unlink(self._temporary)


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):  # `git gc` removes empty folders
        return []


_HEX = frozenset("0123456789abcdef")

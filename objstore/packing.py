"""Many objects at once: one pack with its index instead of a file for each. Undeltified: that is valid everywhere.

The pack is written as `tmp_pack_*` and gets its name only when it is complete and on the disk, the index last, because
it makes the pack visible; `git gc` clears what a crash leaves. Authority: gitformat-pack(5), git's `pack-write.c`.
"""

import os
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from struct import Struct, pack

from .errors import Conflict
from .forking import alongside, can_fork
from .formats.pack import HEADER_SIZE, KIND_OF, entry_header
from .ids import Kind, ObjectFormat, ObjectId
from .lighttyping import BinaryIO, TypeVar
from .progress import SILENT, Progress
from .stores.deflating import LEVEL, deflate, deflater
from .stores.files import Sharing, create, fsync_folder, gone, write_all
from .stores.keepmarks import Hold
from .stores.objectstore import ObjectStore

BLOCK = 1 << 20  # bytes gathered before they are written, and read at a time
_TYPES = {kind: number for number, kind in KIND_OF.items()}
_header = lru_cache(entry_header)  # many files are of the same few sizes
ROW = Struct(">IQ")  # CRC-32 and offset, behind the id
_Item = TypeVar("_Item")


class PackWriter:
    """A pack that is being written; `finish` gives it its name, leaving the block without it removes it.

    The caller makes sure that no object is added that the repository has, if it cares; one that was added already is
    not added again.
    """

    def __init__(self, folder: str, form: ObjectFormat, sharing: Sharing) -> None:
        """Prepare to write into `folder` (`objects/pack`), which need not exist. Nothing is made before the block."""
        self._folder, self._form, self._sharing = folder, form, sharing
        self._rows: dict[bytes, bytes] = {}
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._offset = HEADER_SIZE

    def __enter__(self) -> "PackWriter":
        unique = os.urandom(6).hex()
        self._path, self._index_path = (f"{self._folder}/tmp_{kind}_{unique}" for kind in ("pack", "idx"))
        self._fd = create(self._path, 0o444, self._sharing)
        os.lseek(self._fd, HEADER_SIZE, os.SEEK_SET)
        self._deflater = deflater(BLOCK)
        bytes(BLOCK)  # made and freed: else glibc gives zlib's memory back after each object, at twice zlib's own time
        return self

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, id_: bytes) -> bool:
        return id_ in self._rows

    def add(self, kind: Kind, content: bytes, id_: ObjectId | None = None) -> ObjectId:
        """Add an object; return its id, which may be known already."""
        id_ = id_ or self._form.name_object(kind, content)
        if id_ not in self._rows:
            self._append(id_, _header(_TYPES[kind], len(content)) + deflate(content, self._deflater))
        return id_

    def another(self) -> "PackWriter":
        """A writer for objects that `take_over` moves into this one."""
        return PackWriter(self._folder, self._form, self._sharing)

    def rows(self) -> bytes:
        """What was added: ids with CRC-32 and offset, one after the other; then where the last one ends."""
        self._flush()
        return b"".join(id_ + row for id_, row in self._rows.items()) + self._offset.to_bytes(8, "big")

    def take_over(self, part: "PackWriter", rows: bytes) -> None:
        """Add the objects of another pack, those that are here already excepted; `rows` is what it wrote to disk."""
        found = [*Struct(f">{self._form.width}sIQ").iter_unpack(rows[:-8]), (b"", 0, int.from_bytes(rows[-8:], "big"))]
        self._flush()
        done = HEADER_SIZE
        for (id_, crc, start), (_, _, after) in pairwise(found):
            if id_ in self._rows:
                self._copy(part, done, start)
                done = after
            else:
                self._rows[id_] = ROW.pack(crc, self._offset + start - done)
        self._copy(part, done, found[-1][-1])

    def _copy(self, part: "PackWriter", start: int, end: int) -> None:
        self._offset += end - start
        while block := os.pread(part._fd, min(BLOCK, end - start), start):
            write_all(self._fd, block, self._path)
            start += len(block)

    def _append(self, id_: bytes, entry: bytes) -> None:
        self._rows[id_] = ROW.pack(zlib.crc32(entry), self._offset)
        self._waiting.append(entry)
        self._offset += len(entry)
        self._waiting_size += len(entry)
        if self._waiting_size >= BLOCK:
            self._flush()

    def _flush(self) -> None:
        write_all(self._fd, b"".join(self._waiting), self._path)
        self._waiting, self._waiting_size = [], 0

    def add_blob(
        self,
        stream: BinaryIO,
        size: int,
        progress: Progress = SILENT,
        *,
        is_kept: Callable[[ObjectId], bool] = lambda _: False,
    ) -> ObjectId:
        """Add a blob of `size` bytes from a stream, in blocks. Raises Conflict if the stream ends elsewhere.

        When its id is known, `is_kept` can say that it is not needed here.
        """
        self._flush()
        start, hasher, packer = self._offset, self._form.hasher(b"blob %d\0" % size), self._deflater.compressobj(LEVEL)
        packed, left, crc = entry_header(_TYPES["blob"], size), size, 0
        while True:
            crc = zlib.crc32(packed, crc)
            write_all(self._fd, packed, self._path)
            self._offset += len(packed)
            block = stream.read(min(BLOCK, left + 1))
            if not block:
                break
            left -= len(block)
            hasher.update(block)
            packed = packer.compress(block)
            progress.advance(0, len(block))
        packed = packer.flush()
        write_all(self._fd, packed, self._path)
        self._offset += len(packed)
        id_ = ObjectId(hasher.digest())
        if left or id_ in self._rows or is_kept(id_):
            self._cut(start)
        else:
            self._rows[id_] = ROW.pack(zlib.crc32(packed, crc), start)
        if left:
            raise Conflict(f"a file of {size} bytes changed its size while it was read")
        return id_

    def _cut(self, offset: int) -> None:
        os.ftruncate(self._fd, offset)
        os.lseek(self._fd, offset, os.SEEK_SET)
        self._offset = offset

    def finish(self, hold: Hold | None = None) -> str | None:
        """Give the pack its name and its index; return the path without suffix, None if nothing was added.

        `hold` has the pack before git can see it.
        """
        if not self._rows:
            return None
        self._flush()
        checksum = self._seal()
        path = f"{self._folder}/pack-{checksum.hex()}"
        self._write_index(checksum)
        if hold:
            hold.take(path, self._sharing)
        publish(self._path, path + ".pack")
        publish(self._index_path, path + ".idx")
        fsync_folder(self._folder)
        return path

    def _seal(self) -> bytes:
        """Write the header, now that the count is known, and the checksum over all; return it."""
        os.pwrite(self._fd, b"PACK" + pack(">II", 2, len(self._rows)), 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        hasher = self._form.hasher()
        while block := os.read(self._fd, BLOCK):
            hasher.update(block)
        checksum = hasher.digest()
        write_all(self._fd, checksum, self._path)
        os.fsync(self._fd)
        self._sharing.adjust(self._path)
        return checksum

    def _write_index(self, checksum: bytes) -> None:
        content = encode_index(self._rows, checksum, self._form)
        fd = create(self._index_path, 0o444, self._sharing)
        try:
            write_all(fd, content, self._index_path)
            os.fsync(fd)
        finally:
            os.close(fd)
        self._sharing.adjust(self._index_path)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
        for path in (self._path, self._index_path):
            with suppress(FileNotFoundError):  # where it has its name
                os.unlink(path)


class BulkWriter:
    """Many new objects for a repository, in one pack; what it has already is freshened instead.

    In a `with` block: the pack is there when the block ends well, and nothing of it if it does not. What has no ref yet
    may be dropped by a `git repack -ad` beside it, unless `hold` has the pack until there is one.
    """

    def __init__(self, objects: ObjectStore, *, hold: Hold | None = None) -> None:
        """Prepare to write into the repository of `objects`."""
        self._objects, self._hold = objects, hold
        self._pack = PackWriter(f"{objects.path}/pack", objects.form, objects.sharing)

    def __enter__(self) -> "BulkWriter":
        self._loose = self._objects.loose_ids()
        self._objects.form.hasher()  # loads OpenSSL's hash, which pays for so many objects
        self._pack.__enter__()
        return self

    def write(self, kind: Kind, content: bytes) -> ObjectId:
        """Store an object, or keep the one that is there; return its id."""
        id_ = self._objects.form.name_object(kind, content)
        return id_ if self._is_kept(id_) else self._pack.add(kind, content, id_)

    def write_each(
        self, items: Sequence[_Item], store: Callable[[_Item, "BulkWriter"], ObjectId], *, split: int | None = None
    ) -> list[ObjectId]:
        """Call `store(item, sink)` for each item, which writes to `sink` and returns an id; return these.

        With `split`, a forked child does it for the items from there on, where that is possible; then `sink` is another
        writer for these, and the pack is the same, byte by byte.
        """
        if split is None or not can_fork():
            return [store(item, self) for item in items]
        with self._pack.another() as part:
            child = BulkWriter(self._objects)
            child._loose, child._pack = self._loose, part

            def theirs() -> bytes:
                ids = [store(item, child) for item in items[split:]]
                return b"".join([*ids, part.rows()])

            ids, answer = alongside(theirs, lambda: [store(item, self) for item in items[:split]])
            if answer is None:
                return ids + [store(item, self) for item in items[split:]]
            width, end = self._objects.form.width, (len(items) - split) * self._objects.form.width
            self._pack.take_over(part, answer[end:])
            return ids + [ObjectId(answer[at : at + width]) for at in range(0, end, width)]

    def write_blob(self, stream: BinaryIO, size: int, progress: Progress = SILENT) -> ObjectId:
        """Store a blob of `size` bytes from a stream, in blocks. Raises Conflict if it has another size."""
        return self._pack.add_blob(stream, size, progress, is_kept=self._is_kept)

    def _is_kept(self, id_: ObjectId) -> bool:
        if id_ in self._loose and self._objects.freshen(id_):
            return True
        return self._objects.freshen_packed(id_)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self._pack.finish(self._hold):
                self._objects.rescan()
        finally:
            self._pack.__exit__()


def encode_index(rows: dict[bytes, bytes], checksum: bytes, form: ObjectFormat) -> bytes:
    """A pack index of version 2; `rows` maps ids to CRC-32 and offset, packed as `>IQ`."""
    ids = sorted(rows)
    fanout, at = [], 0
    for first in range(256):
        while at < len(ids) and ids[at][0] == first:
            at += 1
        fanout.append(at)
    found = [ROW.unpack(rows[id_]) for id_ in ids]
    large = [offset for _, offset in found if offset >= 1 << 31]
    places = {offset: 0x80000000 | number for number, offset in enumerate(large)}
    content = b"".join(
        (
            b"\xfftOc\0\0\0\2",
            pack(">256I", *fanout),
            *ids,
            pack(f">{len(ids)}I", *(crc for crc, _ in found)),
            pack(f">{len(ids)}I", *(places.get(offset, offset) for _, offset in found)),
            pack(f">{len(large)}Q", *large),
            checksum,
        )
    )
    return content + form.digest(content)


def publish(temporary: str, path: str) -> None:
    """Give a file its name; if somebody wrote the same pack meanwhile, theirs stays."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        with suppress(OSError):
            os.utime(path)  # it may be as old as the crash that left it: new for `git gc`
    except FileNotFoundError:
        raise Conflict(gone(temporary)) from None
    except (OSError, AttributeError):  # no hard links on this file system
        os.replace(temporary, path)
        return
    os.unlink(temporary)

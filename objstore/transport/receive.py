"""A pack that arrives: taken in, verified object by object, completed, indexed, and only then given its name.

Up to `SPOOLED` bytes it stays in memory; more goes to `tmp_pack_*`, which `git gc` clears after a crash. A thin pack
gets the bases that it lacks at its end. Small packs become loose objects, as git does it, so that many of them do not
make many packs. A pack comes with a `.keep` that holds off `git repack` until the caller's refs lead to it:
`Received.release` removes it, `stores/keepmarks.py` those of processes that were killed.
Authority: gitformat-pack(5), git-index-pack(1) "--fix-thin", git-unpack-objects(1).
"""

import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from struct import pack as pack_numbers
from types import TracebackType

from ..closure import objects_between
from ..errors import Corrupt, Unsupported
from ..formats.objects import decode_commit
from ..formats.pack import KIND_OF, entry_header
from ..formats.tag import decode_tag
from ..ids import ObjectId
from ..lighttyping import NamedTuple
from ..packing import ROW, encode_index, publish
from ..progress import SILENT, Progress
from ..repository import Repository
from ..stores.deflating import LEVEL
from ..stores.files import create, fsync_folder, read_file, write_all, write_new
from ..stores.lockmarks import mark
from ..stores.loose import LooseStore, StoredObject
from ..stores.objectstore import ObjectStore
from ..stores.remembered import RememberingStore
from .entryblocks import BLOCK
from .indexing import Check, Indexed, index_pack

SPOOLED = 4 << 20  # bytes
LARGEST_UNPACKED = 16 << 20  # bytes of contents that are written as loose objects
SOURCE = "the pack"  # in messages: it has no name yet
UNPACK_LIMIT = 100  # objects from which on a pack is kept; git's default for both sides
LINKED = ("blob", "tree", "commit", "tag")  # loose objects are written in this order: what leads to others comes later
_TYPES = {kind: number for number, kind in KIND_OF.items()}


class Received(NamedTuple):
    """What has arrived: how many objects. `contents` are those of them that are still at hand."""

    objects: int
    contents: dict[ObjectId, StoredObject]
    keep: str | None  # the file to remove when refs lead to the objects

    def release(self) -> None:
        """Let `git repack` have the pack, unless it is somebody else who keeps it. Can be repeated."""
        if self.keep and read_file(self.keep) == mark():
            with suppress(FileNotFoundError):
                os.unlink(self.keep)


class IncomingPack:
    """A pack that is being written in blocks, as a `Sink`; stored by `finish`, dropped when the `with` block ends."""

    def __init__(self, objects: ObjectStore, *, folder: str | None = None, largest: int = 0) -> None:
        """Take a pack into `folder`, an `objects` folder, that of `objects` if there is none given.

        Deltas may be made on what is in `objects`. `largest` limits the pack in bytes; 0: no limit. Nothing is made on
        disk before it has to be.
        """
        self._objects, self._folder, self._largest = objects, folder or objects.path, largest
        self._form, self._sharing = objects.form, objects.sharing
        self.size = 0
        self._memory = bytearray()
        self._path: str | None = None
        self._fd = -1
        self._hasher, self._tail = self._form.hasher(), b""

    def __enter__(self) -> "IncomingPack":
        return self

    def write(self, block: bytes, /) -> None:
        """Take the next block. Raises Unsupported when the pack grows above its limit."""
        self.size += len(block)
        if self._largest and self.size > self._largest:
            raise Unsupported(f"a pack of more than {self._largest} bytes (receive.maxInputSize)")
        joined, width = self._tail + block, self._form.width
        self._hasher.update(memoryview(joined)[: max(0, len(joined) - width)])
        self._tail = joined[-width:]
        self._append(block)

    def _append(self, block: bytes) -> None:
        if self._path is None and len(self._memory) + len(block) <= SPOOLED:
            self._memory += block
            return
        self._to_disk()
        assert self._path is not None
        write_all(self._fd, block, self._path)

    def _to_disk(self) -> None:
        if self._path is None:
            path = f"{self._folder}/pack/tmp_pack_{_unique()}"
            self._fd = create(path, 0o444, self._sharing)
            self._path = path
            write_all(self._fd, bytes(self._memory), path)
            self._memory.clear()

    def pread(self, at: int, size: int) -> bytes:
        """Up to `size` bytes from byte `at` on."""
        if self._path is None:
            return bytes(memoryview(self._memory)[at : at + size])
        parts = []
        while size and (part := os.pread(self._fd, size, at)):
            parts.append(part)
            at, size = at + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def finish(
        self, *, unpack_below: int = UNPACK_LIMIT, check: Check | None = None, progress: Progress = SILENT
    ) -> Received:
        """Verify all of the pack and store it; below so many objects as loose ones.

        `check` is called for each object but large blobs. `progress` counts objects. Raises what `index_pack` raises,
        and Corrupt for a wrong checksum; then nothing is stored.
        """
        if self._hasher.digest() != self._tail:
            raise Corrupt(SOURCE, None, "its checksum is wrong, or it is cut off")
        found = index_pack(self, self._objects, SOURCE, check=check, progress=progress)
        keep = None
        if not self._unpack(found, unpack_below):
            keep = self._keep(found)
        return Received(len(found.rows), found.contents, keep)

    def _unpack(self, found: Indexed, limit: int) -> bool:
        """Write the objects one by one, if they are few and small; whether they were."""
        contents = [found.contents.get(id_) for id_ in found.rows]
        if len(found.rows) >= limit or not all(contents):
            return False
        if sum(len(each.content) for each in contents if each) > LARGEST_UNPACKED:
            return False
        loose = LooseStore(self._folder, self._form, self._sharing)
        rows = [(id_, each) for id_, each in zip(found.rows, contents, strict=True) if each]
        for id_, each in sorted(rows, key=lambda row: LINKED.index(row[1].kind)):
            if not self._objects.freshen(id_):
                loose.write(*each)
        return True

    def _keep(self, found: Indexed) -> str | None:
        """Give the pack its name and its index; return the path of its `.keep`, if that is ours."""
        rows, checksum = self._complete(found)
        path, index = (f"{self._folder}/pack/{name}" for name in (f"pack-{checksum.hex()}", f"tmp_idx_{_unique()}"))
        assert self._path is not None
        os.fsync(self._fd)
        self._sharing.adjust(self._path)
        write_new(index, encode_index(rows, checksum, self._form), self._sharing, mode=0o444)
        keep = None
        try:
            keep = self._hold(path + ".keep")
            publish(self._path, path + ".pack")
            publish(index, path + ".idx")
        except BaseException:  # a full disk
            for left in filter(None, (index, keep)):
                with suppress(FileNotFoundError):
                    os.unlink(left)
            raise
        fsync_folder(f"{self._folder}/pack")
        return keep

    def _hold(self, path: str) -> str | None:
        """Make a `.keep` that says whose it is; None if somebody else's is there."""
        try:
            write_new(path, mark(), self._sharing, mode=0o444)
        except FileExistsError:
            return path if read_file(path) == mark() else None
        return path

    def _complete(self, found: Indexed) -> tuple[dict[bytes, bytes], bytes]:
        """Add the bases that the pack lacks; return the rows of its index, and its checksum."""
        self._to_disk()
        assert self._path is not None
        rows = {bytes(id_): ROW.pack(*row) for id_, row in found.rows.items()}
        if not found.bases:
            return rows, self._tail
        at = self.size - self._form.width
        os.lseek(self._fd, at, os.SEEK_SET)
        for id_ in found.bases:
            kind, content = self._objects.find(id_)
            entry = entry_header(_TYPES[kind], len(content)) + zlib.compress(content, LEVEL)
            rows[id_] = ROW.pack(zlib.crc32(entry), at)
            write_all(self._fd, entry, self._path)
            at += len(entry)
        os.pwrite(self._fd, pack_numbers(">I", len(rows)), 8)
        hasher = self._form.hasher()
        for start in range(0, at, BLOCK):
            hasher.update(self.pread(start, min(BLOCK, at - start)))
        write_all(self._fd, hasher.digest(), self._path)
        os.ftruncate(self._fd, at + self._form.width)
        return rows, hasher.digest()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._path is not None:
            os.close(self._fd)
            with suppress(FileNotFoundError):  # where it has its name
                os.unlink(self._path)
        self._path = None


def _unique() -> str:
    return os.urandom(6).hex()


def check_connected(
    repository: Repository, ids: Iterable[ObjectId], known: Iterable[ObjectId], received: Received | None = None
) -> None:
    """Make sure that all that `ids` lead to is here; what the ids `known` lead to counts as here.

    `received` saves reading what has just arrived. Raises NotFound naming what is missing, Corrupt for what cannot be
    read.
    """
    tips = set(known)
    wanted = [id_ for id_ in dict.fromkeys(ids) if id_ not in tips]
    if not wanted:
        return
    contents = received.contents if received else {}
    edge = _edge(repository, wanted, contents)
    inside = copy(repository)
    inside.objects = RememberingStore(repository.objects, contents)
    for _ in objects_between(inside, wanted, edge if edge <= tips else tips):
        pass


def _edge(repository: Repository, wanted: Iterable[ObjectId], contents: dict[ObjectId, StoredObject]) -> set[ObjectId]:
    """What is met first, from `wanted` on, of the commits that have not just arrived."""
    edge, met, todo = set[ObjectId](), set[ObjectId](), list(wanted)
    while todo:
        id_ = todo.pop()
        if id_ in met:
            continue
        met.add(id_)
        found = contents.get(id_)
        if found is None or found.kind not in ("commit", "tag"):
            edge.add(id_)
        elif found.kind == "commit":
            todo += decode_commit(found.content, repository.object_format, f"commit {id_}").parents
        else:
            todo.append(decode_tag(found.content, repository.object_format, f"tag {id_}").target)
    return edge

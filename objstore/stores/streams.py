"""Objects of any size, read in blocks: what does not fit into memory goes through it piece by piece.

A delta is made whole in any case, up to `formats.delta.LARGEST`: git makes none of contents above
`core.bigFileThreshold` (512 MiB). Authority: gitformat-loose(5), gitformat-pack(5).
"""

import zlib
from collections.abc import Generator, Iterator
from contextlib import suppress

from ..errors import Corrupt, NotFound
from ..formats.pack import KIND_OF
from ..ids import Kind, ObjectFormat, ObjectId
from ..lighttyping import NamedTuple
from .loose import BLOCK, LooseStore, read_header
from .packfile import Pack

WHOLE = 1 << 20  # bytes up to which an object is held in memory rather than read in blocks


class Opened(NamedTuple):
    """An object: its size in bytes, and its content in blocks, which can be read once.

    What is read is not checked against its id; that it has the promised size is.
    """

    kind: Kind
    size: int
    blocks: Iterator[bytes]


class BlobReader:
    """A blob that is being read: iterate over its blocks, in a `with` block, or call `read`.

    Raises Corrupt at the end if the content is not what the id says, and before that if it cannot be read.
    """

    __slots__ = ("_blocks", "_left", "size")

    def __init__(self, opened: Opened, id_: ObjectId, form: ObjectFormat) -> None:
        """Read what was opened, once. `size` is in bytes."""
        self.size, self._left = opened.size, b""
        self._blocks = _verified(opened, id_, form)

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def read(self, size: int) -> bytes:
        """The next bytes, `size` at most; none at the end. Not to be mixed with iteration."""
        block = self._left or next(self._blocks, b"")
        self._left = block[size:]
        return block[:size]

    def __enter__(self) -> "BlobReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks.close()


def _verified(opened: Opened, id_: ObjectId, form: ObjectFormat) -> Generator[bytes, None, None]:
    hasher = form.hasher(b"%s %d\0" % (opened.kind.encode(), opened.size))
    for block in opened.blocks:
        hasher.update(block)
        yield block
    if hasher.digest() != id_:
        raise Corrupt(f"object {id_}", None, "its content is that of another object")


def open_packed(pack: Pack, offset: int) -> Opened:
    """The object whose entry starts at `offset`. Raises Corrupt, also while its blocks are read."""
    header, at = pack.entry(offset)
    if header.base is not None:
        kind, content = pack.read(offset)
        return Opened(kind, len(content), iter((content,)))
    source = pack.path + ".pack"
    return Opened(
        KIND_OF[header.type], header.size, _sized(_inflated(_pack_blocks(pack, at), source), header.size, source)
    )


def open_loose_in(store: LooseStore, id_: bytes) -> Opened | None:
    """A loose object; None if it is not there."""
    path = store.path(id_)
    with suppress(NotFound):
        return open_loose(path) if path else None
    return None


def open_loose(path: str) -> Opened:
    """The loose object in a file. Raises NotFound, and Corrupt, also while its blocks are read."""
    blocks = _inflated(_file_blocks(path), path)
    start = next(blocks, b"")
    while len(start) < 32 and (more := next(blocks, b"")):  # the header may end in the block after
        start += more
    kind, size, at = read_header(start, path)
    return Opened(kind, size, _sized(_chained(start[at:], blocks), size, path))


def _file_blocks(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb", buffering=0) as file:
            while block := file.read(BLOCK):
                yield block
    except FileNotFoundError:
        raise NotFound(f"{path} is gone") from None


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _pack_blocks(pack: Pack, at: int) -> Iterator[bytes]:
    while block := bytes(pack.raw(at, at + BLOCK)):
        yield block
        pack.forget(at, at + len(block))
        at += len(block)


def _inflated(blocks: Iterator[bytes], source: str) -> Iterator[bytes]:
    """Inflate up to the end of the zlib stream, no more than a block at a time; what follows is left alone."""
    stream = zlib.decompressobj()
    try:
        for block in blocks:
            made = stream.decompress(block, BLOCK)
            while made:
                yield made
                made = b"" if stream.eof else stream.decompress(stream.unconsumed_tail, BLOCK)
            if stream.eof:
                return
    except zlib.error as error:
        raise Corrupt(source, None, f"broken zlib data ({error})") from None
    raise Corrupt(source, None, "an object is cut off")


def _sized(blocks: Iterator[bytes], size: int, source: str) -> Iterator[bytes]:
    for block in blocks:
        size -= len(block)
        if size < 0:
            break
        yield block
    if size:
        raise Corrupt(source, None, "an object does not inflate to the size that it promises")

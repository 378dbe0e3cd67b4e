"""What to send to another repository, and the pack that it is sent in.

`objects_to_send` finds the objects, all of them, before anything is sent; `pack_stream` makes the bytes of the pack, in
memory that does not grow with it. An entry is one of: a delta as it lies in a local pack, if its base is sent too or
the other side has it; a new delta on what was last sent at the same path, or on what the other side has there; the
object itself. There is no search for other bases.
Authority: gitformat-pack(5), gitprotocol-pack(5), git's `pack-objects.c`.
"""

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from copy import copy
from struct import pack as pack_numbers

from ..closure import Reached, objects_between
from ..errors import Conflict
from ..formats.deltaencode import encode_delta
from ..formats.pack import HEADER_SIZE, KIND_OF, OFS_DELTA, REF_DELTA, distance, entry_header
from ..history import shallow_boundary
from ..ids import Kind, ObjectId
from ..lighttyping import NamedTuple
from ..progress import SILENT, Progress
from ..repository import Repository
from ..stores.loose import StoredObject
from ..stores.objectstore import ObjectStore
from ..stores.packentries import PackEntries
from ..stores.packfile import Pack
from ..stores.remembered import RememberingStore
from ..stores.streams import WHOLE
from .blocks import joined

BASES = 24 << 20  # bytes of contents that are kept for the next delta at their path
DEEPEST = 8  # deltas on deltas that we make; git's default is 50, and reading costs what is deep
LEAST = 40  # bytes, below which an object is sent whole: a delta and the name of its base take as much
SHORT = 512  # bytes that are compressed with small tables
SMALL = 64 << 10  # bytes of zlib data that are read whole, whatever comes out
LEVEL = zlib.Z_DEFAULT_COMPRESSION  # as git: bytes on a wire cost more than the time (bench/transfer.py)
_TYPES = {kind: number for number, kind in KIND_OF.items()}


class Outgoing(NamedTuple):
    """The objects that the other side lacks, and some that it has, on which deltas may be made.

    `contents` are at hand because they were read to find that out.
    """

    objects: list[Reached]
    known: frozenset[ObjectId]
    contents: dict[ObjectId, StoredObject]


def objects_to_send(
    repository: Repository,
    wants: Iterable[ObjectId],
    haves: Iterable[ObjectId],
    *,
    cut: Iterable[ObjectId] = (),
) -> Outgoing:
    """What is reachable from `wants` and not from `haves`; the parents of the commits `cut` count as absent there.

    Of a partial clone what it lacks is left out: the remote that promised it has it. Raises NotFound if anything else
    is missing.
    """
    has = frozenset(haves)
    wanted = [id_ for id_ in dict.fromkeys(wants) if id_ not in has]
    if not wanted:
        return Outgoing([], has, {})
    inside, contents = copy(repository), dict[ObjectId, StoredObject]()
    inside.objects = RememberingStore(repository.objects, contents)
    found = list(objects_between(inside, wanted, has, cut=frozenset(cut)))
    return Outgoing(found, has.union(each.old for each in found if each.old), contents)


def check_history_is_whole(repository: Repository, outgoing: Outgoing) -> None:
    """Raise Conflict if commits are sent whose parents are neither here, in a shallow clone, nor known to be there."""
    boundary = shallow_boundary(repository)
    for each in outgoing.objects if boundary else ():
        if each.id in boundary:
            lacking = [str(id_) for id_ in repository.objects.find_commit(each.id).parents if id_ not in outgoing.known]
            if lacking:
                raise Conflict(
                    f"this clone is shallow: commit {each.id} cannot be sent, because its parent {lacking[0]} is"
                    " missing here and the remote did not say that it has it; fetch it first (`git fetch --unshallow`)"
                )


def pack_stream(
    repository: Repository,
    outgoing: Outgoing,
    *,
    thin: bool = True,
    ofs_delta: bool = True,
    level: int = LEVEL,
    progress: Progress = SILENT,
) -> Iterator[bytes]:
    """The bytes of a pack of these objects, in blocks.

    With `thin` deltas are made on objects that only the other side has to have; without `ofs_delta` bases are named by
    id. `progress` counts objects and bytes of the pack. Raises NotFound if an object has gone meanwhile, and Corrupt
    for one that cannot be read: then the stream is no pack.
    """
    known = outgoing.known if thin else frozenset[ObjectId]()
    hasher = repository.object_format.hasher()
    objects = RememberingStore(repository.objects, outgoing.contents)
    progress.expect(len(outgoing.objects))
    for block in joined(_Entries(objects, outgoing.objects, known, ofs_delta, level).blocks(progress)):
        hasher.update(block)
        yield block
        progress.advance(0, len(block))
    yield hasher.digest()


class _Sent(NamedTuple):
    """An object that was sent, as base for others. `depth` is the number of deltas below it."""

    id: ObjectId
    kind: Kind
    content: bytes
    depth: int


class _Entry(NamedTuple):
    """What stands in the pack for one object: the start of it, and zlib data in blocks."""

    type: int
    size: int
    base: ObjectId | None
    blocks: Iterable[bytes]


_Place = tuple[Kind, bytes]  # what versions of the same thing have in common: kind and path
_Bases = OrderedDict[_Place, tuple[_Sent, _Sent]]  # the first and the last one sent


class _Entries:
    """The entries of one pack. Invariant: the base of an ofs-delta is sent before it."""

    def __init__(
        self, objects: ObjectStore, todo: list[Reached], known: frozenset[ObjectId], ofs_delta: bool, level: int
    ) -> None:
        self._objects, self._form = objects, objects.form
        self._todo = {each.id: each for each in todo}
        self._known, self._ofs_delta, self._level = known, ofs_delta, level
        self._sent: dict[ObjectId, int] = {}  # where each entry starts
        self._packs: dict[Pack, PackEntries] = {}
        self._bases: _Bases = OrderedDict()
        self._bases_size = 0

    def blocks(self, progress: Progress) -> Iterator[bytes]:
        """The pack without its checksum."""
        yield b"PACK" + pack_numbers(">II", 2, len(self._todo))
        offset = HEADER_SIZE
        for reached in self._todo.values():
            for each, entry in self._with_bases(reached):
                self._sent[each.id] = offset
                for block in self._encode(entry, offset):
                    offset += len(block)
                    yield block
                progress.advance(1, 0)

    def _with_bases(self, reached: Reached) -> Iterator[tuple[Reached, _Entry]]:
        """The entry of an object, after those of the objects that it is a packed delta on, if they are not sent yet."""
        waiting: dict[ObjectId, Reached] = {reached.id: reached}
        while waiting:
            id_, each = next(reversed(waiting.items()))
            if id_ not in self._sent:
                place = self._objects.get_place(id_)
                if isinstance(place, tuple):
                    entry = self._packed(each, place, waiting)
                else:
                    entry = self._loose(each, place or 0)
                if entry.base in self._todo and entry.base not in self._sent and entry.base:
                    waiting[entry.base] = self._todo[entry.base]
                    continue
                yield each, entry
            del waiting[id_]

    def _packed(self, reached: Reached, place: tuple[Pack, int], waiting: Iterable[ObjectId]) -> _Entry:
        """The entry as it lies in a pack, unless another one will be smaller."""
        pack, offset = place
        header, at = pack.entry(offset)
        entries = self._packs.get(pack)
        if entries is None:
            entries = self._packs[pack] = PackEntries(pack, self._form)
        if header.base is not None:
            base = entries.base_id(header.base)
            if base not in self._known and (base not in self._todo or base in waiting):
                return self._made(reached)
            return _Entry(REF_DELTA, header.size, base, entries.blocks(offset, at))
        if header.size > WHOLE or (entries.was_searched and reached.old not in self._known):
            return _Entry(header.type, header.size, None, entries.blocks(offset, at))
        return self._made(reached)

    def _loose(self, reached: Reached, file_size: int) -> _Entry:
        """The entry of an object with a file of its own, which may have gone into a pack meanwhile."""
        if file_size > SMALL:
            kind, size, blocks = self._objects.open(reached.id)
            if size > WHOLE:
                return _Entry(_TYPES[kind], size, None, self._deflated(blocks))
        return self._made(reached)

    def _made(self, reached: Reached) -> _Entry:
        """A new entry: a delta on another version of the same thing, or the whole content."""
        kind, content = self._objects.find(reached.id)
        base = self._base_for(reached) if LEAST < len(content) <= WHOLE else None
        delta = encode_delta(base.content, content, kind, self._form.width) if base else b""
        packed = self._deflate(delta)
        whole = None if base and 2 * len(delta) + self._form.width < len(content) else self._deflate(content)
        if base and (whole is None or len(packed) + self._cost_of_naming(base.id) < len(whole)):
            self._keep(reached, _Sent(reached.id, kind, content, base.depth + 1))
            return _Entry(REF_DELTA, len(delta), base.id, (packed,))
        self._keep(reached, _Sent(reached.id, kind, content, 0))
        return _Entry(_TYPES[kind], len(content), None, (whole or b"",))

    def _cost_of_naming(self, base: ObjectId) -> int:
        return 3 if self._ofs_delta and base in self._sent else self._form.width

    def _base_for(self, reached: Reached) -> _Sent | None:
        """The one object to try a delta on, if there is one: what was sent last, or else what the other side has."""
        first, last = self._bases.get((reached.kind, reached.hint), (None, None))
        if last:
            return last if last.depth < DEEPEST else first
        if reached.old and reached.old in self._known:
            found = self._objects.get(reached.old)
            if found and found.kind == reached.kind and len(found.content) <= WHOLE:
                return _Sent(reached.old, found.kind, found.content, 0)
        return None

    def _keep(self, reached: Reached, sent: _Sent) -> None:
        """Remember what was sent last at a path, and forget those that were not used for longest."""
        place = reached.kind, reached.hint
        first, last = self._bases.pop(place, (sent, sent))
        self._bases[place] = first, sent
        self._bases_size += len(sent.content) - (len(last.content) if last is not first else 0)
        while self._bases_size > BASES:
            _, gone = self._bases.popitem(last=False)
            self._bases_size -= sum(len(each.content) for each in set(gone))

    def _deflate(self, content: bytes) -> bytes:
        """Compressed; for short contents with small tables, which otherwise take longer to set up than to use."""
        if len(content) > SHORT:
            return zlib.compress(content, self._level)
        packer = zlib.compressobj(self._level, zlib.DEFLATED, 9, 1)
        return packer.compress(content) + packer.flush()

    def _deflated(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        packer = zlib.compressobj(self._level)
        for block in blocks:
            yield packer.compress(block)
        yield packer.flush()

    def _encode(self, entry: _Entry, offset: int) -> Iterator[bytes]:
        if entry.base is None:
            yield entry_header(entry.type, entry.size)
        elif self._ofs_delta and entry.base in self._sent:
            yield entry_header(OFS_DELTA, entry.size) + distance(offset - self._sent[entry.base])
        else:
            yield entry_header(REF_DELTA, entry.size) + entry.base
        yield from entry.blocks

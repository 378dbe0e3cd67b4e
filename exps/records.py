"""What was found out once: rows of commits, what files say, folders without pipelines. Files of records, only added to.

A record is a key (an object id), a number and a text. A file begins with a line that says by whom and for what it was
written; one that begins otherwise counts as empty, so nothing is believed across versions. Whatever else is wrong with
it (cut off, torn by two writers at once, flipped bits) ends what is read; the next writer starts a new one.
Layout: docs/formats/state.md.
"""

import mmap
import os
import zlib
from collections.abc import Iterable, Iterator
from struct import Struct

from expref.objstore.lighttyping import NamedTuple
from expref.objstore.stores.files import CLOEXEC, NONBLOCK

from .state import State
from .version import VERSION

FORMAT = 2  # raised with every change of what rows and files mean
MOST_BYTES = 96 << 20  # of a file: some 30,000 rows of 50 parameters
LONGEST = 1 << 20  # bytes of a text; what is longer is found out again each time


class Record(NamedTuple):
    """Something remembered. `number` is any 64-bit integer."""

    key: bytes
    number: int
    text: bytes


class Records:
    """One such file."""

    def __init__(self, state: State, name: str, about: str, width: int) -> None:
        """Look at the file `name`; `about` is what its records depend on besides their keys of `width` bytes.

        What is about something has a file of its own, so that two projects of a repository do not drive each other out.
        """
        self._state = state
        self._name = f"{name}-{zlib.crc32(about.encode()):08x}" if about else name
        self._header = f"exps {name} {FORMAT} {VERSION} {width} {about!a}\n".encode()
        self._seed = zlib.crc32(self._header)
        self._head = Struct(f">{width}sqII")  # key, number, size of the text, checksum
        self._content: mmap.mmap | bytes | None = None  # None: not looked at yet
        self._places: dict[bytes, tuple[int, int, int, int]] = {}  # by key: number, start and end of the text, checksum
        self._damaged = False

    def get(self, key: bytes) -> Record | None:
        """What is remembered of `key`."""
        content = self._content if self._content is not None else self._load()
        place = self._places.get(key)
        if place is None:
            return None
        number, start, end, checksum = place
        text = content[start:end]
        if self._checksum(key, number, text) != checksum:
            self._damaged = True
            del self._places[key]
            return None
        return Record(key, number, text)

    def __contains__(self, key: bytes) -> bool:
        self._load()
        return key in self._places

    def __iter__(self) -> Iterator[Record]:
        self._load()
        return (record for key in list(self._places) if (record := self.get(key)))

    def add(self, records: Iterable[Record]) -> None:
        """Remember these too. A file that has grown too large keeps its newer half."""
        content = self._load()
        packed = b"".join(self._packed(each) for each in records if len(each.text) <= LONGEST)
        if not packed or len(packed) > MOST_BYTES // 2:
            return
        is_new = self._damaged or not len(content)
        if is_new or len(content) + len(packed) > MOST_BYTES or not self._state.append(self._name, packed):
            self._state.write(self._name, self._header + self._newest(MOST_BYTES // 2 - len(packed)) + packed)
        self._content = None
        self._places = {}

    def put_alone(self, record: Record) -> None:
        """Remember this one, and nothing else any more."""
        if len(record.text) <= LONGEST:
            self._state.write(self._name, self._header + self._packed(record))
        self._content = None
        self._places = {}

    def _packed(self, record: Record) -> bytes:
        key, number, text = record
        return self._head.pack(key, number, len(text), self._checksum(key, number, text)) + text

    def _checksum(self, key: bytes, number: int, text: bytes) -> int:
        """CRC-32 over the first line of the file (another version may have replaced it meanwhile) and the record."""
        return zlib.crc32(text, zlib.crc32(b"%s%d " % (key, number), self._seed))

    def _newest(self, room: int) -> bytes:
        """The records that were written last and are whole, as many bytes as there is room for."""
        kept: list[bytes] = []
        for key in reversed(list(self._places)):
            record = self.get(key)
            packed = self._packed(record) if record else b""
            room -= len(packed)
            if room < 0:
                break
            kept.append(packed)
        return b"".join(reversed(kept))

    def _load(self) -> mmap.mmap | bytes:
        """Find where each record is, once. What ends in the middle of one may be growing at this moment."""
        if self._content is not None:
            return self._content
        content = self._map()
        while not (is_whole := self._find(content)) and len(longer := self._map()) > len(content):
            content = longer
        self._content, self._damaged = content, not is_whole
        return content

    def _find(self, content: mmap.mmap | bytes) -> bool:
        """Note where each record is, of two with one key the later; whether there is nothing but whole ones."""
        unpack, size, end = self._head.unpack_from, self._head.size, len(content)
        at, self._places = len(self._header), {}
        while at < end:
            if at + size > end:
                return False
            key, number, length, checksum = unpack(content, at)
            start = at + size
            at = start + length
            if length > LONGEST or at > end:
                return False
            self._places[key] = number, start, at, checksum
        return True

    def _map(self) -> mmap.mmap | bytes:
        try:
            fd = os.open(self._state.path(self._name), os.O_RDONLY | CLOEXEC | NONBLOCK)
        except OSError:
            return b""
        try:
            content = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # empty, or no file
            return b""
        finally:
            os.close(fd)
        return content if content[: len(self._header)] == self._header else b""

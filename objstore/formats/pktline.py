"""Packets: how both sides of a Git connection cut what they say into pieces.

    4 bytes   length in lower- or upper-case hexadecimal, these four bytes counted: "0005" to "fff0"
    ...       payload, at most 65516 bytes; a line often ends with "\\n", which is no part of what it says
    or        "0000" flush: the end of a message · "0001" delimiter: the end of a section · "0002" end of a response

With a side band the first byte of a payload says what the rest is: 1 what was asked for, 2 text for a human, 3 the text
of an error, after which nothing follows.

Not here: what the lines say (`formats/protocol.py`). Authority: gitprotocol-common(5), gitprotocol-v2(5),
gitprotocol-pack(5).
"""
from collections.abc import Callable, Iterable, Iterator

from ..errors import Corrupt

MAX_PAYLOAD = 65516  # bytes: git's LARGE_PACKET_DATA_MAX
MAX_BAND = MAX_PAYLOAD - 1
LARGEST_MESSAGE, LINE_COST = 1 << 30, 64  # bytes of all lines up to a flush; what Python adds to each
DATA, TEXT, ERROR = 1, 2, 3  # bands
_DIGITS = frozenset(b"0123456789abcdefABCDEF")
Read = Callable[[int], bytes]  # that many bytes, fewer only at the end of the input


class Special:
    """A packet without a payload, or the end of the input. There is one of each: compare with `is`."""

    __slots__ = ("encoded", "name")

    def __init__(self, name: str, encoded: bytes) -> None:
        self.name, self.encoded = name, encoded

    def __repr__(self) -> str:
        return self.name


FLUSH, DELIMITER, RESPONSE_END = Special("flush", b"0000"), Special("delimiter", b"0001"), Special("end", b"0002")
NOTHING = Special("end of the connection", b"")
_SPECIAL = {0: FLUSH, 1: DELIMITER, 2: RESPONSE_END}
Packet = bytes | Special


def encode(payload: bytes) -> bytes:
    """One packet. Raises ValueError if the payload is longer than a packet may be.

    >>> encode(b"done\\n")
    b'0009done\\n'
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"{len(payload)} bytes do not fit into one packet")
    return b"%04x%b" % (len(payload) + 4, payload)


def read_packet(read: Read, source: str) -> Packet:
    """The next packet; `NOTHING` where the input ends between two of them. Raises Corrupt, naming `source`."""
    head = read(4)
    if not head:
        return NOTHING
    if len(head) < 4:
        raise Corrupt(source, None, "the connection ended in the middle of a packet")
    if not _DIGITS.issuperset(head):
        raise Corrupt(source, None, f"this is not Git's protocol: {head!r} instead of the length of a packet")
    length = int(head, 16)
    if length < 4:
        special = _SPECIAL.get(length)
        if special is None:
            raise Corrupt(source, None, f"bad length of a packet: {head!r}")
        return special
    if length - 4 > MAX_PAYLOAD:
        raise Corrupt(source, None, f"a packet of {length} bytes: more than {MAX_PAYLOAD + 4} are not allowed")
    payload = read(length - 4)
    if len(payload) < length - 4:
        raise Corrupt(source, None, "the connection ended in the middle of a packet")
    return payload


def read_lines(read: Read, source: str) -> Iterator[bytes]:
    """Yield packets up to the next flush, each without the "\\n" at its end. Raises Corrupt for anything else.

    Who keeps all lines has memory for them: a message without an end is refused.
    """
    room = LARGEST_MESSAGE
    while (packet := read_packet(read, source)) is not FLUSH:
        if isinstance(packet, Special):
            raise Corrupt(source, None, f"{packet.name} in the middle of a message")
        room -= len(packet) + LINE_COST
        if room < 0:
            raise Corrupt(source, None, f"a message of more than {LARGEST_MESSAGE} bytes")
        yield packet.removesuffix(b"\n")


def read_bands(read: Read, source: str) -> Iterator[tuple[int, bytes]]:
    """Yield (band, content) up to the next flush. Raises Corrupt; what to do about band 3 is the caller's."""
    while (packet := read_packet(read, source)) is not FLUSH:
        if isinstance(packet, Special):
            raise Corrupt(source, None, f"{packet.name} in the middle of a side band")
        if not packet or packet[0] not in (DATA, TEXT, ERROR):
            raise Corrupt(source, None, f"bad side band {packet[:1]!r}")
        yield packet[0], packet[1:]


class Blocks:
    """Blocks of bytes as one stream to read packets from: the report that travels inside of a side band."""

    __slots__ = ("_at", "_block", "_blocks")

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks, self._block, self._at = iter(blocks), b"", 0

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer only at the end."""
        while len(self._block) - self._at < size:
            block = next(self._blocks, None)
            if block is None:
                break
            self._block, self._at = self._block[self._at :] + block, 0
        start, self._at = self._at, min(self._at + size, len(self._block))
        return self._block[start : self._at]

"""Reading from a remote: which commits both sides have, then the pack with all the rest. Protocols 0, 1 and 2.

Not here: what carries the bytes, and what is in the pack. The haves are offered in growing batches until the remote has
heard enough ("ready"), until there are no more, or until `IN_VAIN` of them in a row were unknown to it.
Authority: gitprotocol-pack(5), "Packfile Negotiation"; gitprotocol-v2(5), "fetch"; gitprotocol-http(5).
"""
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from ..errors import RemoteError, Unsupported
from ..formats.pktline import (
    DATA,
    DELIMITER,
    ERROR,
    FLUSH,
    LARGEST_MESSAGE,
    LINE_COST,
    Special,
    encode,
    read_bands,
    read_packet,
)
from ..formats.protocol import Ack, as_line, as_text, check_error, command, parse_ack, parse_shallow
from ..ids import ObjectFormat, ObjectId
from ..progress import Progress
from .said import Said
from .streams import Connection
from .values import FetchRequest, ShallowUpdate, Sink

FIRST_BATCH = 32  # haves; each batch is twice as large as the one before
MAX_BATCH = 16384  # where each request stands alone
MAX_DUPLEX_BATCH = 512  # both sides write at the same time: what is under way must fit into the buffers of a socket
IN_VAIN = 256  # unknown haves in a row, after a known one: git's MAX_IN_VAIN
AGENT = "expref"


class Negotiation:
    """What was offered and what of it the remote has."""

    def __init__(self, haves: Iterable[ObjectId], largest: int) -> None:
        self._haves, self._size, self._largest = iter(haves), FIRST_BATCH, largest
        self.common: dict[ObjectId, None] = {}  # an ordered set
        self._in_vain = 0
        self.is_over = False  # nothing more to offer, or heard enough

    def batch(self) -> list[ObjectId]:
        """The next haves; sets `is_over` if there are no more behind them."""
        if self.is_over:
            return []
        offered = list(islice(self._haves, self._size))
        self.is_over = len(offered) < self._size
        self._size = min(2 * self._size, self._largest)
        self._in_vain += len(offered)
        return offered

    def take(self, acks: Iterable[Ack]) -> bool:
        """Note the answer to a batch; True if the remote is ready to send the pack."""
        ready = False
        for ack in acks:
            ready = ready or ack.status == "ready"
            if ack.id is not None:
                self.common[ack.id] = None
                self._in_vain = 0
        self.is_over = self.is_over or ready or (bool(self.common) and self._in_vain >= IN_VAIN)
        return ready


class Fetch:
    """One fetch over an open connection: `run` writes the pack into the sink."""

    def __init__(
        self, connection: Connection, capabilities: Mapping[str, str], form: ObjectFormat, said: Said
    ) -> None:
        self._connection, self._capabilities, self._form, self._said = connection, capabilities, form, said
        self._where, self._read = connection.where, connection.read
        self._room = LARGEST_MESSAGE  # for what comes before the pack

    def run(self, request: FetchRequest, into: Sink, progress: Progress, *, version: int) -> ShallowUpdate:
        """Negotiate and receive. Raises RemoteError, Corrupt, Unsupported, and what the sink raises."""
        update = self._negotiate_2(request) if version == 2 else self._negotiate_0(request)
        for band, content in read_bands(self._read, self._where):
            if band == DATA:
                into.write(content)
                progress.advance(0, len(content))
            elif band == ERROR:
                raise RemoteError(f"{self._where}: {as_text(content).strip()}")
            else:
                self._said.add(content)
        return update

    def _negotiate_2(self, request: FetchRequest) -> ShallowUpdate:
        fixed = ["thin-pack", "ofs-delta", "no-progress"]
        fixed += [f"want {each}" for each in request.wants] + [f"shallow {each}" for each in request.shallow]
        told = [f"agent={AGENT}"] if "agent" in self._capabilities else []
        if "object-format" in self._capabilities:
            told.append(f"object-format={self._form.name}")
        negotiation = Negotiation(request.haves, MAX_BATCH)
        while True:
            offered = [f"have {each}" for each in (*negotiation.common, *negotiation.batch())]
            done = negotiation.is_over
            self._connection.send([command("fetch", told, [*fixed, *offered, *(["done"] if done else [])])])
            if done or self._is_ready(negotiation):
                return self._sections()

    def _is_ready(self, negotiation: Negotiation) -> bool:
        """Read the answer to a batch; True if the pack comes behind it."""
        name = self._section_name()
        if name != "acknowledgments":
            raise RemoteError(f"{self._where}: expected acknowledgments, not {name!r}")
        acks = []
        while isinstance(line := self._packet(), bytes):
            acks.append(parse_ack(line, self._form, self._where))
        ready = negotiation.take(acks)
        if ready != (line is DELIMITER):
            raise RemoteError(f"{self._where}: a {line} packet in the wrong place of the acknowledgments")
        return ready

    def _sections(self) -> ShallowUpdate:
        """Read what stands before the pack."""
        lines: list[bytes] = []
        while (name := self._section_name()) != "packfile":
            if name != "shallow-info":
                raise Unsupported(f"a section {name!r} in the answer to a fetch", self._where)
            while isinstance(line := self._packet(), bytes):
                lines.append(line)
            if line is not DELIMITER:
                raise RemoteError(f"{self._where}: the answer ends before the pack")
        return self._shallow_update(lines)

    def _shallow_update(self, lines: Iterable[bytes]) -> ShallowUpdate:
        found = [parse_shallow(line, self._form, self._where) for line in lines]
        kinds = ("shallow", "unshallow")
        return ShallowUpdate(*(frozenset(id_ for word, id_ in found if word == kind) for kind in kinds))

    def _section_name(self) -> str:
        packet = self._packet()
        if isinstance(packet, Special):
            raise RemoteError(f"{self._where}: a {packet} packet instead of the answer to a fetch")
        return as_text(packet)

    def _packet(self) -> bytes | Special:
        """The next packet, without its line end; raises RemoteError if it says that the remote stops."""
        packet = read_packet(self._read, self._where)
        if isinstance(packet, Special):
            return packet
        self._room -= len(packet) + LINE_COST
        if self._room < 0:
            raise RemoteError(f"{self._where}: more than {LARGEST_MESSAGE} bytes before the pack")
        check_error(packet, self._where)
        return packet.removesuffix(b"\n")

    def _negotiate_0(self, request: FetchRequest) -> ShallowUpdate:
        stateless, wanted = self._connection.stateless, self._capability_line()
        wants = [as_line(f"want {each}{wanted if not at else ''}") for at, each in enumerate(request.wants)]
        start = b"".join([*wants, *(as_line(f"shallow {each}") for each in request.shallow), FLUSH.encoded])
        no_done = stateless and "no-done" in self._capabilities
        negotiation = Negotiation(request.haves, MAX_BATCH if stateless else MAX_DUPLEX_BATCH)
        head, ready = start, False
        while True:
            known = negotiation.common if stateless else ()
            offered = [as_line(f"have {each}") for each in (*known, *negotiation.batch())]
            done = negotiation.is_over
            self._connection.send([head, *offered, encode(b"done\n") if done else FLUSH.encoded])
            ready = negotiation.take(self._acks(until_nak=not done))
            if done or (ready and no_done and self._last_ack()):
                return ShallowUpdate()
            head = start if stateless else b""

    def _capability_line(self) -> str:
        has = self._capabilities
        for needed in ("side-band-64k", "multi_ack"):  # of all servers since 2006
            if needed not in has:
                raise Unsupported(f"a server without the capability {needed}", self._where)
        wanted = ["multi_ack_detailed" if "multi_ack_detailed" in has else "multi_ack", "side-band-64k"]
        wanted += [each for each in ("thin-pack", "ofs-delta", "no-progress") if each in has]
        wanted += ["no-done"] if self._connection.stateless and "no-done" in has else []
        wanted += [f"object-format={self._form.name}"] if "object-format" in has else []
        wanted += [f"agent={AGENT}"] if "agent" in has else []
        return " " + " ".join(wanted)

    def _acks(self, *, until_nak: bool) -> Iterator[Ack]:
        """Yield the answers to one batch: up to NAK, or up to the last ACK, which has no status."""
        while True:
            ack = self._last_ack()
            if ack.id is None:
                return
            yield ack
            if not ack.status and not until_nak:
                return

    def _last_ack(self) -> Ack:
        line = self._packet()
        if isinstance(line, Special):
            raise RemoteError(f"{self._where}: a {line} packet instead of ACK or NAK")
        return parse_ack(line, self._form, self._where)

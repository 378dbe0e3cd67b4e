"""A remote that is reached over a connection: the conversations about refs and packs, whatever carries them.

Invariants: nothing is sent to a server before it has said which object format it has; one connection for reading is
used as long as the protocol allows; a push gets a new one, which ends with it. Each ref of a push is judged by what the
server reports of it, and by nothing else.
Authority: gitprotocol-v2(5), gitprotocol-pack(5).
"""
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from types import TracebackType

from ..errors import Corrupt, RemoteError, Unsupported
from ..formats.pktline import DATA, ERROR, FLUSH, NOTHING, Blocks, read_bands, read_lines, read_packet
from ..formats.protocol import (
    Advertisement,
    Report,
    as_line,
    as_text,
    check_error,
    command,
    object_format_of,
    parse_advertisement,
    parse_capability_lines,
    parse_refs,
    parse_report,
    update_lines,
)
from ..ids import SHA1, ObjectFormat, ObjectId
from ..lighttyping import Literal, Protocol
from ..progress import SILENT, Progress
from .negotiation import AGENT, Fetch
from .said import Said
from .streams import REPORT_S, Connection
from .values import FetchRequest, PushCommand, PushResult, RemoteRef, ShallowUpdate, Sink

Service = Literal["git-upload-pack", "git-receive-pack"]


class Transport(Protocol):
    """A way to reach the services of one remote."""

    where: str  # the URL, for messages

    def connect(self, service: Service) -> Connection:
        """Open a conversation; what it reads first is the advertisement."""

    def close(self) -> None:
        """Give up what is kept between conversations."""


class _Reading:
    """An open conversation with upload-pack: protocol 2, or 0 with its advertisement."""

    def __init__(self, connection: Connection, form: ObjectFormat) -> None:
        self.connection, where = connection, connection.where
        self.version, lines = _greeting(connection)
        self.advertisement = None if self.version == 2 else parse_advertisement(lines, where)
        self.capabilities = self.advertisement.capabilities if self.advertisement else parse_capability_lines(lines)
        if self.capabilities:  # a server of protocol 0 says nothing at all of an empty repository
            _check_format(object_format_of(self.capabilities, where), form, where)


class WireRemote:
    """A `Remote` behind a transport."""

    def __init__(self, transport: Transport, form: ObjectFormat = SHA1) -> None:
        self.url = transport.where
        self._transport, self._form = transport, form
        self._reading: _Reading | None = None
        self._writing: tuple[Connection, Advertisement] | None = None
        self._said = Said()

    def list_refs(self, prefixes: Sequence[str] = ()) -> list[RemoteRef]:
        """See `Remote`. Raises RemoteError, Corrupt, Unsupported."""
        reading = self._reader()
        if reading.advertisement is not None:
            refs: Iterable[RemoteRef] = reading.advertisement.refs
        else:
            refs = self._ask_for_refs(reading, prefixes)
        return [ref for ref in refs if not prefixes or ref.name.startswith(tuple(prefixes))]

    def _ask_for_refs(self, reading: _Reading, prefixes: Sequence[str]) -> list[RemoteRef]:
        connection = reading.connection
        arguments = ["peel", "symrefs", *(f"ref-prefix {prefix}" for prefix in prefixes)]
        connection.send([command("ls-refs", _told(reading.capabilities, self._form), arguments)])
        return list(parse_refs(read_lines(connection.read, self.url), self._form, self.url))

    def fetch_pack(
        self, wants: Iterable[ObjectId], haves: Iterable[ObjectId], *, into: Sink,
        shallow: Iterable[ObjectId] = (), progress: Progress = SILENT,
    ) -> ShallowUpdate:
        """See `Remote`. Raises RemoteError, Corrupt, Unsupported, and what the sink raises."""
        request = FetchRequest(list(dict.fromkeys(wants)), haves, list(shallow))
        if not request.wants:
            raise ValueError("nothing is wanted")
        reading = self._reader()
        try:
            update = Fetch(reading.connection, reading.capabilities, self._form, self._said).run(
                request, into, progress, version=reading.version
            )
        except BaseException:
            self._forget_reading()
            raise
        if reading.advertisement is None:
            return update
        self._forget_reading()  # protocol 0 ends with the pack
        return ShallowUpdate(reading.advertisement.shallow)

    def _reader(self) -> _Reading:
        if self._reading is None:
            connection = self._transport.connect("git-upload-pack")
            try:
                self._reading = _Reading(connection, self._form)
            except BaseException:
                connection.close()
                raise
        return self._reading

    def _forget_reading(self) -> None:
        if self._reading is not None:
            self._reading.connection.close()
        self._reading = None

    def advertised(self) -> Advertisement:
        """See `Remote`. Raises RemoteError, Corrupt, Unsupported."""
        if self._writing is None:
            connection = self._transport.connect("git-receive-pack")
            try:
                _, lines = _greeting(connection)
                advertisement = parse_advertisement(lines, self.url)
                _check_format(advertisement.object_format, self._form, self.url)
            except BaseException:
                connection.close()
                raise
            self._writing = (connection, advertisement)
        return self._writing[1]

    def push(
        self, commands: Sequence[PushCommand], pack: Iterator[bytes] | None, *, atomic: bool = False,
        options: Sequence[str] = (), shallow: Iterable[ObjectId] = (), progress: Progress = SILENT,
    ) -> list[PushResult]:
        """See `Remote`. Raises RemoteError, Corrupt, and Unsupported if the server does not know what is asked for."""
        has = self.advertised().capabilities
        wanted = _push_capabilities(has, self._form, atomic=atomic, options=bool(options), where=self.url)
        known = {each.name: found for each in commands if (found := _known_result(each, has))}
        sent = [each for each in commands if each.name not in known]
        if atomic and any(each.status == "rejected" for each in known.values()):
            return [known.get(each.name, PushResult(each.name, "rejected", "atomic push")) for each in commands]
        report = Report("ok", {})
        if sent:
            head = [as_line(f"shallow {each}") for each in shallow] + list(update_lines(sent, wanted, self._form))
            tail = [*map(as_line, options), FLUSH.encoded] if options else []
            request = chain([b"".join([*head, FLUSH.encoded, *tail])], self._pack_of(sent, pack, progress))
            report = self._exchange(request, side_band="side-band-64k" in wanted)
        return [known[each.name] if each.name in known else _judged(each.name, report) for each in commands]

    def _pack_of(
        self, commands: Sequence[PushCommand], pack: Iterator[bytes] | None, progress: Progress
    ) -> Iterator[bytes]:
        """Yield the pack that must follow `commands`: none if all of them delete, an empty one if nothing is new."""
        if all(each.new is None for each in commands):
            return
        if pack is None:
            empty = b"PACK\0\0\0\2\0\0\0\0"
            pack = iter([empty + self._form.digest(empty)])
        for block in pack:
            yield block
            progress.advance(0, len(block))

    def _exchange(self, request: Iterable[bytes], *, side_band: bool) -> Report:
        """Send the request and read the report; the connection ends with it."""
        assert self._writing is not None
        connection = self._writing[0]
        self._writing = None
        try:
            connection.send(request, patience_s=REPORT_S)
            if not side_band:
                return parse_report(read_lines(connection.read, self.url), self.url)
            content = self._demultiplexed(connection)
            report = parse_report(list(read_lines(Blocks(content).read, self.url)), self.url)
            for _ in content:  # what hooks say that run after the report
                pass
            return report
        finally:
            connection.close()

    def _demultiplexed(self, connection: Connection) -> Iterator[bytes]:
        """Yield what band 1 carries; keep what band 2 says."""
        for band, content in read_bands(connection.read, self.url):
            if band == DATA:
                yield content
            elif band == ERROR:
                raise RemoteError(f"{self.url}: {as_text(content).strip()}")
            else:
                self._said.add(content)

    def messages(self) -> list[str]:
        """See `Remote`."""
        return self._said.take()

    def close(self) -> None:
        """See `Remote`."""
        open_ones = [self._reading.connection] if self._reading else []
        open_ones += [self._writing[0]] if self._writing else []
        self._reading = self._writing = None
        for connection in open_ones:
            if not connection.stateless:
                with suppress(RemoteError):
                    connection.send([FLUSH.encoded])  # "that was all"
            connection.close()
        self._transport.close()

    def __enter__(self) -> "WireRemote":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


def _greeting(connection: Connection) -> tuple[int, list[bytes]]:
    """The protocol that the server speaks (0, 1 or 2), and the lines of its advertisement."""
    first = read_packet(connection.read, connection.where)
    if isinstance(first, bytes) and first.startswith(b"# service="):
        if read_packet(connection.read, connection.where) is not FLUSH:
            raise Corrupt(connection.where, None, "no flush packet behind the name of the service")
        first = read_packet(connection.read, connection.where)
    if first is FLUSH:
        return 0, []
    if not isinstance(first, bytes):
        why = "the other side closed the connection" if first is NOTHING else f"a {first} packet at the start"
        raise RemoteError(f"{connection.where}: {why}")
    check_error(first, connection.where)
    lines = list(read_lines(connection.read, connection.where))
    word = first.rstrip(b"\n")
    if word in (b"version 1", b"version 2"):
        return int(word[-1:]), lines
    return 0, [first.removesuffix(b"\n"), *lines]


def _check_format(theirs: ObjectFormat, ours: ObjectFormat, where: str) -> None:
    if theirs != ours:
        raise Unsupported(f"a remote with object format {theirs.name} for a repository with {ours.name}", where)


def _told(capabilities: Mapping[str, str], form: ObjectFormat) -> list[str]:
    """What a request says of us, as far as the server knows these words."""
    ours = {"agent": f"agent={AGENT}", "object-format": f"object-format={form.name}"}
    return [text for word, text in ours.items() if word in capabilities]


def _push_capabilities(
    has: Mapping[str, str], form: ObjectFormat, *, atomic: bool, options: bool, where: str
) -> list[str]:
    """The capabilities that a push asks for. Raises Unsupported if the server lacks one that is needed."""
    report = next((each for each in ("report-status-v2", "report-status") if each in has), None)
    asked = ["atomic"] * atomic + ["push-options"] * options
    for word in (report or "report-status", *asked):
        if word not in has:
            raise Unsupported(f"a push with {word} to this server", where)
    return [report or "", *asked, *(each for each in ("side-band-64k", "quiet") if each in has), *_told(has, form)]


def _known_result(each: PushCommand, has: Mapping[str, str]) -> PushResult | None:
    """The result of a command that need not be sent; None for all others."""
    if each.new == each.old:
        return PushResult(each.name, "up to date")
    if each.new is None and "delete-refs" not in has:
        return PushResult(each.name, "rejected", "the server does not allow to delete refs")
    return None


def _judged(name: str, report: Report) -> PushResult:
    """What the server reports of one ref. Silence is no success."""
    result = report.results.get(name)
    if result is None:
        return PushResult(name, "rejected", "the server did not say what became of it")
    if report.unpack != "ok":
        return PushResult(name, "rejected", f"the pack was not taken: {report.unpack}")
    return result

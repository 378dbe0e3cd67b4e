"""Requests of HTTP and their answers over one connection that is kept open: TLS, proxies, chunks, time-outs.

Not here: what is Git about a request, redirects, who the user is (`http.py`). Invariants: a connection goes to one
scheme, host and port; it is used again only when the answer before was read to its end; what fails is a RemoteError, or
Corrupt where it is no HTTP. Authority: RFC 9112; the settings are those of git-config(1), `http.*`.
"""

import io
import re
import select
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from ..errors import Corrupt, RemoteError, Unsupported
from ..formats.httphead import Head, encode_request, read_chunk_size, read_fields, read_head
from ..lighttyping import TYPE_CHECKING, NamedTuple
from .blocks import joined
from .httpconfig import DEFAULT_PORTS, HttpSettings
from .streams import CONNECT_S, Patience, PatientFile, connect, raise_failure
from .urls import RemoteUrl

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER = 1 << 16  # bytes
LEFT_OVER = 1 << 16  # bytes of an answer that are read so that its connection can be used again
LINGER_S = 1.0  # for them to come: a new connection takes no longer


class Answer:
    """The answer to one request. Its body is read in pieces."""

    def __init__(self, head: Head, file: io.BufferedReader, patience: Patience) -> None:
        self.status, self.head, self._patience = head.status, head, patience
        self._raw = _Body(head, file, patience.where)
        self._body = io.BufferedReader(self._raw, _BUFFER)

    def read(self, size: int) -> bytes:
        """The next `size` bytes of the body; raises RemoteError where it ends before."""
        found = self.read_up_to(size)
        if len(found) < size:
            raise _too_early(self._patience.where)
        return found

    def read_up_to(self, size: int) -> bytes:
        """The same, but less at the end of the body."""
        self._patience.renew()
        return self._body.read(size)

    def finish(self) -> bool:
        """Read the little that may be left; False if there is more, or the connection must be given up anyway."""
        if not self.head.stays_open or self._raw.is_over:
            return self.head.stays_open
        self._patience.begin(LINGER_S)
        try:
            return len(self._body.read(LEFT_OVER)) < LEFT_OVER
        except (RemoteError, Corrupt):  # it lied about its length, or was cut off: nobody needs the rest
            return False


class _Body(io.RawIOBase):
    """The body of an answer as a file; one that ends too early is a RemoteError."""

    def __init__(self, head: Head, file: io.BufferedReader, where: str) -> None:
        self._file, self._where = file, where
        self._is_chunked, self._left = head.is_chunked, 0 if head.is_chunked else head.length
        self.is_over = head.length == 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self._is_chunked and not self._left and not self.is_over:
            self._begin_chunk()
        if self.is_over:
            return 0
        count = self._file.readinto1(memoryview(buffer)[: self._left])
        if self._left is None:
            self.is_over = not count
            return count
        if not count:
            raise _too_early(self._where)
        self._left -= count
        if self._is_chunked and not self._left and self._file.readline(2) != b"\r\n":
            raise _too_early(self._where)
        self.is_over = not (self._is_chunked or self._left)
        return count

    def _begin_chunk(self) -> None:
        self._left = read_chunk_size(self._file.readline, self._where)
        if not self._left:
            read_fields(self._file.readline, self._where)
            self.is_over = True


class Request(NamedTuple):
    """One request. A body of bytes is sent with its length, one of blocks in chunks."""

    method: str
    url: RemoteUrl
    headers: Sequence[tuple[str, str]]
    settings: HttpSettings
    body: bytes | Iterable[bytes] = b""
    proxy_login: str | None = None  # the value of Proxy-Authorization
    patience_s: float | None = None  # how long the whole answer may take; None: as always, for each piece of it

    @property
    def place(self) -> tuple[object, ...]:
        """What a connection must have been made with to carry this request."""
        return self.url.scheme, self.url.host, self.url.port, self.settings, self.proxy_login

    @property
    def is_read_by_proxy(self) -> bool:
        """Whether it goes to a proxy that looks into it."""
        return self.url.scheme == "http" and self.settings.proxy is not None

    def encoded_head(self) -> bytes:
        """What is sent before the body. Raises BadName for a header with a line break."""
        target = (f"http://{self.url.authority}" if self.is_read_by_proxy else "") + target_of(self.url)
        fields = [("Host", self.url.authority)]
        if self.is_read_by_proxy and self.proxy_login:
            fields.append(("Proxy-Authorization", self.proxy_login))
        fields += self.headers
        if not isinstance(self.body, bytes):
            fields.append(("Transfer-Encoding", "chunked"))
        elif self.method != "GET":
            fields.append(("Content-Length", str(len(self.body))))
        return encode_request(self.method, target, fields)


class Wire:
    """One connection at a time, to whatever place the next request goes to.

    `key_password` is called if the key of a client certificate is encrypted.
    """

    def __init__(self, where: str, timeout_s: float, key_password: Callable[[], str]) -> None:
        self.where, self._usual_s, self._key_password = where, timeout_s, key_password
        self._patience = Patience(where, timeout_s)
        self._open: _Open | None = None
        self._place: tuple[object, ...] = ()
        self._answer: Answer | None = None

    def request(self, request: Request) -> Answer:
        """Send a request and read the head of its answer.

        Raises RemoteError, Corrupt for what is no HTTP, and ProxyLoginNeeded of a proxy.
        """
        try:
            if self._reuse(request) and isinstance(request.body, bytes):
                with suppress(_Dropped):  # closed just now, for it had been idle
                    return self._attempt(request)
                self.close()
            return self._attempt(request)
        except _Dropped as dropped:
            self.close()
            raise RemoteError(f"{self.where}: the other side closed the connection") from dropped.__cause__
        except BaseException:
            self.close()
            raise

    def _attempt(self, request: Request) -> Answer:
        self._patience.begin()
        if self._open is None:
            self._open = self._connect(request)
        try:
            self._send(self._open.sock, request)
            self._patience.begin(request.patience_s)
            head = read_head(self._open.file.readline, self.where)
        except RemoteError as error:
            if isinstance(error.__cause__, ConnectionError):
                raise _Dropped from error.__cause__
            raise
        except OSError as error:
            raise_failure(error, self._patience)
        if head is None:
            raise _Dropped
        self._answer = Answer(head, self._open.file, self._patience)
        return self._answer

    def _send(self, sock: socket.socket, request: Request) -> None:
        """Send head and body. Where the server no longer listens the rest is dropped: its answer says why."""
        with suppress(BrokenPipeError, ConnectionResetError):
            for block in _blocks(request):
                self._patience.renew()
                sock.settimeout(self._patience.left())
                sock.sendall(block)

    def _reuse(self, request: Request) -> bool:
        """Whether the open connection goes where the request goes, and is in order; else it is closed."""
        answer, self._answer = self._answer, None
        usable = request.place == self._place and (answer is None or answer.finish())
        if self._open is not None and (not usable or _has_input(self._open.sock)):
            self.close()
        self._place = request.place
        return self._open is not None

    def _connect(self, request: Request) -> "_Open":
        url, proxy = request.url, request.settings.proxy
        if proxy is not None and proxy.scheme != "http":
            raise Unsupported(f"a proxy that is spoken to by {proxy.scheme}", str(proxy))
        to, where = proxy or url, f"{self.where}: the proxy {proxy}" if proxy is not None else self.where
        if url.scheme == "https":
            from .tls import secured, tls_context

            context = tls_context(request.settings, self._key_password)
        sock = connect(to.host, to.port or DEFAULT_PORTS[to.scheme], where, self._usual_s)
        try:
            if url.scheme == "https":
                if proxy is not None:
                    self._go_through(sock, request, where)
                sock = secured(sock, url, context, where)
        except BaseException:
            sock.close()
            raise
        return _Open(sock, io.BufferedReader(PatientFile(sock, self._patience), _BUFFER))

    def _go_through(self, sock: socket.socket, request: Request, where: str) -> None:
        """Have a proxy connect us with the host of the request. Raises RemoteError, ProxyLoginNeeded, Corrupt."""
        url, patience = request.url, Patience(where, min(self._usual_s, CONNECT_S))
        place = url._replace(port=url.port or DEFAULT_PORTS[url.scheme]).authority
        fields = [("Host", place)] + ([("Proxy-Authorization", request.proxy_login)] if request.proxy_login else [])
        try:
            sock.sendall(encode_request("CONNECT", place, fields))
        except OSError as error:
            raise_failure(error, patience)
        with io.BufferedReader(PatientFile(sock, patience)) as file:  # TLS begins with us: nothing is behind the head
            head = read_head(file.readline, where)
        if head is None:
            raise RemoteError(f"{where}: the other side closed the connection")
        if head.status == 407:
            raise ProxyLoginNeeded(f"{where}: a user name and password are needed (407)")
        if head.status >= 300:
            raise RemoteError(f"{where}: it did not connect us (status {head.status})")

    def close(self) -> None:
        """Close the connection. Can be repeated."""
        if self._open is not None:
            self._open.file.close()
            self._open.sock.close()
        self._open = self._answer = None


class _Open(NamedTuple):
    """A connection, and what it receives."""

    sock: socket.socket
    file: io.BufferedReader


def _blocks(request: Request) -> Iterable[bytes]:
    """A request as it is sent."""
    if isinstance(request.body, bytes):
        whole = request.encoded_head() + request.body
        yield from (whole[at : at + _BUFFER] for at in range(0, len(whole), _BUFFER))
        return
    yield request.encoded_head()
    for block in joined(request.body):
        yield b"%x\r\n%b\r\n" % (len(block), block)
    yield b"0\r\n\r\n"


class _Dropped(Exception):
    """The other side closed the connection instead of answering."""


class ProxyLoginNeeded(RemoteError):
    """The proxy wants to know who we are before it connects us."""


def _too_early(where: str) -> RemoteError:
    return RemoteError(f"{where}: the answer ended too early")


def _has_input(sock: socket.socket) -> bool:
    """Whether something lies there unread where nothing should: the end of the connection, as a rule."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


def target_of(url: RemoteUrl) -> str:
    """The path as it goes into a request line: bytes that may not stand there are percent-encoded."""
    raw = (url.path or "/").encode("utf-8", "surrogateescape")
    return re.sub(rb"[^!#-;=?-\[\]_a-z~]", lambda found: b"%%%02X" % found[0][0], raw).decode()

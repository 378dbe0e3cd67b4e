"""Requests of HTTP and their answers over one connection that is kept open: TLS, proxies, chunks, time-outs.

Not here: what is Git about a request, redirects, who the user is (`http.py`). Invariants: a connection goes to one
scheme, host and port; it is used again only when the answer before was read to its end; what fails is a RemoteError.
Authority: RFC 9112; the settings are those of git-config(1), `http.*`.
"""
import http.client
import io
import re
import select
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ..errors import GitError, RemoteError, Unsupported
from .httpconfig import DEFAULT_PORTS, HttpSettings
from .streams import CONNECT_S, Patience, PatientFile, connect_failure, joined, raise_failure
from .urls import RemoteUrl

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_BUFFER = 1 << 16  # bytes
LEFT_OVER = 1 << 16  # bytes of an answer that are read so that its connection can be used again
_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")


class Answer:
    """The answer to one request. Its body is read in pieces."""

    def __init__(self, response: http.client.HTTPResponse, patience: Patience) -> None:
        self.status, self.headers = response.status, response.headers
        self._patience, self._response = patience, response
        self._body = io.BufferedReader(_Body(response, patience), _BUFFER)

    def read(self, size: int) -> bytes:
        """The next `size` bytes of the body; raises RemoteError where it ends before."""
        found = self.read_up_to(size)
        if len(found) < size:
            raise RemoteError(f"{self._patience.where}: the answer ended too early")
        return found

    def read_up_to(self, size: int) -> bytes:
        """The same, but less at the end of the body."""
        self._patience.renew()
        return self._body.read(size)

    def finish(self) -> bool:
        """Read the little that may be left; False if there is more, and the connection must be given up."""
        return self._response.isclosed() or len(self.read_up_to(LEFT_OVER)) < LEFT_OVER


class _Body(io.RawIOBase):
    """The body of a response as a file whose failures are RemoteErrors."""

    def __init__(self, response: http.client.HTTPResponse, patience: Patience) -> None:
        self._response, self._patience = response, patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        try:
            return self._response.readinto(buffer)
        except (http.client.HTTPException, ValueError) as error:  # ValueError: a chunk of no known length
            raise RemoteError(f"{self._patience.where}: the answer ended too early") from error


class _PatientSocket:
    """What `http.client` needs of a socket, under the rule of `Patience`."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        self._plain, self._patience = sock, patience

    def sendall(self, block: "ReadableBuffer") -> None:
        self._patience.renew()
        self._plain.settimeout(self._patience.left())
        self._plain.sendall(block)

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(PatientFile(self._plain, self._patience), _BUFFER)

    def close(self) -> None:
        self._plain.close()


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
    def target(self) -> str:
        """What stands in the request line: the whole URL for a proxy that reads it, else the path."""
        return (f"http://{self.url.authority}" if self.is_read_by_proxy else "") + target_of(self.url)

    @property
    def is_read_by_proxy(self) -> bool:
        return self.url.scheme == "http" and self.settings.proxy is not None


class Wire:
    """One connection at a time, to whatever place the next request goes to.

    `key_password` is called if the key of a client certificate is encrypted.
    """

    def __init__(self, where: str, timeout_s: float, key_password: Callable[[], str]) -> None:
        self.where, self._usual_s, self._key_password = where, timeout_s, key_password
        self._patience = Patience(where, timeout_s)
        self._open: http.client.HTTPConnection | None = None
        self._socket: socket.socket
        self._place: tuple[object, ...] = ()
        self._answer: Answer | None = None

    def request(self, request: Request) -> Answer:
        """Send a request and read the head of its answer. Raises RemoteError, and ProxyLoginNeeded of a proxy."""
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
        connection = self._open or self._connect(request)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", request.url.authority)
            if request.is_read_by_proxy and request.proxy_login:
                connection.putheader("Proxy-Authorization", request.proxy_login)
            for name, value in request.headers:
                connection.putheader(name, value.encode("utf-8", "surrogateescape"))
            _send_body(connection, request)
            self._patience.begin(request.patience_s)
            self._answer = Answer(connection.getresponse(), self._patience)
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            raise _Dropped from error
        except OSError as error:
            raise_failure(error, self._patience)
        except RemoteError as error:
            if isinstance(error.__cause__, ConnectionError):
                raise _Dropped from error.__cause__
            raise
        except (http.client.HTTPException, ValueError) as error:
            raise RemoteError(f"{self.where}: this is not HTTP: {_text(error)}") from error
        return self._answer

    def _reuse(self, request: Request) -> bool:
        """Whether the open connection goes where the request goes, and is in order; else it is closed."""
        answer, self._answer = self._answer, None
        usable = request.place == self._place and (answer is None or answer.finish())
        if self._open is not None and (not usable or self._open.sock is None or _has_input(self._socket)):
            self.close()
        self._place = request.place
        return self._open is not None

    def _connect(self, request: Request) -> http.client.HTTPConnection:
        url, settings = request.url, request.settings
        if settings.proxy is not None and settings.proxy.scheme != "http":
            raise Unsupported(f"a proxy that is spoken to by {settings.proxy.scheme}", str(settings.proxy))
        to, limit_s = settings.proxy or url, min(self._usual_s, CONNECT_S)
        port = to.port or DEFAULT_PORTS[to.scheme]
        connection = http.client.HTTPConnection(to.host, port, timeout=limit_s)
        if url.scheme == "https":
            context = tls_context(settings, self._key_password)
            connection = http.client.HTTPSConnection(to.host, port, timeout=limit_s, context=context)
        if settings.proxy is not None and url.scheme == "https":
            login = {"Proxy-Authorization": request.proxy_login} if request.proxy_login else {}
            connection.set_tunnel(url.host, url.port or DEFAULT_PORTS["https"], login)
        try:
            connection.connect()
        except Exception as error:
            connection.close()
            raise self._not_connected(error, to.host, port, settings) from error
        self._open, self._socket = connection, connection.sock
        connection.sock = _PatientSocket(connection.sock, self._patience)
        return connection

    def _not_connected(self, error: Exception, host: str, port: int, settings: HttpSettings) -> GitError:
        tunnel = _TUNNEL.match(str(error))
        through = f"the proxy {settings.proxy}: " if settings.proxy is not None else ""
        if tunnel and tunnel[1] == "407":
            return ProxyLoginNeeded(f"{self.where}: {through}a user name and password are needed (407)")
        if isinstance(error, ssl.SSLCertVerificationError):
            return RemoteError(
                f"{self.where}: the TLS certificate is not accepted: {error.verify_message}"
                " (http.sslCAInfo names a file with other authorities)"
            )
        if isinstance(error, ssl.SSLError):
            return RemoteError(f"{self.where}: no TLS connection: {error.reason or error}")
        if tunnel:
            return RemoteError(f"{self.where}: {through}it did not connect us (status {tunnel[1]})")
        if isinstance(error, (OSError, UnicodeError)):
            return RemoteError(f"{self.where}: {through}{connect_failure(error, host, port)}")
        return RemoteError(f"{self.where}: {through}this is not HTTP: {_text(error)}")

    def close(self) -> None:
        """Close the connection. Can be repeated."""
        if self._open is not None:
            self._open.close()
        self._open = self._answer = None


def _send_body(connection: http.client.HTTPConnection, request: Request) -> None:
    """Send head and body. Where the server no longer listens the rest is dropped: its answer says why."""
    if isinstance(request.body, bytes):
        if request.method != "GET":
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body or None)
        return
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    with suppress(BrokenPipeError, ConnectionResetError):
        for block in joined(request.body):
            connection.send(b"%x\r\n%b\r\n" % (len(block), block))
        connection.send(b"0\r\n\r\n")


class _Dropped(Exception):
    """The other side closed the connection instead of answering."""


class ProxyLoginNeeded(RemoteError):
    """The proxy wants to know who we are before it connects us."""


def _text(error: Exception) -> str:
    return " ".join(str(error)[:200].split()) or type(error).__name__


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


def tls_context(settings: HttpSettings, key_password: Callable[[], str]) -> ssl.SSLContext:
    """What TLS connections accept and show. Raises GitError for files that cannot be used."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file, capath=settings.ca_path)
    except (OSError, ssl.SSLError) as error:
        place = settings.ca_file or settings.ca_path
        raise GitError(f"{place}: no certificates can be read from here: {error.strerror or error}") from error
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate:
        try:
            context.load_cert_chain(settings.certificate, settings.key, password=key_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise GitError(f"{settings.certificate}: the certificate cannot be used: {error}") from error
    return context

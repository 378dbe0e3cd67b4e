"""Bytes from and to the other side of a connection, with an end to our patience; what a failed connection is called.

A `Read` gives exactly as many bytes as it is asked for, or raises RemoteError: an end in the middle of what is expected
is a failure. Invariant: each `read` and each block of `send` ends when the patience does, however the bytes trickle in.
"""
import io
import socket
import time
from collections.abc import Iterable

from ..errors import RemoteError
from ..lighttyping import TYPE_CHECKING, NoReturn, Protocol
from .blocks import joined

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_S = 30.0  # to open a connection, with the look-up of the host's name
REPORT_S = 900.0  # for all of the report about a push: checks and hooks run before it, and a proxy may hold it back
_BUFFER = 1 << 16  # bytes: a packet fits


class Connection(Protocol):
    """An open conversation with one service of a remote.

    `stateless`: the other side forgets everything between two requests, so each must say everything again.
    """

    stateless: bool
    where: str  # the URL, for messages

    def read(self, size: int) -> bytes:
        """The next `size` bytes: at first of the advertisement, then of the answer to the last request."""

    def send(self, request: Iterable[bytes], *, patience_s: float | None = None) -> None:
        """Send a request; what is read next is its answer, all of it within `patience_s`, if that is given."""

    def close(self) -> None:
        """End it. Can be repeated."""


class Patience:
    """How long the other side may take: for each read and each send, or for a whole answer."""

    __slots__ = ("_deadline", "_is_total", "_limit_s", "_usual_s", "where")

    def __init__(self, where: str, usual_s: float) -> None:
        self.where, self._usual_s = where, usual_s
        self.begin()

    def begin(self, total_s: float | None = None) -> None:
        """Start the time: `total_s` for all that follows, or as usual for each step of it."""
        self._limit_s, self._is_total = total_s or self._usual_s, total_s is not None
        self._deadline = time.monotonic() + self._limit_s

    def renew(self) -> None:
        """A step begins."""
        if not self._is_total:
            self._deadline = time.monotonic() + self._limit_s

    def left(self) -> float:
        """Seconds left; raises RemoteError if there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self.ended()
        return left

    def ended(self) -> RemoteError:
        """What to raise when the time is over."""
        return RemoteError(f"{self.where}: no answer within {self._limit_s:g} s")


class PatientFile(io.RawIOBase):
    """What a socket receives, as an unbuffered file. A failure is a RemoteError."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        self._sock, self._patience = sock, patience
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        try:
            self._sock.settimeout(self._patience.left())
            return self._raw.readinto(buffer) or 0
        except OSError as error:
            raise_failure(error, self._patience)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class Duplex:
    """A socket on which both sides talk in turn: `git://`, ssh."""

    stateless = False

    def __init__(self, sock: socket.socket, where: str, timeout_s: float) -> None:
        self.where = where
        self._sock, self._patience = sock, Patience(where, timeout_s)
        self._file = io.BufferedReader(PatientFile(sock, self._patience), _BUFFER)

    def read(self, size: int) -> bytes:
        """The next `size` bytes; raises RemoteError where the other side ends before."""
        self._patience.renew()
        found = self._file.read(size)
        if len(found) < size:
            raise RemoteError(f"{self.where}: {self.why_ended()}")
        return found

    def why_ended(self) -> str:
        """Why the other side closed the connection, as far as that is known here."""
        return "the other side closed the connection"

    def send(self, request: Iterable[bytes], *, patience_s: float | None = None) -> None:
        """Send all of it. Where the other side no longer listens the rest is dropped: its answer says why."""
        self._patience.begin()
        for block in joined(request):
            self._patience.renew()
            try:
                self._sock.settimeout(self._patience.left())
                self._sock.sendall(block)
            except (BrokenPipeError, ConnectionResetError):
                break
            except OSError as error:
                raise_failure(error, self._patience)
        self._patience.begin(patience_s)

    def close(self) -> None:
        """Close the socket."""
        self._file.close()
        self._sock.close()


def connect(host: str, port: int, where: str, timeout_s: float) -> socket.socket:
    """An open TCP connection; raises RemoteError."""
    name = host.encode() if host.isascii() else host  # Python loads all of IDNA for the plainest text, not for bytes
    try:
        sock = socket.create_connection((name, port), min(timeout_s, CONNECT_S))  # type: ignore[arg-type]  # takes both
    except (OSError, UnicodeError) as error:
        raise RemoteError(f"{where}: {connect_failure(error, host, port)}") from error
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def connect_failure(error: Exception, host: str, port: int) -> str:
    """Why there is no connection, in words."""
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return f"the host {host!r} is not known (no such name, or no network)"
    if isinstance(error, TimeoutError):
        return f"no connection to {host}:{port} in time"
    return f"no connection to {host}:{port}: {_reason(error)}"


def raise_failure(error: OSError, patience: Patience) -> NoReturn:
    """Raise what happened to an open connection as RemoteError."""
    if isinstance(error, TimeoutError):
        raise patience.ended() from error
    if isinstance(error, ConnectionError):
        raise RemoteError(f"{patience.where}: the other side closed the connection") from error
    raise RemoteError(f"{patience.where}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

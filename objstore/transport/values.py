"""What goes between the conversation with a remote and those who use it: refs, push commands, results.

Those that have a form on the wire are defined in `formats/protocol.py` and taken from here. Invariants: names are full
ref names that `formats/refs.py` accepts, or "HEAD"; `None` instead of an id means that the ref does not exist.
Authority: gitprotocol-v2(5), gitprotocol-pack(5).
"""
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType

from ..formats.protocol import Advertisement, PushCommand, PushResult, RemoteRef
from ..ids import ObjectId
from ..lighttyping import NamedTuple, Protocol
from ..progress import SILENT, Progress

__all__ = [
    "Advertisement", "Ask", "FetchRequest", "PushCommand", "PushResult", "Remote", "RemoteRef", "ShallowUpdate", "Sink",
]

Ask = Callable[[str, bool], str | None]  # a question and whether its answer is secret → answer; None: nobody is there


class Sink(Protocol):
    """Takes the bytes of a pack in blocks: an open file, or what looks into them on their way."""

    def write(self, block: bytes, /) -> object:
        """Take the next block whole."""


class FetchRequest(NamedTuple):
    """What is wanted, and what is here already: `haves` are commits, best guesses first, taken only as far as needed.

    `shallow` are the commits whose parents are missing here.
    """

    wants: Sequence[ObjectId]
    haves: Iterable[ObjectId] = ()
    shallow: Sequence[ObjectId] = ()


class ShallowUpdate(NamedTuple):
    """Commits whose parents did not come with a pack, because the remote lacks them; and those that now have them."""

    shallow: frozenset[ObjectId] = frozenset()
    unshallow: frozenset[ObjectId] = frozenset()


class Remote(Protocol):
    """One repository elsewhere, or in another folder. A context manager; `url` holds no password."""

    url: str

    def list_refs(self, prefixes: Sequence[str] = ()) -> list[RemoteRef]:
        """The refs whose names begin with one of `prefixes`, all if there is none, in the remote's order."""

    def fetch_pack(
        self, wants: Iterable[ObjectId], haves: Iterable[ObjectId], *, into: Sink,
        shallow: Iterable[ObjectId] = (), progress: Progress = SILENT,
    ) -> ShallowUpdate:
        """Agree on what is common and have a pack of all the rest written to `into`; it is thin, and not checked.

        `haves` are commits that are here, best guesses first; `shallow` those whose parents are missing here.
        `progress` counts the bytes of the pack.
        """

    def advertised(self) -> Advertisement:
        """What is there before a push; asks again after one."""

    def push(
        self, commands: Sequence[PushCommand], pack: Iterator[bytes] | None, *, atomic: bool = False,
        options: Sequence[str] = (), shallow: Iterable[ObjectId] = (), progress: Progress = SILENT,
    ) -> list[PushResult]:
        """Send `pack` and have the refs changed; a result for each command, in their order.

        `pack` may be None if nothing new is needed. Blocks of it are asked for once the other side takes them.
        """

    def messages(self) -> list[str]:
        """What the remote said to a human since the last call: lines, not escaped."""

    def close(self) -> None:
        """End the connection. Can be repeated."""

    def __enter__(self) -> "Remote": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

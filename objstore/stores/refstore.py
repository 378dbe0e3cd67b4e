"""Refs behind one interface: what every way of keeping them can do, and the values that go in and out.

`filesrefs.FilesRefStore` keeps refs as git's "files" backend does; others may follow (reftable).
"""
from collections.abc import Iterator, Sequence

from ..formats.reflog import LogEntry
from ..formats.refs import Ref, SymbolicRef
from ..ids import ObjectId
from ..lighttyping import Literal, NamedTuple, Protocol


class RefUpdate(NamedTuple):
    """A change of one ref: it becomes `new` (None: it is deleted) if it is `expected` now; `message` is for its log."""

    name: str
    new: ObjectId | None
    expected: ObjectId | Literal["absent", "any"]
    message: str = ""


class RefStore(Protocol):
    """What every way of keeping refs can do. tests/conformance/ holds each implementation to it."""

    def read(self, name: str) -> ObjectId | SymbolicRef | None:
        """What a ref itself says; None if there is none. Raises Corrupt, BadName."""

    def get(self, name: str) -> ObjectId | None:
        """The id that a ref leads to, through symbolic refs; None if it or its target does not exist."""

    def refs(self, prefix: str) -> Iterator[Ref]:
        """All refs below `prefix` (which ends with "/"), in git's order, broken ones among them."""

    def names(self, prefix: str) -> list[str]:
        """The names of all refs below `prefix`, sorted: cheaper than `refs`, because nobody looks what they say."""

    def update(self, updates: Sequence[RefUpdate], *, signature: bytes = b"") -> None:
        """Change refs, all or none. A symbolic ref stays: what it leads to is changed.

        `signature` says who does it, as the committer of a commit ("Name <mail> 1700000000 +0000"), where a log is
        kept; git's own guess if empty. Raises Conflict where a ref is not as expected, is locked, stands in the way
        of another or is named twice, NotFound where there is no such object; then nothing is changed.
        """

    def get_log(self, name: str) -> list[LogEntry] | None:
        """What is on record of the changes of a ref itself, newest first; None if there is no log. Raises BadName."""

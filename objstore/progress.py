"""How long work tells its caller how far it is: a value that goes down, never a callback into somebody's state.

Every function that may last takes `progress` and calls `progress.advance(items, bytes)` for what it has just done;
where it knows before how much there is to do, it says so with `progress.expect(items)`.
"""
from .lighttyping import Protocol


class Progress(Protocol):
    """Something that counts work done."""

    def advance(self, items: int, size_bytes: int) -> None:
        """Add `items` things done and `size_bytes` of content moved since the last call."""

    def expect(self, items: int) -> None:
        """Say that so many more items are to come."""


class Silent:
    """Counts nothing; the default everywhere."""

    __slots__ = ()

    def advance(self, items: int, size_bytes: int) -> None:
        """Do nothing."""

    def expect(self, items: int) -> None:
        """Do nothing."""


SILENT = Silent()

"""What a remote says to a human while it works: kept to be shown, as lines, not escaped and not without limit."""
from ..formats.protocol import as_text

MAX_LINES = 1000
MAX_LINE = 4096  # bytes


class Said:
    """Collects the text of band 2. A line that ends with a carriage return is progress, overwritten by the next."""

    __slots__ = ("_lines", "_rest")

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._rest = b""

    def add(self, text: bytes) -> None:
        """Take the next piece of text; it need not end where a line ends."""
        *whole, self._rest = (self._rest + text).split(b"\n")
        self._rest = self._rest.rpartition(b"\r")[2][:MAX_LINE]
        self._lines += [as_text(line.rstrip(b"\r").rpartition(b"\r")[2][:MAX_LINE]).rstrip() for line in whole]
        del self._lines[: -MAX_LINES]

    def take(self) -> list[str]:
        """The lines since the last call, empty ones left out."""
        self.add(b"\n" if self._rest else b"")
        lines, self._lines = [line for line in self._lines if line], []
        return lines

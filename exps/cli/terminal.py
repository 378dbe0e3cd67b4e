"""What the command line knows of where it prints: terminal or pipe, colours, how much to say, a line of progress.

The one place that escapes the text of others. A `Terminal` is made once by `app` and handed to every command.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO

from ..model import ExperimentRef

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35"}
_UNSAFE = {code: f"\\x{code:02x}" for code in (*range(32), *range(0x7F, 0xA0))}
_UNSAFE |= {code: f"\\u{code:04x}" for code in (0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)}
_UNSAFE |= {0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}  # bytes that were not UTF-8
FIRST_PROGRESS_S, PROGRESS_EVERY_S = 0.5, 0.1


def escape(text: str) -> str:
    r"""Text of others with control characters, and what turns the direction of a line, made visible.

    >>> escape("a\x1b[31mb\n")
    'a\\x1b[31mb\\x0a'
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_UNSAFE).encode("utf-8", "backslashreplace").decode()  # half a character is a text in JSON


def whole(text: str) -> str:
    r"""Text of others as UTF-8 can have it: half a character, which JSON can hold, is made visible.

    >>> whole("a\ud800")
    'a\\ud800'
    """
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


class Terminal:
    """Standard output and standard error of a command. `verbosity` is -1 with -q, 1 with -v."""

    def __init__(self, environ: Mapping[str, str], *, color: str = "auto", verbosity: int = 0) -> None:
        """Look at where the streams lead; `color` is "auto", "always" or "never"."""
        self.out, self.err, self.verbosity = sys.stdout, sys.stderr, verbosity
        self.is_terminal = _leads_to_terminal(self.out)
        allowed = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._color = color == "always" or (color == "auto" and allowed and self.is_terminal)
        self._progress: ProgressLine | None = None
        for stream in (self.out, self.err):
            _never_fail(stream)

    def write(self, text: str = "") -> None:
        """A line on standard output: the result of the command."""
        self.close()
        self.out.write(text + "\n")

    def write_bytes(self, content: bytes) -> None:
        """Content of others on standard output: as it is for programs, escaped line by line on a terminal."""
        if self.is_terminal:
            for line in content.decode("utf-8", "surrogateescape").splitlines():
                self.write(escape(line))
            return
        self.out.flush()
        self.out.buffer.write(content)

    def say(self, text: str) -> None:
        """A line on standard error that is not the result; nothing with -q."""
        if self.verbosity >= 0:
            self.close()
            self.err.write(text + "\n")

    def warn(self, text: str) -> None:
        """A line on standard error about what is not as it should be, with text of others in it; nothing with -q."""
        self.say(f"exps: warning: {escape(text)}")

    def warn_hidden(self, hidden: ExperimentRef | None) -> None:
        """Say that an experiment was not meant by its name, because that is a Git revision; nothing for None."""
        if hidden:
            self.warn(f"{hidden.name} is a Git revision here; the experiment is exp:{hidden.name}")

    def complain(self, text: str) -> None:
        """A line on standard error that -q does not silence, with text of others in it."""
        self.close()
        self.err.write(escape(text) + "\n")

    def detail(self, text: str) -> None:
        """A line on standard error for those who ask for more with -v."""
        if self.verbosity > 0:
            self.close()
            self.err.write(text + "\n")

    def shown(self, text: str) -> str:
        """Text of others, safe to print: escaped on a terminal, as it is for programs."""
        return escape(text) if self.is_terminal else text

    def listed(self, names: Sequence[str], most: int) -> str:
        """Names of others in one line, no more than `most` of them."""
        more = f" and {len(names) - most} more" if len(names) > most else ""
        return ", ".join(map(self.shown, names[:most])) + more

    def paint(self, text: str, colour: str) -> str:
        """`text` in a colour of `_COLOURS`, where colours are wanted."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._color else text

    def ask(self, prompt: str, is_secret: bool = False) -> str | None:
        """Ask the user; None if there is nobody to answer. What is secret is not shown while it is typed."""
        if not (_leads_to_terminal(sys.stdin) and _leads_to_terminal(self.err)):
            return None
        self.close()
        if is_secret:
            from getpass import getpass

            return getpass(escape(prompt) + " ", self.err)
        self.err.write(escape(prompt) + " ")
        self.err.flush()
        answer = sys.stdin.readline()
        return answer.rstrip("\n") if answer else None

    def progress(self) -> "ProgressLine":
        """A line of progress on standard error; it stays silent with -q and where nobody looks.

        Whatever is printed next takes its place.
        """
        self._progress = ProgressLine(self.err if self.verbosity >= 0 and _leads_to_terminal(self.err) else None)
        return self._progress

    def close(self) -> None:
        """Take the line of progress away."""
        if self._progress:
            self._progress.close()


class ProgressLine:
    """Counts items and bytes, and shows them from half a second on, ten times a second at most."""

    def __init__(self, stream: IO[str] | None) -> None:
        """Start to count; `stream` None shows nothing."""
        self._stream, self._items, self._bytes, self._width = stream, 0, 0, 0
        self._expected = 0  # items in all, as far as they are known
        self._began = time.monotonic()
        self._next = self._began + FIRST_PROGRESS_S

    def advance(self, items: int, size_bytes: int) -> None:
        """Count what was done."""
        self._items += items
        self._bytes += size_bytes
        if self._stream and (now := time.monotonic()) >= self._next:
            self._next = now + PROGRESS_EVERY_S
            self._show(now - self._began)

    def expect(self, items: int) -> None:
        """So many more items are to come."""
        self._expected = max(self._expected, self._items) + items

    def _show(self, seconds: float) -> None:
        text = f"{self._items} of {self._expected} done" if self._items < self._expected else f"{self._items} done"
        if self._bytes:
            text += f", {sized(self._bytes)}, {sized(int(self._bytes / seconds))}/s"
        assert self._stream
        self._stream.write(f"\r{text:<{self._width}}")
        self._stream.flush()
        self._width = len(text)

    def close(self) -> None:
        """Take the line away."""
        if self._stream and self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
            self._width = 0


def sized(size_bytes: int) -> str:
    """A size for people.

    >>> sized(1536)
    '1.5 KiB'
    """
    size, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _leads_to_terminal(stream: IO[str] | None) -> bool:
    try:
        return stream is not None and os.isatty(stream.fileno())
    except (OSError, ValueError):
        return False


def _never_fail(stream: IO[str]) -> None:
    """File names are bytes: those that are not text go out as the bytes they are, whatever the locale."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure:
        utf8 = str(getattr(stream, "encoding", "")).lower().replace("-", "") == "utf8"
        reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")

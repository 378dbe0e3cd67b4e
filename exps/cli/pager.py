"""A pager for what does not fit on the terminal: a program of the user's, started only then."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

_VARIABLES = ("EXPS_PAGER", "DVC_PAGER", "GIT_PAGER", "PAGER")  # the first that is set names the program
_DEFAULT = "less"
_LESS = "RSX"  # colours, lines that go on to the right, and the text stays when it ends
_NO_SUCH_PROGRAM = (126, 127)  # says the shell


def page(lines: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Show lines in the user's pager and wait until it is closed; False if there is none: nothing was shown."""
    program = next((environ[name] for name in _VARIABLES if name in environ), _DEFAULT)
    if program.strip() in ("", "cat"):
        return False
    import signal  # most tables fit
    import subprocess

    before = signal.signal(signal.SIGINT, lambda _signal, _frame: None)  # Ctrl-C is for the pager
    try:
        shown = subprocess.Popen(program, shell=True, stdin=subprocess.PIPE, env={"LESS": _LESS, **environ})
        with suppress(BrokenPipeError):  # closed before the end
            shown.communicate(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
        return shown.wait() not in _NO_SUCH_PROGRAM
    except OSError:
        return False
    finally:
        signal.signal(signal.SIGINT, before)


def size(stream: int, environ: Mapping[str, str]) -> tuple[int, int]:
    """Columns and lines of a terminal; COLUMNS and LINES come first. 80 x 24 where nobody knows."""
    try:
        columns, height = os.get_terminal_size(stream)
    except (OSError, ValueError):
        columns, height = 80, 24
    return _number(environ.get("COLUMNS")) or columns or 80, _number(environ.get("LINES")) or height or 24


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0

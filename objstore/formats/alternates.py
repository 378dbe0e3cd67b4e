r"""Lists of object folders: `objects/info/alternates` and `GIT_ALTERNATE_OBJECT_DIRECTORIES`.

    /plain/path<separator>"/quoted \t path"<separator># a comment<separator>

The separator is a line end in the file and ":" (";" on Windows) in the variable; inside of quotes it is a letter like
others. Authority: gitrepository-layout(5), git(1); git's `parse_alt_odb_entry`, `quote.c` (`unquote_c_style`).
"""

from collections.abc import Iterator

from ..patterns import re

_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"} | {
    b"\\": b"\\", b'"': b'"',
}  # fmt: skip
_OCTAL = rb"[0-3][0-7][0-7]"
_MARK = rb'["\\]'


def decode_alternates(text: bytes, separator: bytes = b"\n") -> Iterator[bytes]:
    r"""The paths in a list, in order. One whose quotes are broken is taken as it stands, as by git.

    >>> list(decode_alternates(b'/a:"/b:\\303\\244":#c:../d', b":"))
    [b'/a', b'/b:\xc3\xa4', b'../d']
    """
    at = 0
    while at < len(text):
        stop = text.find(separator, at)
        stop = stop if stop >= 0 else len(text)
        path = text[at:stop]
        if path.startswith(b'"') and (unquoted := _unquoted(text, at)):
            path, stop = unquoted
        elif path.startswith(b"#"):
            path = b""
        at = stop + text.startswith(separator, stop)
        if path:
            yield path


def _unquoted(text: bytes, at: int) -> tuple[bytes, int] | None:
    """What stands in the quotes that open at `at`, and the position behind them; None if they are broken."""
    parts, at, marks = [], at + 1, re.compile(_MARK)  # here: few repositories have such a list
    while stop := marks.search(text, at):
        parts.append(text[at : stop.start()])
        at = stop.end()
        if stop[0] == b'"':
            return b"".join(parts), at
        escaped, digits = _ESCAPES.get(text[at : at + 1]), text[at : at + 3]
        if escaped is None and not re.fullmatch(_OCTAL, digits):
            return None
        parts.append(escaped or bytes((int(digits, 8),)))
        at += 1 if escaped else 3
    return None

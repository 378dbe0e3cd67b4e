"""Heads of HTTP messages: what stands before a body, and how one knows where the body ends.

    request   "POST /path HTTP/1.1\\r\\n", fields "Name: value\\r\\n", then an empty line
    answer    "HTTP/1.1 200 OK\\r\\n", fields, then an empty line; those of status 1xx come before the real one
    body      as long as Content-Length says, or in chunks, or up to the end of the connection
    chunk     size in hexadecimal and perhaps ";…", "\\r\\n", the bytes, "\\r\\n"; size 0 is the end, behind it fields

Not here: connections and bodies (`transport/httpwire.py`). http.client does the same and takes as long to load as a
short command takes. Authority: RFC 9112; RFC 9110.
"""

from collections.abc import Callable, Iterable

from ..errors import BadName, Corrupt
from ..lighttyping import NamedTuple
from ..patterns import lazy_pattern

LONGEST_LINE = 1 << 16  # bytes
MOST_FIELDS = 100
ReadLine = Callable[[int], bytes]  # the next line with its end, cut off after that many bytes; b"" at the end
Fields = Iterable[tuple[str, str]]
_STATUS_LINE = lazy_pattern(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_CHUNK = lazy_pattern(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_BREAK = lazy_pattern("[\r\n\0]")
_WITHOUT_BODY = (204, 304)


class Head(NamedTuple):
    """The head of an answer. Names of fields are in small letters."""

    status: int
    fields: tuple[tuple[str, str], ...]
    stays_open: bool  # whether the connection can be used again
    is_chunked: bool
    length: int | None  # of the body in bytes; None where chunks or the end of the connection say so

    def get(self, name: str) -> str | None:
        """The value of a field, of several the first; None if there is none."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> list[str]:
        """The values of all fields of this name."""
        return _values(self.fields, name)

    @property
    def content_type(self) -> str:
        """The type of the body in small letters, as "text/html"; empty if the answer does not say."""
        return (self.get("content-type") or "").partition(";")[0].strip().lower()


def encode_request(method: str, target: str, fields: Fields) -> bytes:
    """The head of a request. Raises BadName, without the value, for a field that would be more than one."""
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in fields:
        if _BREAK.search(name + value):
            raise BadName(f"a line break or NUL in the header {name!r} of a request")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def read_head(readline: ReadLine, source: str) -> Head | None:
    """The head of the next answer; None where nothing comes any more. Raises Corrupt, naming `source`."""
    while line := _line(readline, source):
        found = _STATUS_LINE.fullmatch(line)
        if found is None:
            raise _no_http(source, f"{line[:60]!r}")
        status, fields = int(found[2]), read_fields(readline, source)
        if status >= 200:
            return _head(status, int(found[1]), fields, source)
    return None


def read_fields(readline: ReadLine, source: str) -> tuple[tuple[str, str], ...]:
    """Fields up to an empty line: of a head, or behind the last chunk. Raises Corrupt."""
    fields: list[tuple[str, str]] = []
    lines = 0  # one field can have many
    while (line := _line(readline, source)) not in (b"\r\n", b"\n"):
        if not line.endswith(b"\n"):
            raise _no_http(source, "the connection ended before the headers did")
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        name, colon, value = text.partition(":")
        if text[:1] in (" ", "\t") and fields:  # the old way to go on with a value
            fields[-1] = fields[-1][0], f"{fields[-1][1]} {text.strip()}"
        elif not colon or not name.strip():
            raise _no_http(source, f"{text[:60]!r} instead of a header")
        else:
            fields.append((name.strip().lower(), value.strip()))
        lines += 1
        if lines > MOST_FIELDS:
            raise _no_http(source, f"more than {MOST_FIELDS} headers")
    return tuple(fields)


def read_chunk_size(readline: ReadLine, source: str) -> int:
    """The size in bytes of the chunk that follows. Raises Corrupt."""
    line = _line(readline, source)
    found = _CHUNK.fullmatch(line)
    if found is None:
        raise _no_http(source, f"{line[:60]!r} instead of the size of a chunk")
    return int(found[1], 16)


def _line(readline: ReadLine, source: str) -> bytes:
    line = readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise _no_http(source, f"a line of more than {LONGEST_LINE} bytes")
    return line


def _head(status: int, minor: int, fields: tuple[tuple[str, str], ...], source: str) -> Head:
    words = {word.strip().lower() for value in _values(fields, "connection") for word in value.split(",")}
    stays_open = "keep-alive" in words if minor == 0 else "close" not in words
    codings = [word.strip().lower() for value in _values(fields, "transfer-encoding") for word in value.split(",")]
    if codings not in ([], ["chunked"]):
        raise _no_http(source, f"the transfer encoding {', '.join(codings)!r}")
    lengths = set(_values(fields, "content-length"))
    if len(lengths) > 1 or not all(each.isascii() and each.isdigit() and len(each) < 19 for each in lengths):
        raise _no_http(source, f"{', '.join(sorted(lengths))[:60]!r} as the length of the body")
    length = None if codings or not lengths else int(lengths.pop())
    if status in _WITHOUT_BODY:
        codings, length = [], 0
    return Head(status, fields, stays_open and (bool(codings) or length is not None), bool(codings), length)


def _values(fields: Fields, name: str) -> list[str]:
    return [value for each, value in fields if each == name]


def _no_http(source: str, why: str) -> Corrupt:
    return Corrupt(source, None, f"this is not HTTP: {why}")

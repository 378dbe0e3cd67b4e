"""Reflogs: one line for each time that a ref changed, oldest first.

    <hex id before> <hex id after> <name> <<mail>> <epoch seconds> <+hhmm>[\\t<message>]\\n

The id before is all zeros where the ref was made. Lines that are none are left out, as git does: a log is written
without being replaced, so its last line may be cut. Authority: git's `refs/files-backend.c` (`show_one_reflog_ent`).
"""
from collections.abc import Iterator

from ..errors import BadName
from ..ids import ObjectFormat, ObjectId
from ..lighttyping import NamedTuple
from ..patterns import lazy_pattern

_BLANKS = bytes.maketrans(b"\t\n\r\0", b"    ")  # no form feed: git's own table of what is a space
_COMMITTER = lazy_pattern(rb"[^>\n]*> 0*[1-9][0-9]* [+-][0-9]{4}")


class LogEntry(NamedTuple):
    """One change of a ref. `committer` is the line as stored: `objects.parse_signature` reads it."""

    old: ObjectId
    new: ObjectId
    committer: bytes
    message: bytes


def decode_log(content: bytes, form: ObjectFormat) -> Iterator[LogEntry]:
    """The entries of a log, oldest first."""
    lines = content.split(b"\n")
    return filter(None, (decode_entry(line, form) for line in lines[:-1]))


def decode_entry(line: bytes, form: ObjectFormat) -> LogEntry | None:
    """The entry that a line, without its end, holds; None if git would not read it."""
    digits = 2 * form.width
    committer = _COMMITTER.match(line, 2 * digits + 2)
    if committer is None or line[digits : digits + 1] + line[2 * digits + 1 : 2 * digits + 2] != b"  ":
        return None
    try:
        old, new = form.parse_id(line[:digits]), form.parse_id(line[digits + 1 : 2 * digits + 1])
    except BadName:
        return None
    return LogEntry(old, new, committer[0], line[committer.end() :].removeprefix(b"\t"))


def encode_entry(entry: LogEntry) -> bytes:
    """The line of an entry, with its end. Any run of blanks and line ends in the message becomes one space, as in git.

    Raises BadName for a committer that a line cannot hold.
    """
    if not _COMMITTER.fullmatch(entry.committer):
        raise BadName(f"a reflog cannot hold the committer {entry.committer!r}")
    message = b" ".join(filter(None, entry.message.translate(_BLANKS).split(b" ")))
    line = b"%s %s %s" % (entry.old.hex().encode(), entry.new.hex().encode(), entry.committer)
    return line + (b"\t" + message if message else b"") + b"\n"

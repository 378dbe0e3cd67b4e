"""Refs as text: names and their rules, loose ref files, the packed-refs file.

    loose ref     "<hex id>\\n" or "ref: <name>\\n"
    packed-refs   "# pack-refs with: peeled fully-peeled sorted \\n" (the words may be missing)
                  "<hex id> <name>\\n", then "^<hex id>\\n" for what an annotated tag points to

Names are str, surrogateescape for bytes that are not UTF-8. Only where the first line says "sorted", in the order of
their bytes, a record is found by bisection; the content may be a memory map then. Authority: git-check-ref-format(1),
git-pack-refs(1), git's `refs/packed-backend.c`.
"""
from collections.abc import Iterable, Mapping
from itertools import repeat
from operator import itemgetter

from ..errors import BadName, Corrupt
from ..ids import ObjectFormat, ObjectId
from ..lighttyping import TYPE_CHECKING, NamedTuple
from ..patterns import lazy_pattern, re

if TYPE_CHECKING:
    from mmap import mmap

    Content = bytes | mmap

ONE_LEVEL = frozenset({"HEAD", "ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"})
_RULES = {  # what must not be found in a name, and why
    r"\A(?!refs/)": "it does not start with 'refs/'",
    r"//|/\Z": "a part of it is empty",
    r"/\.": "a part of it starts with '.'",
    r"\.lock(?=/|\Z)": "a part of it ends with '.lock'",
    r"[\x00-\x20~^:?*\[\\\x7f\ud800-\udc7f\udd00-\udfff]|\.\.|@\{": "it holds {!r}",  # the last: no bytes of any file
    r"\.\Z": "it ends with '.'",
}
_HEADER = b"# pack-refs with:"
_NEW_HEADER = _HEADER + b" peeled fully-peeled sorted \n"  # as git writes it
_PARTS = r"refs(?:/[\w+-]++(?:\.[\w+-]++)*+(?<!\.lock))++"  # most names; to search for faults takes ten times as long
_PLAIN_BYTES = (
    bytes(byte for byte in range(32, 256) if byte not in b"~:?*[\\{\x7f") + b"\n"
)  # in names, and around them
_ODD_PARTS = (b"//", b"/\n", b"..", b"./", b"/.", b".\n", b".lock")
_BLANKS = " \t\n\v\f\r"
_FAULT = lazy_pattern("|".join(f"({rule})" for rule in _RULES))
_PLAIN = lazy_pattern(_PARTS)


class SymbolicRef(NamedTuple):
    """A ref that names another one."""

    target: str


class Ref(NamedTuple):
    """A ref as listed: where it leads, or why it leads nowhere."""

    name: str
    id: ObjectId | None
    broken: str | None


def check_name(name: str) -> None:
    """Raise BadName, saying which rule is broken, unless git accepts `name` as a full ref name.

    Outside of `refs/` only the names in `ONE_LEVEL` are refs: "config" and "hooks/x" are files of the Git folder too.
    """
    if name in ONE_LEVEL or _PLAIN.fullmatch(name):
        return
    fault = _FAULT.search(name)
    if fault:
        why = list(_RULES.values())[(fault.lastindex or 0) - 1].format(fault.group())
        raise BadName(f"bad ref name {name!r}: {why}")


def decode_loose(content: bytes, form: ObjectFormat, source: str) -> ObjectId | SymbolicRef:
    """What a loose ref file says. Raises Corrupt for anything else, the id that is all zeros among it.

    White space may follow, and after it whatever there is, as in FETCH_HEAD. Source: git's `refs/files-backend.c`,
    `parse_loose_ref_contents`.
    """
    text = content.decode("utf-8", "surrogateescape")
    digits, rest = text[: 2 * form.width], text[2 * form.width :]
    if not text:
        raise Corrupt(source, 0, "the file is empty")
    try:
        if text.startswith("ref:"):
            target = text[4:].strip(_BLANKS)
            check_name(target)
            return SymbolicRef(target)
        id_ = form.parse_id(digits)
    except BadName as wrong:
        raise Corrupt(source, 0, str(wrong)) from None
    if not any(id_) or rest[:1] not in _BLANKS:
        raise Corrupt(source, 0, f"not a ref: {text[:80]!r}")
    return id_


def encode_loose(id_: ObjectId) -> bytes:
    """The content of a loose ref file."""
    return id_.hex().encode() + b"\n"


def decode_packed(content: "Content", form: ObjectFormat, source: str, prefix: str = "") -> list[Ref]:
    """The refs of a packed-refs file below `prefix`, which is empty or ends with "/", in the order of `by_name`.

    A name that breaks the rules and an id that is all zeros make a broken ref. Raises Corrupt with the line's number.
    """
    start, is_sorted = _header(content, source)
    end, wanted = len(content), _bytes(prefix)
    if is_sorted and prefix:
        start = _find_place(content, wanted, (start, end), form, source)
        end = _find_place(content, wanted[:-1] + b"0", (start, end), form, source)  # "0" is what follows "/"
    found = _decode_plain(content[start:end], form) or _decode_lines(content, (start, end), form, source)
    return found if is_sorted else sorted((ref for ref in found if ref.name.startswith(prefix)), key=by_name)


def by_name(ref: Ref) -> bytes:
    """The key that puts refs in git's order: that of the bytes of their names."""
    return _bytes(ref.name)


def find_packed(content: "Content", name: str, form: ObjectFormat, source: str) -> Ref | None:
    """The ref `name` of a packed-refs file; None if it is not there. Raises Corrupt with the line's number."""
    place = _find_record(content, _bytes(name), form, source)
    return _decode_lines(content, place, form, source)[0] if place else None


def without_packed(content: bytes, names: Iterable[str], form: ObjectFormat, source: str) -> bytes:
    """A packed-refs file without these refs; all else stays as it is. Raises Corrupt with the line's number."""
    if content and not content.endswith(b"\n"):
        raise _corrupt(content, len(content) - 1, source, "the last line does not end")
    wanted = [_bytes(name) for name in names]
    while places := sorted(filter(None, (_find_record(content, name, form, source) for name in wanted))):
        ends = [0, *(end for _, end in places)]
        starts = [*(start for start, _ in places), len(content)]
        content = b"".join(content[end:start] for end, start in zip(ends, starts, strict=True))
    return content


def with_packed(content: bytes, refs: Mapping[str, ObjectId], form: ObjectFormat, source: str) -> bytes:
    """A packed-refs file with these refs as well, which it does not have and which lead to no tags.

    The order is kept where there is one. Raises Corrupt with the line's number.
    """
    if not refs:
        return content
    content = content or _NEW_HEADER
    if not content.endswith(b"\n"):
        raise _corrupt(content, len(content) - 1, source, "the last line does not end")
    new = {_bytes(name): f"{id_.hex()} {name}\n".encode("utf-8", "surrogateescape") for name, id_ in refs.items()}
    start, is_sorted = _header(content, source)
    if not is_sorted:
        return content + b"".join(new.values())
    at = low = _find_place(content, min(new), (start, len(content)), form, source)
    high = _find_place(content, max(new), (low, len(content)), form, source)
    while at < high:
        end = _record_end(content, at, source)
        new[content[at + 2 * form.width + 1 : _line_end(content, at, source) - 1]] = content[at:end]
        at = end
    return content[:low] + b"".join(record for _, record in sorted(new.items())) + content[high:]


def _header(content: "Content", source: str) -> tuple[int, bool]:
    """Where the records start, and whether they are in order."""
    if content[:1] != b"#":
        return 0, False
    end = _line_end(content, 0, source)
    if not content[:end].startswith(_HEADER):
        raise _corrupt(content, 0, source, f"not a header: {content[: min(end, 80)]!r}")
    return end, b"sorted" in content[len(_HEADER) : end].split()


def _find_record(content: "Content", name: bytes, form: ObjectFormat, source: str) -> tuple[int, int] | None:
    """Where the record of a name starts and ends, with its "^" line; None if there is none."""
    start, is_sorted = _header(content, source)
    if is_sorted:
        start = _find_place(content, name, (start, len(content)), form, source)
    else:
        start = _find_line(content, name, start, form)
    line = content[start : _line_end(content, start, source)] if start < len(content) else b""
    return (start, _record_end(content, start, source)) if line[2 * form.width + 1 :] == name + b"\n" else None


def _find_place(content: "Content", name: bytes, within: tuple[int, int], form: ObjectFormat, source: str) -> int:
    """Where the first record stands, among those in order, whose name is `name` or comes after it."""
    (low, high), digits = within, 2 * form.width
    while low < high:
        start = _record_start(content, low, (low + high) // 2)
        end = _line_end(content, start, source)
        if content[start + digits : start + digits + 1] != b" ":
            raise _corrupt(content, start, source, f"not a ref: {content[start : min(end, start + 80)]!r}")
        if content[start + digits + 1 : end - 1] < name:
            low = _record_end(content, start, source)
        else:
            high = start
    return low


def _find_line(content: "Content", name: bytes, start: int, form: ObjectFormat) -> int:
    """Where the first line of a name stands among records in no order; the end of the content if there is none."""
    after_id = b" " + name + b"\n"
    at = content.find(after_id, start)
    while at >= 0:
        line = at - 2 * form.width
        if line == start or (line > start and content[line - 1 : line] == b"\n"):
            return line
        at = content.find(after_id, at + 1)
    return len(content)


def _record_start(content: "Content", low: int, at: int) -> int:
    """Where the record around a place starts; one starts at `low`."""
    start = content.rfind(b"\n", low, at) + 1 or low
    while start > low and content[start : start + 1] == b"^":
        start = content.rfind(b"\n", low, start - 1) + 1 or low
    return start


def _record_end(content: "Content", start: int, source: str) -> int:
    end = _line_end(content, start, source)
    while content[end : end + 1] == b"^":
        end = _line_end(content, end, source)
    return end


def _line_end(content: "Content", start: int, source: str) -> int:
    """The place after a line and its end."""
    end = content.find(b"\n", start) + 1
    if not end:
        raise _corrupt(content, start, source, "the last line does not end")
    return end


def _decode_plain(records: bytes, form: ObjectFormat) -> list[Ref] | None:
    """The same as `_decode_lines` in a fifth of its time (bench/refs.py), where no line is odd; None where one is."""
    if records.translate(None, _PLAIN_BYTES) or any(part in records for part in _ODD_PARTS if part[0] in records):
        return None
    lines, digits = records.decode("utf-8", "surrogateescape").split("\n"), 2 * form.width
    if lines.pop() or (b"^" in records and not _drop_peeled(lines, form)):
        return None
    parts = ((0, digits), (digits, digits + 6), (digits + 1, None))
    id_of, start_of, name_of = (itemgetter(slice(*part)) for part in parts)  # and `map`: a third less than a loop takes
    if {*map(start_of, lines)} - {" refs/"} or records.count(b" ") != len(lines):
        return None
    ids = map(ObjectId, map(bytes.fromhex, map(id_of, lines)))
    try:
        found = list(map(tuple.__new__, repeat(Ref), zip(map(name_of, lines), ids, repeat(None))))
    except ValueError:
        return None
    return None if bytes(form.width) in map(itemgetter(1), found) else found


def _drop_peeled(lines: list[str], form: ObjectFormat) -> bool:
    """Take the lines with a "^" out; whether all of these are good ones and stand behind others."""
    is_peeled = re.compile(rf"\^[0-9a-f]{{{2 * form.width}}}").fullmatch
    is_good = "^" not in lines[0] and all(is_peeled(line) for line in lines if "^" in line)
    lines[:] = [line for line in lines if "^" not in line]
    return is_good


def _decode_lines(content: "Content", place: tuple[int, int], form: ObjectFormat, source: str) -> list[Ref]:
    start, end = place
    found: list[Ref] = []
    while start < end:
        line = content[start : _line_end(content, start, source) - 1]
        try:
            if line[:1] == b"^" and found:
                form.parse_id(line[1:])
            else:
                found.append(_decode_line(line, form))
        except BadName as wrong:
            raise _corrupt(content, start, source, str(wrong)) from None
        start += len(line) + 1
    return found


def _decode_line(line: bytes, form: ObjectFormat) -> Ref:
    """The ref of a line; raises BadName where there is none."""
    width = 2 * form.width
    id_, name = form.parse_id(line[:width]), line[width + 1 :].decode("utf-8", "surrogateescape")
    if line[width : width + 1] != b" ":
        raise BadName(f"not a ref: {line[:80]!r}")
    try:
        check_name(name)
    except BadName as error:
        return Ref(name, None, str(error))
    return Ref(name, id_, None) if any(id_) else Ref(name, None, "its id is all zeros")


def _corrupt(content: "Content", at: int, source: str, why: str) -> Corrupt:
    """The error about the line around a place."""
    return Corrupt(source, content[:at].count(b"\n") + 1, why)


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")

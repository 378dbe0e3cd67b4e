"""Refs as text: names and their rules, loose ref files, the packed-refs file.

    loose ref     "<hex id>\\n" or "ref: <name>\\n"
    packed-refs   "# pack-refs with: peeled fully-peeled sorted \\n"
                  "<hex id> <name>\\n", then "^<hex id>\\n" for what an annotated tag points to

Names are str, surrogateescape for bytes that are not UTF-8. Authority: git-check-ref-format(1), git-pack-refs(1),
git's `refs/packed-backend.c`.
"""
import re
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import BadName, Corrupt
from ..ids import ObjectFormat, ObjectId

ONE_LEVEL = frozenset({"HEAD", "ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"})
_RULES = {  # what must not be found in a name, and why
    r"\A(?!refs/)": "it does not start with 'refs/'",
    r"//|/\Z": "a part of it is empty",
    r"/\.": "a part of it starts with '.'",
    r"\.lock(?=/|\Z)": "a part of it ends with '.lock'",
    r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{": "it holds {!r}",
    r"\.\Z": "it ends with '.'",
}
_PLAIN = re.compile(r"refs(?:/[\w+-]+)+")  # what most names are; the search for faults takes ten times as long
_BLANKS = " \t\n\v\f\r"
_FAULT = re.compile("|".join(f"({rule})" for rule in _RULES))


class SymbolicRef(NamedTuple):
    """A ref that names another one."""

    target: str


class PackedRef(NamedTuple):
    """A line of packed-refs. `peeled` is what an annotated tag points to, None if the file does not say."""

    name: str
    id: ObjectId
    peeled: ObjectId | None


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


def decode_packed(content: bytes, form: ObjectFormat, source: str, prefix: str = "") -> Iterator[PackedRef]:
    """The refs of a packed-refs file below `prefix`, in the file's order. Raises Corrupt with the line's number."""
    wanted, digits = prefix.encode("utf-8", "surrogateescape"), 2 * form.width
    lines = content.split(b"\n")
    if lines.pop() != b"":
        raise Corrupt(source, len(lines) + 1, "the last line does not end")
    for number, line in enumerate(lines):
        if line[:1] in (b"#", b"^") or not line.startswith(wanted, digits + 1):
            if not (line[:1] in (b"#", b"^") or line[digits : digits + 1] == b" "):
                raise Corrupt(source, number + 1, f"not a ref: {line[:80]!r}")
            continue
        try:
            follows = lines[number + 1] if number + 1 < len(lines) else b""
            peeled = form.parse_id(follows[1:]) if follows[:1] == b"^" else None
            id_ = form.parse_id(line[:digits])
        except BadName as wrong:
            raise Corrupt(source, number + 1, str(wrong)) from None
        if line[digits : digits + 1] != b" ":
            raise Corrupt(source, number + 1, f"not a ref: {line[:80]!r}")
        yield PackedRef(line[digits + 1 :].decode("utf-8", "surrogateescape"), id_, peeled)

"""Refs as text: names and their rules, loose ref files, the packed-refs file.

    loose ref     "<hex id>\\n" or "ref: <name>\\n"
    packed-refs   "# pack-refs with: peeled fully-peeled sorted \\n"
                  "<hex id> <name>\\n", then "^<hex id>\\n" for what an annotated tag points to

Names are str, surrogateescape for bytes that are not UTF-8. Authority: git-check-ref-format(1), git-pack-refs(1),
git's `refs/packed-backend.c`.
"""
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import BadName, Corrupt
from ..ids import ObjectFormat, ObjectId

_FORBIDDEN = frozenset(map(chr, range(32))) | frozenset(" ~^:?*[\\\x7f")
ONE_LEVEL = frozenset({"HEAD", "ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"})


class SymbolicRef(NamedTuple):
    """A ref that names another one."""

    target: str


class PackedRef(NamedTuple):
    """A line of packed-refs. `peeled` is what an annotated tag points to, None if the file does not say."""

    name: str
    id: ObjectId
    peeled: ObjectId | None


def check_name(name: str) -> None:
    """Raise BadName, saying which rule is broken, unless git accepts `name` as a full ref name."""
    parts = name.split("/")
    if name in ONE_LEVEL:
        return
    why = None
    if len(parts) < 2:
        why = "it has no '/'"
    elif not all(parts):
        why = "a part of it is empty"
    elif any(part.startswith(".") for part in parts):
        why = "a part of it starts with '.'"
    elif any(part.endswith(".lock") for part in parts):
        why = "a part of it ends with '.lock'"
    elif not _FORBIDDEN.isdisjoint(name):
        why = f"it holds {min(_FORBIDDEN.intersection(name))!r}"
    elif ".." in name or "@{" in name:
        why = "it holds '..' or '@{'"
    elif name.endswith("."):
        why = "it ends with '.'"
    if why:
        raise BadName(f"bad ref name {name!r}: {why}")


def decode_loose(content: bytes, form: ObjectFormat, source: str) -> ObjectId | SymbolicRef:
    """What a loose ref file says; trailing white space is ignored. Raises Corrupt for anything else."""
    text = content.decode("utf-8", "surrogateescape")
    if text.startswith("ref:"):
        target = text[4:].strip(" \t\r\n")
        try:
            check_name(target)
        except BadName as wrong:
            raise Corrupt(source, 0, str(wrong)) from None
        return SymbolicRef(target)
    digits = text[: 2 * form.width]
    if text[2 * form.width :].strip(" \t\r\n"):
        raise Corrupt(source, 2 * form.width, f"text after the id: {text[:60]!r}")
    try:
        return form.parse_id(digits)
    except BadName as wrong:
        raise Corrupt(source, 0, str(wrong)) from None


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

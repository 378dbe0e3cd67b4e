"""The note of an experiment: provenance, remarks, tags, a star. One JSON document with sorted keys.

    {"<key>": {"at": <epoch seconds>, "value": <any JSON>}, …}

Two documents merge key by key: the newer value wins, of two of one second the greater JSON, so that both sides come to
the same; tags, a list of texts, by union. What is not such a document (a note that somebody wrote with `git notes`) is
text, and merges line by line. Described in docs/formats/notes.md.
"""

import json
from typing import Any

TAGS = "tags"
_MAX = 1 << 20  # bytes: what is larger is kept, but not looked into

Note = dict[str, dict[str, Any]]


def decode(content: bytes) -> Note | None:
    """What a note says; None if it is not such a document."""
    try:
        said = json.loads(content) if len(content) <= _MAX else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not all(map(_is_entry, said.values())):
        return None
    return said


def _is_entry(entry: object) -> bool:
    at = entry.get("at") if isinstance(entry, dict) else None
    return isinstance(at, (int, float)) and not isinstance(at, bool) and "value" in entry  # type: ignore[operator]


def encode(note: Note) -> bytes:
    """The bytes of a note: one line."""
    return _json(note).encode() + b"\n"


def _json(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()  # half a character, which JSON can hold, becomes "?"


def merge(mine: bytes | None, theirs: bytes | None) -> bytes | None:
    """What two notes of one experiment say together; the same whichever of them is whose. None: there is no note."""
    if mine is None or theirs is None or mine == theirs:
        return theirs if mine is None else mine
    ours, others = decode(mine), decode(theirs)
    if ours is None or others is None:
        return _lines(mine, theirs)
    return encode({key: _later(key, ours.get(key), others.get(key)) for key in {*ours, *others}})


def _later(key: str, mine: dict[str, Any] | None, theirs: dict[str, Any] | None) -> dict[str, Any]:
    if mine is None or theirs is None:
        return mine or theirs or {}
    first, last = sorted((mine, theirs), key=lambda entry: (entry["at"], _json(entry)))
    tags = first["value"], last["value"]
    if key == TAGS and all(isinstance(each, list) and all(isinstance(tag, str) for tag in each) for each in tags):
        return {**last, "value": sorted({*tags[0], *tags[1]})}
    return last


def _lines(mine: bytes, theirs: bytes) -> bytes:
    """Both texts, each line once, sorted: as git's `cat_sort_uniq`."""
    lines = {line for text in (mine, theirs) for line in text.splitlines() if line}
    return b"".join(line + b"\n" for line in sorted(lines))

"""Annotated tags as Git stores them; what is read is taken as it comes, nothing is written.

    object <hex id>
    type <kind of the object>
    tag <name>
    tagger <signature>          missing in tags of before 2005

    message

Authority: git-mktag(1), git's `tag.c`.
"""
from ..errors import BadName, Corrupt
from ..ids import KINDS, Kind, ObjectFormat, ObjectId
from ..lighttyping import NamedTuple


class Tag(NamedTuple):
    """An annotated tag. `kind` is what it says of its target; `tagger` is the line as stored, None if there is none."""

    target: ObjectId
    kind: Kind
    name: bytes
    tagger: bytes | None
    message: bytes


def decode_tag(content: bytes, form: ObjectFormat, source: str = "tag") -> Tag:
    """Read a tag; raises Corrupt unless it begins with object, type and name, in this order."""
    header, _, message = content.partition(b"\n\n")
    fields = [line.partition(b" ")[::2] for line in header.removesuffix(b"\n").split(b"\n")]
    if [key for key, _ in fields[:3]] != [b"object", b"type", b"tag"]:
        raise Corrupt(source, 0, f"not the start of a tag: {content[:60]!r}")
    kind = next((kind for kind in KINDS if kind.encode() == fields[1][1]), None)
    if kind is None:
        raise Corrupt(source, None, f"a tag of an unknown kind of object: {fields[1][1]!r}")
    try:
        target = form.parse_id(fields[0][1])
    except BadName as wrong:
        raise Corrupt(source, None, str(wrong)) from None
    return Tag(target, kind, fields[2][1], dict(fields[3:4]).get(b"tagger"), message)

"""Object ids, object kinds and the hash a repository is made with. No objects, no files.

An id is raw bytes everywhere; `str(id)` is its hexadecimal form. Its width (20 or 32 bytes) is a property of the
repository: whoever slices ids out of bytes takes the `ObjectFormat`, never a literal 20.
"""
from typing import TYPE_CHECKING, Literal, NamedTuple

from .errors import BadName

if TYPE_CHECKING:
    from hashlib import _Hash

Kind = Literal["blob", "tree", "commit", "tag"]
KINDS: tuple[Kind, ...] = ("blob", "tree", "commit", "tag")


class ObjectId(bytes):
    """The name of an object: 20 (SHA-1) or 32 (SHA-256) raw bytes.

    >>> str(ObjectId(bytes(20)))
    '0000000000000000000000000000000000000000'
    """

    __slots__ = ()

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"ObjectId({self.hex()!r})"


class ObjectFormat(NamedTuple):
    """The hash that names a repository's objects: `extensions.objectFormat`."""

    name: str
    width: int  # bytes of an id

    def hasher(self, start: bytes = b"") -> "_Hash":
        """A running hash over `start`; feed the rest by `update`."""
        import hashlib  # loads OpenSSL, a fifth of the start-up of a command that hashes nothing

        return hashlib.new(self.name, start, usedforsecurity=False)

    def name_object(self, kind: Kind, content: bytes) -> ObjectId:
        """The id of an object of this kind and content. Source: gitformat-loose(5), "hash"."""
        hasher = self.hasher(b"%s %d\0" % (kind.encode(), len(content)))
        hasher.update(content)
        return ObjectId(hasher.digest())

    def parse_id(self, text: str | bytes) -> ObjectId:
        """The id that full-width hexadecimal `text` spells; raises BadName for anything else."""
        digits = text.decode("latin-1") if isinstance(text, bytes) else text
        if len(digits) != 2 * self.width or not _HEX.issuperset(digits):
            raise BadName(f"bad object id {digits!r}: {2 * self.width} hexadecimal digits are needed")
        return ObjectId(bytes.fromhex(digits))


_HEX = frozenset("0123456789abcdefABCDEF")
SHA1 = ObjectFormat("sha1", 20)
SHA256 = ObjectFormat("sha256", 32)
OBJECT_FORMATS = {each.name: each for each in (SHA1, SHA256)}

"""Object ids, object kinds and the hash a repository is made with. No objects, no files.

An id is raw bytes everywhere; `str(id)` is its hexadecimal form. Its width (20 or 32 bytes) is a property of the
repository: whoever slices ids out of bytes takes the `ObjectFormat`, never a literal 20.
"""

import sys

from .errors import BadName
from .lighttyping import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
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
        """A running hash over `start`, for much content; feed the rest by `update`."""
        new = _LOADED.get(self.name)
        if new is None:
            import hashlib  # loads OpenSSL, a tenth of the time of a short command

            new = _LOADED[self.name] = getattr(hashlib, self.name)  # hashlib.new takes twice as long for a small file
        return new(start, usedforsecurity=False)

    def digest(self, content: bytes | bytearray | memoryview, start: bytes = b"") -> bytes:
        """The hash over `start` and `content`."""
        known = self.name in _LOADED
        small = _small_hash(self.name) if len(content) < _SMALL and not known else None
        hasher = small(start) if small else self.hasher(start)
        hasher.update(content)
        return hasher.digest()

    def name_object(self, kind: Kind, content: bytes) -> ObjectId:
        """The id of an object of this kind and content. Source: gitformat-loose(5), "hash"."""
        start, new = b"%s %d\0" % (kind.encode(), len(content)), _LOADED.get(self.name)
        if new is None:
            return ObjectId(self.digest(content, start))
        hasher = new(start, usedforsecurity=False)  # what `digest` does, for a hundred thousand files
        hasher.update(content)
        return ObjectId(hasher.digest())

    def parse_id(self, text: str | bytes) -> ObjectId:
        """The id that full-width hexadecimal `text` spells; raises BadName for anything else."""
        digits = text.decode("latin-1") if isinstance(text, bytes) else text
        if len(digits) != 2 * self.width or not _HEX.issuperset(digits):
            raise BadName(f"bad object id {digits!r}: {2 * self.width} hexadecimal digits are needed")
        return ObjectId(bytes.fromhex(digits))


_LOADED: "dict[str, Callable[..., _Hash]]" = {}  # OpenSSL's hashes that were needed, by name
_SMALL = 1 << 16  # bytes, below which loading OpenSSL's hash costs more than it saves (bench/save.py)


def _small_hash(name: str) -> "Callable[[bytes], _Hash] | None":
    """Python's own hash, which is there at once; None once OpenSSL's is loaded, or where there is none."""
    if name != "sha1" or "hashlib" in sys.modules:
        return None
    try:
        from _sha1 import sha1  # type: ignore[import-not-found]
    except ImportError:  # another Python
        return None
    made: Callable[[bytes], _Hash] = sha1
    return made


_HEX = frozenset("0123456789abcdefABCDEF")
SHA1 = ObjectFormat("sha1", 20)
SHA256 = ObjectFormat("sha256", 32)
OBJECT_FORMATS = {each.name: each for each in (SHA1, SHA256)}

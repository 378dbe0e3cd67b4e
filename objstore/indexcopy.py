"""A private copy of a user's index that remembers what a snapshot had to read, so that the next one need not.

It is an index in Git's own format: the entries of the user's, those that were looked at with the stat data, mode and id
that their file had then, and the trees that they make. One more extension says what it was made from:

    "EXPS"   hash over the user's index without its trailer (20 or 32 bytes)
             time before the first lstat of the snapshot that made it, ns since the epoch (8 bytes, big-endian)
             fingerprint of what decides how the files that were read are converted (20 or 32 bytes)
             their folders, "a/b/", each ended by NUL

Deleting or corrupting it only costs time; it is believed only for just the index that it was made from, and while
attributes and settings are what they were.
"""
import os
from collections.abc import Callable, Iterable, Mapping
from struct import Struct

from .errors import Corrupt, Unsupported
from .formats.index import CachedTree, Index, encode_tree_cache
from .ids import ObjectFormat
from .stores.files import Sharing, read_file, replace_file
from .writetree import Stored

EXTENSION = b"EXPS"
_STAT = Struct(">4I4xIIIII")  # ctime s, ns, mtime s, ns, (device), inode, mode, uid, gid, size

Fingerprint = Callable[[Iterable[bytes]], bytes]  # folders → a hash over what decides how their files are converted
# entry number → what its file holds, and its stat data then; None: it must be compared the next time, too
Looked = Mapping[int, tuple[Stored, os.stat_result] | None]


class IndexCopy:
    """The copy in one file."""

    def __init__(self, path: str, form: ObjectFormat, sharing: Sharing) -> None:
        """Look at the file `path`, which need not exist."""
        self._path, self._form, self._sharing = path, form, sharing

    def get(self, key: bytes, fingerprint: Fingerprint) -> Index | None:
        """The copy, if it was made from the index whose bytes have the hash `key`; None otherwise.

        None too if `fingerprint` of the folders with files that were read is another now.
        """
        try:
            content = read_file(self._path)
            index = Index(content, self._form, self._path) if content and any(content[-self._form.width :]) else None
        except (OSError, Corrupt, Unsupported):
            return None
        made = index.extension(EXTENSION) if index else None
        width = self._form.width
        if index is None or made is None or made[:width] != key or len(made) < 2 * width + 8:
            return None
        if fingerprint(_folders(made[2 * width + 8 :])) != made[width + 8 : 2 * width + 8]:
            return None
        index.written_ns = int.from_bytes(made[width : width + 8], "big")
        return index

    def write(
        self, key: bytes, index: Index, looked: Looked, tree: CachedTree, began_ns: int, fingerprint: Fingerprint
    ) -> None:
        """Remember `index` with what was looked at. A folder that cannot be written is no reason to fail."""
        before = _folders((index.extension(EXTENSION) or b"")[2 * self._form.width + 8 :])
        paths = map(index.path, looked)
        folders = sorted({*before, *(path[: path.rfind(b"/") + 1] for path in paths)})
        made = key + began_ns.to_bytes(8, "big") + fingerprint(folders) + b"".join(each + b"\0" for each in folders)
        content = bytearray(index.entries_bytes())
        for number, seen in looked.items():
            at = index.offsets[number]
            if seen is None:
                content[at + _STAT.size - 4 : at + _STAT.size] = bytes(4)  # git's mark for it: no size
                continue
            (mode, id_), found = seen
            times = (*divmod(found.st_ctime_ns, 10**9), *divmod(found.st_mtime_ns, 10**9))
            numbers = (*times, found.st_ino, mode, found.st_uid, found.st_gid, found.st_size)
            _STAT.pack_into(content, at, *(each & 0xFFFFFFFF for each in numbers))
            content[at + _STAT.size : at + _STAT.size + len(id_)] = id_
        for name, extension in ((b"TREE", encode_tree_cache(tree)), (EXTENSION, made)):
            content += name + len(extension).to_bytes(4, "big") + extension
        content += self._form.digest(content)
        try:
            replace_file(self._path, bytes(content), self._sharing, durable=False)
        except OSError:
            return


def _folders(content: bytes) -> list[bytes]:
    return content.split(b"\0")[:-1]

"""The packs of one `objects/pack` folder: which of them holds an object.

A pack exists if its `.idx` does. Whoever misses an object calls `rescan()` once: a repack may have moved it. A pack
that cannot be read hides no other one. A multi-pack-index is a hint: what it does not know is looked for in the end in
every pack, where it says an object is, the index of that pack is asked, and one that is broken is passed over.
"""

import errno
import os
from collections.abc import Callable, Iterator

from ..errors import GitError
from ..formats.midx import MultiPackIndex
from ..ids import ObjectFormat, ObjectId
from ..lighttyping import TypeVar
from .files import read_file
from .loose import StoredObject
from .packfile import DeltaBases, Pack, map_file

_MANY = 2  # packs from which on a multi-pack-index is asked

T = TypeVar("T")


class PackStore:
    """All packs of a folder, the one that had the last object first."""

    def __init__(self, path: str, form: ObjectFormat) -> None:
        """Look at the folder `path`, which need not exist."""
        self._path, self._form = path, form
        self._packs: dict[str, Pack] | None = None  # by name, without suffix
        self._last: Pack | None = None
        self._listed: list[MultiPackIndex] = []
        self._unlisted: list[Pack] = []  # in no multi-pack-index
        self._has_lost = False
        self._bases = DeltaBases()
        self.fault: GitError | None = None  # why a pack could not be read, since the last look at the folder

    def rescan(self) -> bool:
        """Look at the folder again; whether packs have come since, or one was gone when it was looked for."""
        known, has_lost = self._packs or {}, self._has_lost
        names = _names_in(self._path)
        packs = [name[:-4] for name in sorted(names) if name.endswith(".idx")]
        self._packs = {name: known.get(name) or Pack(f"{self._path}/{name}", self._form, self._bases) for name in packs}
        self._listed = list(self._multi_pack_indexes(names)) if len(packs) >= _MANY else []
        listed = {name for each in self._listed for name in each.packs}
        self._unlisted = [pack for name, pack in self._packs.items() if name not in listed]
        self._last, self._has_lost, self.fault = None, False, None
        return has_lost or not known.keys() >= self._packs.keys()

    def is_guided(self) -> bool:
        """Whether there is a multi-pack-index: then `search` may find what `locate` does not."""
        return bool(self._listed)

    def _multi_pack_indexes(self, names: list[str]) -> Iterator[MultiPackIndex]:
        """Those that can be read: where one is broken, each pack is asked."""
        paths = [f"{self._path}/multi-pack-index"] if "multi-pack-index" in names else []
        if "multi-pack-index.d" in names:
            chain = f"{self._path}/multi-pack-index.d"
            hashes = (read_file(f"{chain}/multi-pack-index-chain") or b"").split()
            paths += [f"{chain}/multi-pack-index-{each.hex()}.midx" for each in map(_unhex, hashes) if each]
        for path in paths:
            try:
                yield MultiPackIndex(map_file(path), self._form.width, path)
            except (GitError, OSError):
                continue

    def packs(self) -> list[Pack]:
        """All packs, as they were when the folder was looked at last."""
        if self._packs is None:
            self.rescan()
        return list((self._packs or {}).values())

    def locate(self, id_: bytes) -> tuple[Pack, int] | None:
        """A pack that holds an object, open, and where in it; None if none does, as far as is known.

        That a multi-pack-index does not know an object is believed: ask `search`, after a `rescan`, to be sure.
        """
        if self._packs is None:
            self.rescan()
        if self._last:  # open already, as a rule: the short way (bench/objects.py)
            try:
                offset = self._last.index.get(id_)
            except (OSError, GitError):
                offset = None
            if offset is not None:
                return self._last, offset
        for guide in self._listed:
            pack = (self._packs or {}).get(guide.pack_of(id_) or "")
            if pack and (place := self._look(pack, id_)):
                return place
        unlisted = self._unlisted
        for number, pack in enumerate(unlisted):
            if pack is not self._last and (place := self._look(pack, id_)):
                unlisted.insert(0, unlisted.pop(number))
                return place
        return None

    def search(self, id_: bytes) -> Iterator[tuple[Pack, int]]:
        """Every pack that holds an object, open, and where in it; all of them are asked."""
        return (place for pack in self.packs() if (place := self._look(pack, id_)))

    def _look(self, pack: Pack, id_: bytes) -> tuple[Pack, int] | None:
        offset = self._try(pack, lambda pack: pack.find(id_))
        if offset is None:
            return None
        self._last = pack
        return pack, offset

    def _try(self, pack: Pack, look: Callable[[Pack], T | None]) -> T | None:
        """Look into a pack; one that cannot be read holds nothing, and that is noted."""
        try:
            try:
                return look(pack)
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                for each in self.packs():  # who still uses one keeps it open
                    each.close()
                return look(pack)
        except FileNotFoundError:  # a repack took it
            self._has_lost = True
        except GitError as error:
            self.fault = self.fault or error
            pack.close()  # it may have been replaced while it was opened
        return None

    def ids_starting_with(self, digits: str) -> Iterator[ObjectId]:
        """The ids of all packs whose hexadecimal form starts with `digits`; an id may come twice."""
        for pack in self.packs():
            yield from self._try(pack, lambda pack: list(pack.index.ids_starting_with(digits))) or ()

    def has_promises(self) -> bool:
        """Whether a pack came from a promisor remote: then objects that it names may be missing."""
        return any(name.endswith(".promisor") for name in _names_in(self._path))

    def get(self, id_: bytes) -> StoredObject | None:
        """Read an object; None if no pack holds it."""
        place = self.locate(id_)
        return place[0].read(place[1]) if place else None


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _unhex(digits: bytes) -> bytes:
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return b""

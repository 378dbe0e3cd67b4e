"""The folders that hold a repository's objects, its own first, then those that it borrows; which of them has one.

A miss is believed only after another look at all of them: a repack, or an alternate that was added, may have moved the
object meanwhile. A copy that is broken is passed over where there is another one. Authority: git's `packfile.c`
(`reprepare_packed_git`), `object-file.c`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from ..errors import GitError
from ..ids import ObjectFormat
from ..lighttyping import TypeVar
from .alternates import alternates
from .files import Sharing
from .loose import LooseStore
from .packfile import Pack
from .packs import PackStore

MOST_LOOKS = 10  # at folders where packs come and go faster than they can be read

T = TypeVar("T")
_Stores = tuple[LooseStore, PackStore]  # of one folder


class Folders:
    """The object folders of a repository; alternates are looked for when something is not in `own`."""

    def __init__(self, path: str, form: ObjectFormat, sharing: Sharing, named: Sequence[str]) -> None:
        """The folder `path`, and what it borrows from: the folders `named`, and those that `path` lists."""
        self._path, self._form, self._sharing, self._alternates = path, form, sharing, named
        self.own = self._stores(path)
        self._borrowed: dict[str, _Stores] | None = None

    def _stores(self, path: str) -> _Stores:
        return LooseStore(path, self._form, self._sharing), PackStore(path + "/pack", self._form)

    def __iter__(self) -> Iterator[_Stores]:
        yield self.own
        if self._borrowed is None:
            self._look_for_alternates()
        yield from (self._borrowed or {}).values()

    def _look_for_alternates(self) -> bool:
        """Read the lists of alternates again; whether there are others than before."""
        known = self._borrowed or {}
        paths = alternates(self._path, self._alternates)
        self._borrowed = {path: known.get(path) or self._stores(path) for path in paths}
        return not known.keys() >= self._borrowed.keys()

    def rescan(self) -> bool:
        """After a miss: look for packs and alternates that came meanwhile; whether there are any."""
        has_others = self._look_for_alternates()
        return sum(packs.rescan() for _, packs in self) > 0 or has_others  # all of them

    def search(
        self, id_: bytes, packed: Callable[[Pack, int], T], loose: Callable[[LooseStore, bytes], T | None]
    ) -> T | None:
        """What one of two functions makes of an object, by where it is; None if it is not here.

        Raises Corrupt if no copy of it can be read, or if it may be in a pack that cannot be read.
        """
        faults: list[GitError | FileNotFoundError] = []
        for store, packs in self:
            try:
                place = packs.locate(id_)
                found = packed(*place) if place else loose(store, id_)
                if found is not None:
                    return found
            except (GitError, FileNotFoundError) as error:
                faults.append(error)
        return self._search_again(id_, packed, loose, faults)

    def _search_again(
        self,
        id_: bytes,
        packed: Callable[[Pack, int], T],
        loose: Callable[[LooseStore, bytes], T | None],
        faults: list[GitError | FileNotFoundError],
    ) -> T | None:
        """The same after a miss: look for new packs, and in all packs, until nothing changes any more."""
        is_unsure = bool(faults) or any(packs.is_guided() or packs.fault for _, packs in self)
        for _ in range(MOST_LOOKS):
            if not self.rescan() and not is_unsure:
                break
            is_unsure, faults = False, []
            for store, packs in self:
                for look in _looks(packs.search(id_), packed, partial(loose, store, id_)):
                    try:
                        found = look()
                        if found is not None:
                            return found
                    except (GitError, FileNotFoundError) as error:
                        faults.append(error)
            faults += [packs.fault for _, packs in self if packs.fault]
        for store, _ in self:  # unpacked meanwhile
            found = loose(store, id_)
            if found is not None:
                return found
        broken = next((error for error in faults if isinstance(error, GitError)), None)
        if broken:
            raise broken
        return None


def _looks(
    places: Iterable[tuple[Pack, int]], packed: Callable[[Pack, int], T], loose: Callable[[], T | None]
) -> Iterator[Callable[[], T | None]]:
    for place in places:
        yield partial(packed, *place)
    yield loose


def place(pack: Pack, offset: int) -> tuple[Pack, int] | int:
    """For `search`: where an object is, and nothing about it."""
    return pack, offset

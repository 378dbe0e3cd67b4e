"""A look at many refs that are to be made: which of them are there already, found out at once instead of one by one.

For a few names each is read; for `MANY` the folder that they have in common is listed. What a glance says holds for
the moment in which it was taken: for names that are locked, until they are let go.
"""

import os
from bisect import bisect_left
from collections.abc import Collection

from ..formats.refs import SymbolicRef
from ..ids import ObjectId
from .reffiles import RefFiles

MANY = 50  # from so many on one list is cheaper than three looks for each


class Glance:
    """Which refs there are where some are to be made."""

    def __init__(self, files: RefFiles, names: Collection[str]) -> None:
        """Look now. Raises Corrupt for a packed-refs file that cannot be read."""
        common = os.path.commonprefix([*names]) if len(names) >= MANY else ""  # noqa: RUF071  # of the text, then cut
        folder = common.rpartition("/")[0] + "/"
        self._files, self._folder = files, folder if folder.startswith("refs/") else ""
        self._sorted = files.names(folder) if self._folder else []
        self._known = set(self._sorted)

    def read(self, name: str) -> ObjectId | SymbolicRef | None:
        """As `RefFiles.read`: what a ref itself says; None if there is none."""
        return None if self._lacks(name) else self._files.read(name)

    def follow(self, name: str) -> tuple[list[str], ObjectId | None]:
        """As `RefFiles.follow`: the names from `name` through symbolic refs, and the id of the last."""
        return ([name], None) if self._lacks(name) else self._files.follow(name)

    def find_below(self, name: str) -> str | None:
        """The name of a ref for which `name` is a folder; None if there is none."""
        if not (self._folder and name.startswith(self._folder)):
            found = next(self._files.refs(name + "/"), None)
            return found.name if found else None
        at = bisect_left(self._sorted, name + "/")
        return next((each for each in self._sorted[at : at + 1] if each.startswith(name + "/")), None)

    def _lacks(self, name: str) -> bool:
        return bool(self._folder) and name.startswith(self._folder) and name not in self._known

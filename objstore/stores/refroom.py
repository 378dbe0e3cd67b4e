"""Whether there is room for a new ref: no ref may have the name of a folder in which another one lies.

Branches, tags and the like stand in folders of their own, such as "refs/heads", which may not be refs either.
Authority: git's `refs.c` (`refs_verify_refname_available`).
"""

from collections.abc import Collection

from ..errors import Conflict
from .refglance import Glance


class Room:
    """The names that are changed together, and what was found out about the folders around them."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._inside = {folder: name for name in names for folder in folders_of(name)}  # a change in each folder
        self._are_folders: set[str] = set()  # names that were looked at and are no refs

    def check(self, name: str, glance: Glance) -> None:
        """Raise Conflict if a ref, there or among the names, is where a folder has to be or the other way round."""
        above = folders_of(name)
        new_folders = [each for each in above if each not in self._are_folders]
        taken = glance.find_below(name) or next((each for each in new_folders if glance.read(each)), None)
        if taken:
            raise Conflict(f"{name} cannot be made: {taken} exists")
        other = next((each for each in above if each in self._names), None) or self._inside.get(name)
        if other:
            raise Conflict(f"{name} and {other} cannot be changed at once: one is a folder of the other")
        self._are_folders.update(new_folders)


def folders_of(name: str) -> list[str]:
    """What may be no ref where `name` is one: "refs/heads", "refs/heads/a" for "refs/heads/a/b"."""
    return [name[:at] for at, letter in enumerate(name) if letter == "/" and "/" in name[:at]]

"""How much lies in a repository: whether `git gc --auto` would soon repack it. Two listings of folders.

Authority: git-gc(1), `gc.auto` and `gc.autoPackLimit`; git's `too_many_loose_objects`.
"""

import os

from .lighttyping import NamedTuple
from .repository import Repository

MOST_LOOSE = 2000  # git's own limit is 6700
MOST_PACKS = 25  # git's is 50
_SAMPLE = "17"  # the folder of loose objects that git takes for one of 256 like it


class Crowd(NamedTuple):
    """How much lies in a repository: loose objects, estimated as git does, and packs that are not kept."""

    loose: int
    packs: int


def crowd(repository: Repository) -> Crowd:
    """Count, with two listings of folders."""
    names = set(names_in(f"{repository.objects.path}/pack"))
    packs = sum(name.endswith(".pack") and name[:-5] + ".keep" not in names for name in names)
    return Crowd(256 * len(names_in(f"{repository.objects.path}/{_SAMPLE}")), packs)


def names_in(folder: str) -> list[str]:
    """The names in a folder; none if there is no such folder."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []

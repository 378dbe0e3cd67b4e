"""Which object folders a repository borrows from: those that `info/alternates` names, and those that they name.

Authority: gitrepository-layout(5), git's `object-file.c` (`link_alt_odb_entries`).
"""

import os
from collections.abc import Sequence

from ..formats.alternates import decode_alternates
from .files import read_file

DEEPEST = 6  # folders after each other, as git, which counts them from 0 to 5


def alternates(path: str, named: Sequence[str] = ()) -> list[str]:
    """The object folders that `path` borrows from, those `named` first, each once, as they really are.

    What is listed and is no folder is left out, as git does, which warns of it.
    """
    own, found = os.path.realpath(path), list[str]()
    todo = [(each, 1) for each in reversed((*named, *_listed_in(own)))]
    while todo:
        name, depth = todo.pop()
        other = _real(name)
        if other is None or other in found or other == own or depth > DEEPEST:
            continue
        found.append(other)
        todo += [(each, depth + 1) for each in reversed(_listed_in(other))]
    return found


def _listed_in(folder: str) -> list[str]:
    """The paths that are listed in a folder; there may be nothing at them."""
    listed = decode_alternates(read_file(f"{folder}/info/alternates") or b"")
    return [os.path.join(folder, os.fsdecode(each)) for each in listed]


def _real(path: str) -> str | None:
    try:
        real = os.path.realpath(path, strict=True)
    except (OSError, ValueError):  # a NUL
        return None
    return real if os.path.isdir(real) else None

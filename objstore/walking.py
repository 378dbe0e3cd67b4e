"""All folders below one, as deep as they go: `os.walk` calls itself for each level before Python 3.12."""

import os
from collections.abc import Iterator

from .lighttyping import TypeVar

_Path = TypeVar("_Path", str, bytes)


def walk(top: _Path) -> Iterator[tuple[_Path, list[_Path], list[_Path]]]:
    """Each folder with the names of the folders and of the files in it, from `top` down, as `os.walk` gives them.

    A caller may take names of folders out of the list: these are not entered, nor are symbolic links. A folder that
    cannot be read is left out.
    """
    todo = [top]
    while todo:
        folder = todo.pop()
        folders: list[_Path] = []
        names: list[_Path] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    (folders if _is_folder(entry) else names).append(entry.name)
        except OSError:
            continue
        yield folder, folders, names
        below = [os.path.join(folder, name) for name in folders]
        todo += [path for path in reversed(below) if not os.path.islink(path)]


def _is_folder(entry: "os.DirEntry[_Path]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False

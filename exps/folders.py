"""Experiments organised as folders: which folders hold parameters or metrics, and each as a project of its own.

A folder is read as the root of a project is: `params.yaml`, `metrics.json` and `metrics.yaml`, or what its own
`dvc.yaml` names. Paths are relative to the project's root, with `/`; the root itself is ".".
"""

import os
import posixpath
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from expref.objstore.ids import ObjectId

from .errors import ExpError, Status
from .formats.pipeline import DEFAULT_PARAMS, is_inside
from .reading import DEFAULT_METRICS
from .sources import PIPELINE, Source

HOLDS = (DEFAULT_PARAMS, *DEFAULT_METRICS, PIPELINE)  # a folder that is read has one of them
_PRIVATE = (".git", ".dvc")
_WILD = re.compile(r"[*?[]")


class Folder:
    """A `Source`: one folder of another source, and what is below it."""

    def __init__(self, source: Source, path: str) -> None:
        """Look into the folder `path` of `source`."""
        self._source, self._path = source, path

    def get(self, path: str) -> tuple[ObjectId, Callable[[], bytes]] | None:
        """As the protocol says."""
        return self._source.get(self._joined(path)) if is_inside(path) else None

    def below(self, path: str) -> list[str]:
        """As the protocol says."""
        found = self._source.below(self._joined(path)) if is_inside(path) else []
        return [posixpath.relpath(each, self._path) for each in found]

    def pipelines(self) -> list[str]:
        """The folder's own `dvc.yaml`, if there is one; those further down are for other folders."""
        return [PIPELINE] if self.get(PIPELINE) else []

    def _joined(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._path, path))


def matching(root: str, pattern: str) -> list[str]:
    """The folders below `root` that match and hold one of HOLDS, sorted, "run-2" before "run-10".

    `*`, `?` and `[…]` match within a name, `**` any folders in between; hidden ones only where a dot is written, those
    of Git and DVC never. Links are followed, but not by `**`. Raises ExpError for a pattern that leads out of `root`.
    """
    path = posixpath.normpath(pattern.replace(os.sep, "/"))
    if not is_inside(path) or not pattern:
        raise ExpError(f"--folders {pattern!r} leads out of {root}", "give a pattern relative to it", Status.USAGE)
    found = dict.fromkeys(_expanded(root, ".", [part for part in path.split("/") if part != "."]))
    held = (each for each in found if any(os.path.lexists(os.path.join(root, each, name)) for name in HOLDS))
    return sorted(held, key=_natural)


def _expanded(root: str, folder: str, parts: list[str]) -> Iterator[str]:
    """The folders below `folder` that the parts of a pattern lead to; some of them twice."""
    todo = [(folder, parts)]
    while todo:
        folder, parts = todo.pop()
        if not parts:
            yield folder
        elif parts[0] == "**":
            todo.append((folder, parts[1:]))
            todo += [(each, parts) for each in _inside(root, folder, "*", follow=False)]
        elif _WILD.search(parts[0]):
            todo += [(each, parts[1:]) for each in _inside(root, folder, parts[0], follow=True)]
        elif parts[0] not in _PRIVATE and os.path.isdir(os.path.join(root, folder, parts[0])):
            todo.append((posixpath.normpath(posixpath.join(folder, parts[0])), parts[1:]))


def _inside(root: str, folder: str, pattern: str, *, follow: bool) -> Iterator[str]:
    """The folders directly in a folder that match; none where it cannot be read."""
    try:
        with os.scandir(os.path.join(root, folder)) as entries:
            names = [each.name for each in entries if each.is_dir(follow_symlinks=follow)]
    except OSError:
        return
    for name in names:
        is_hidden = name.startswith(".") and not pattern.startswith(".")
        if not is_hidden and name not in _PRIVATE and fnmatchcase(name, pattern):
            yield posixpath.normpath(posixpath.join(folder, name))


def _natural(path: str) -> list[tuple[int, str]]:
    """A key to sort by in which numbers count as such."""
    parts = re.split(r"(\d+)", path)
    return [(int(part), "") if at % 2 else (0, part) for at, part in enumerate(parts)]

"""Show experiments that are organised as folders. Which folders those are: `folders`; how they are read: `memory`."""

import os
from collections.abc import Iterable
from contextlib import suppress

from .collecting import YEAR_10000_S
from .folders import matching
from .memory import Rows
from .project import Project
from .show import Group, Table


def show_folders(project: Project, pattern: str, *, only_deps: bool = False, fresh: bool = False) -> Table:
    """The folders of the work tree that match and hold parameters or metrics, as experiments of no baseline.

    Each is read as a project of its own and called by its path; it was made when the newest of these files was. See
    `folders.matching` for `pattern` and the error that it raises.
    """
    rows = Rows(project, fresh=fresh)
    found = []
    for path in matching(project.root, pattern):
        row = rows.of_folder(path)
        project.progress.advance(1, 0)
        if row and (row.params or row.metrics or row.error):
            row.created = _newest(os.path.join(project.root, path), (*row.params, *row.metrics))
            found.append(row)
    rows.keep()
    table = Table(None, (Group(None, tuple(found)),), 0, ())
    return table.with_chosen() if only_deps else table


def _newest(folder: str, paths: Iterable[str]) -> int | None:
    times = []
    for path in paths:
        with suppress(OSError):
            times.append(int(os.stat(os.path.join(folder, path)).st_mtime))
    return max((each for each in times if 0 <= each < YEAR_10000_S), default=None)

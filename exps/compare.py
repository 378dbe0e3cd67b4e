"""Compare: what differs between the parameters and metrics of two commits, or of a commit and the work tree.

Of either side all may be meant or one folder, where experiments are organised as folders.
"""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress

from expref.objstore.ids import ObjectId
from expref.objstore.lighttyping import NamedTuple

from .errors import ExpError, Status
from .experiments import experiments_called
from .formats.dotted import flat
from .memory import Rows
from .model import ExperimentRef
from .naming import ALWAYS, commit_of, find
from .project import Project
from .rows import FileValues, Row

Change = dict[str, object]  # "old", "new" and, of numbers, "diff"
Changes = dict[str, dict[str, Change]]  # by path and key, both sorted
_UNFIT = "unable to parse"  # DVC's word for a file that holds one value here and a mapping there


class Side(NamedTuple):
    """One side: a commit or the work tree (None), and of it a folder, read as a project of its own, or all ("")."""

    commit: ObjectId | None = None
    folder: str = ""


class Comparison(NamedTuple):
    """What differs, and the rows that were compared: those of folders have names."""

    metrics: Changes
    params: Changes
    old: Row
    new: Row


class Named(NamedTuple):
    """Files that somebody has named, as "metrics" or "params": they are read even if no `dvc.yaml` declares them."""

    kind: str
    paths: Collection[str]


_NONE = Named("metrics", ())


def compare(
    project: Project,
    old: Side,
    new: Side,
    *,
    unchanged: bool = False,
    only_deps: bool = False,
    named: Named = _NONE,
) -> Comparison:
    """Compare two sides. With `unchanged` what is the same is in it too, and what no side declares if it is `named`.

    `only_deps` leaves of the parameters those that stages depend on. What cannot be read counts as missing; the rows
    say why. Raises ExpError for a folder that is not there.
    """
    rows = Rows(project)
    before, after = (
        rows.with_files(_row(rows, side), named.kind, named.paths, folder=side.folder) for side in (old, new)
    )
    rows.keep()
    if only_deps:
        before, after = before.with_chosen(), after.with_chosen()
    return Comparison(
        changes(before.metrics, after.metrics, unchanged=unchanged),
        changes(before.params, after.params, unchanged=unchanged),
        before,
        after,
    )


def _row(rows: Rows, side: Side) -> Row:
    if not side.folder:
        return rows.of_commit(None, side.commit) if side.commit else rows.of_work_tree()
    found = rows.of_folder(side.folder, side.commit)
    if found is None:
        where = f"commit {str(side.commit)[:7]}" if side.commit else "the work tree"
        raise ExpError(f"there is no folder {side.folder!r} in {where}", "", Status.NOT_FOUND)
    return found


def find_side(project: Project, text: str, here: str) -> tuple[Side, ExperimentRef | None]:
    """What REV, REV:FOLDER or :FOLDER (of the work tree) means; and an experiment that is hidden, as in `naming.Named`.

    FOLDER is relative to the project's root, or with "./" in front to the folder `here`. What is no revision and no
    experiment may be a folder of the work tree, relative to `here`. Raises as `naming.find`, and ExpError for a
    folder outside of the project.
    """
    rev, folder = _split(text)
    here = os.path.realpath(here)
    is_from_here = folder and folder.split("/")[0] in (".", "..")
    inside = _inside(project, folder, here if is_from_here else project.root) if folder else ""
    if not rev:
        return Side(None, inside), None
    try:
        named = find(project.repository, rev)
    except ExpError:
        is_experiment = bool(experiments_called(project.repository, text))
        if folder is not None or is_experiment or not os.path.isdir(os.path.join(here, text)):
            raise
        return Side(None, _inside(project, text, here)), None
    return Side(commit_of(project.repository, named.revision, now=project.now()), inside), named.hidden


def _split(text: str) -> tuple[str, str | None]:
    """Revision and folder at the first colon that is not in braces; "exp:" belongs to the revision. No folder: None."""
    start, depth = len(ALWAYS) if text.startswith(ALWAYS) else 0, 0
    for at, letter in enumerate(text[start:], start):
        depth += (letter == "{") - (letter == "}")
        if letter == ":" and not depth:
            return text[:at], text[at + 1 :]
    return text, None


def _inside(project: Project, folder: str, start: str) -> str:
    """A folder relative to the project's root, "" for the root itself; `start` is what it is relative to now."""
    path = os.path.relpath(os.path.join(start, folder), project.root).replace(os.sep, "/")
    if path == ".." or path.startswith("../"):
        raise ExpError(f"folder {folder!r} is not in {project.root}", "give one that is", Status.USAGE)
    return "" if path == "." else path


def chosen(found: Changes, targets: Collection[str]) -> Changes:
    """The changes in some files, or in those below some folders; all if none is named."""
    if not targets:
        return found
    return {path: each for path, each in found.items() if is_among(path, targets)}


def is_among(path: str, targets: Collection[str]) -> bool:
    """Whether a file is one of these, or below one of them."""
    return any(f"{path}/".startswith(f"{at}/") for at in targets)


def changes(old: Mapping[str, FileValues], new: Mapping[str, FileValues], *, unchanged: bool = False) -> Changes:
    """The leaves that differ, as `dvc exp diff --json` gives them; all of them with `unchanged`.

    A leaf or file that is missing or cannot be read on one side is None there.
    """
    found = {path: _of_file(_values(old, path), _values(new, path), unchanged) for path in sorted({*old, *new})}
    return {path: each for path, each in found.items() if each}


def _values(files: Mapping[str, FileValues], path: str) -> object:
    found = files.get(path)
    return found.values if found and found.error is None else {}


def _of_file(old: object, new: object, unchanged: bool) -> dict[str, Change]:
    if not (isinstance(old, dict) or isinstance(new, dict)):
        change = _change(old, new, unchanged)
        return {"": change} if change else {}
    before, after = _leaves(old), _leaves(new)
    keys = sorted({*(before or ()), *(after or ())})
    found = {key: _change(_leaf(before, key), _leaf(after, key), unchanged) for key in keys}
    return {key: change for key, change in found.items() if change}


def _leaves(values: object) -> dict[str, object] | None:
    """None if there is a single value where the other side has a mapping."""
    if isinstance(values, dict) or not values:
        return dict(flat(values or {}))
    return None


def _leaf(leaves: dict[str, object] | None, key: str) -> object:
    value = _UNFIT if leaves is None else leaves.get(key)
    return str(value) if isinstance(value, list) else value


def _change(old: object, new: object, unchanged: bool) -> Change | None:
    if old == new and not unchanged:
        return None
    change: Change = {"old": old, "new": new}
    if isinstance(old, (int, float)) and isinstance(new, (int, float)):
        with suppress(OverflowError, ValueError):
            str(new - old)  # fails for more digits than Python prints
            change["diff"] = new - old  # fails for a whole number that is larger than any float, and a float
    return change

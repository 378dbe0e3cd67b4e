"""Show: the work tree, the baseline and its experiments as rows of parameters and metrics. Reads only."""
from typing import NamedTuple

from expref.objstore.errors import GitError
from expref.objstore.formats.objects import parse_signature
from expref.objstore.ids import ObjectId

from .baselines import commit_names
from .experiments import listing
from .project import Project
from .rows import Row, Rows, TreeFiles, WorkFiles

_YEAR_10000_S = 253_402_300_800  # beyond, the system's calendar overflows sooner or later


class Group(NamedTuple):
    """A baseline and its experiments, newest first."""

    baseline: Row
    experiments: tuple[Row, ...]


class Table(NamedTuple):
    """What `show` returns: no groups before the first commit.

    `others` counts the experiments of baselines not shown, `broken` says what is wrong with refs, a line each.
    """

    workspace: Row
    groups: tuple[Group, ...]
    others: int
    broken: tuple[str, ...]


def show(project: Project) -> Table:
    """The table of HEAD's experiments, newest first. A commit or file that cannot be read costs its own row or cell."""
    rows = Rows()
    params, metrics, error = rows.read(WorkFiles(project))
    workspace = Row(None, None, None, params, metrics, error)
    head = project.repository.head().id
    if head is None:
        return Table(workspace, (), 0, ())
    refs, broken = listing(project.repository)
    found = []
    for ref in refs:
        if ref.baseline == head:
            found.append(_row(project, rows, ref.id, ref.name))
            project.progress.advance(1, 0)
    found.sort(key=lambda row: (row.created or 0, row.id or b""), reverse=True)
    baseline = _row(project, rows, head, commit_names(project.repository, {head}).get(head))
    return Table(workspace, (Group(baseline, tuple(found)),), len(refs) - len(found), broken)


def _row(project: Project, rows: Rows, id_: ObjectId, name: str | None) -> Row:
    """The row of a commit; one that cannot be read has only an error."""
    try:
        commit = project.repository.objects.find_commit(id_)
        params, metrics, error = rows.read(TreeFiles(project, commit.tree))
    except GitError as wrong:
        return Row(name, id_, None, {}, {}, (type(wrong).__name__, str(wrong)))
    return Row(name, id_, _created(commit.committer), params, metrics, error)


def _created(committer: bytes) -> int | None:
    """When a commit was made; None if it names no time that a calendar has."""
    found = parse_signature(committer)
    return found.when if found and 0 <= found.when < _YEAR_10000_S else None

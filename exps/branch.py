"""Branch: an ordinary Git branch at an experiment's commit. Nothing is checked out."""

from expref.objstore.errors import BadName, Conflict
from expref.objstore.formats.refs import check_name
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.stores.refstore import RefUpdate

from .errors import ExpError, Status
from .model import ExperimentRef
from .naming import find_experiment
from .project import Project

FOLDER = "refs/heads/"


class Branch(NamedTuple):
    """A branch that was made, and the experiment that it was made of.

    `hidden` is another experiment, which was not meant: its name is one that Git knows as something else.
    """

    name: str
    experiment: ExperimentRef
    hidden: ExperimentRef | None


def branch(project: Project, experiment: str, name: str | None = None, *, when: int | None = None) -> Branch:
    """Make a branch of the experiment that a text means; it is called `<experiment>-branch` without a name.

    Raises ExpError if there is no such experiment, if a branch cannot have this name, or if there is one; Conflict if
    another branch is in its way.
    """
    found, hidden = find_experiment(project.repository, experiment, now=project.now())
    name = name or f"{found.name}-branch"
    _check(name)
    when = project.now() if when is None else when
    message = f"exps: created from experiment {found.name}"
    update = RefUpdate(FOLDER + name, found.id, "absent", message)
    try:
        project.repository.refs.update([update], signature=project.log_signature(when))
    except Conflict:
        if project.repository.refs.read(FOLDER + name) is None:
            raise
        raise ExpError(f"there is a branch {name!r} already", "choose another name", Status.CONFLICT) from None
    return Branch(name, found, hidden)


def _check(name: str) -> None:
    """Source: git-check-ref-format(1), `--branch`; git's `object-name.c`, `check_branch_ref`."""
    try:
        if name.startswith("-") or name == "HEAD":
            raise BadName(f"git takes {name!r} for something else")
        check_name(FOLDER + name)
    except BadName as wrong:
        raise ExpError(f"no branch can be called {name!r}: {wrong}", "give a name behind the experiment") from None

"""Rename: another name for an experiment, on the same commit. Its commit stays the same."""

from expref.objstore.errors import BadName

from .errors import ExpError, Status
from .experiments import get
from .formats.refnames import ALLOWED, check_name
from .model import ExperimentRef
from .naming import find_experiments
from .project import Project
from .undo import change_and_keep


def rename(
    project: Project, old: str, new: str, *, replace: bool = False, when: int | None = None
) -> ExperimentRef | None:
    """Give the experiment `old` the name `new`; return it as it is called now, None if it is called so already.

    `replace` puts it in the place of one of that name on the same commit, which becomes an undo step. Raises ExpError
    if there is no such experiment, for a bad name and for a taken one, and Conflict if it changes meanwhile.
    """
    (found,) = find_experiments(project.repository, [old])
    if found.name == new:
        return None
    try:
        check_name(new)
    except BadName as wrong:
        raise ExpError(str(wrong), ALLOWED) from None
    taken = get(project.repository, found.baseline, new)
    if taken and not replace:
        where = f"on {str(found.baseline)[:7]}"
        raise ExpError(f"experiment {new!r} exists already {where}", "replace it with -f", Status.CONFLICT)
    kept = [taken] if taken else []
    renamed = found._replace(name=new)
    when = project.now() if when is None else when
    change_and_keep(project, "rename", gone=[found, *kept], new=[renamed], kept=kept, when=when)
    return renamed

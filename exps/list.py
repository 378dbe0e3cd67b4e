"""List: the experiments of a project as values, for programs. The command `exps list` needs their refs only."""

from collections.abc import Iterable

from expref.objstore.errors import GitError

from .experiments import listing, read
from .model import Experiment
from .naming import find_baselines
from .project import Project


def experiments(project: Project, revs: Iterable[str] = (), *, num: int = 1) -> list[Experiment]:
    """The experiments of the commits that `revs` name, with `num` commits of each line; of all commits without `revs`.

    Sorted by baseline and name. One whose commit cannot be read is left out: `listing` has it. Raises ExpError,
    NotFound for a name that is none.
    """
    baselines = set(find_baselines(project.repository, revs, num, now=project.now()))
    found = []
    for ref in listing(project.repository).found:
        if not revs or ref.baseline in baselines:
            try:
                found.append(read(project.repository, ref))
            except GitError:
                continue
    return found

"""Remove: experiments go, all that were asked for or none; an undo step keeps them for a while."""

from collections.abc import Iterable, Sequence

from .experiments import listing
from .model import ExperimentRef
from .naming import find_baselines, find_experiments
from .project import Project
from .undo import change_and_keep


def remove(
    project: Project,
    experiments: Sequence[str] = (),
    *,
    revs: Sequence[str] = (),
    num: int = 1,
    everything: bool = False,
    keep: bool = False,
    when: int | None = None,
) -> list[ExperimentRef]:
    """Remove the experiments of these names, or those of the baselines `revs`, or all; return them.

    `num` takes as many first parents of each of `revs`, all of them if it is negative. `keep` removes all others of the
    repository instead. Everything is found before anything changes. Raises ExpError, NotFound for what is not there,
    Conflict if an experiment changes meanwhile; then none was removed. `undo.restore` brings them back.
    """
    known = listing(project.repository).found
    chosen: Iterable[ExperimentRef]
    if experiments:
        chosen = find_experiments(project.repository, experiments)
    elif everything:
        chosen = known
    elif revs:
        baselines = set(find_baselines(project.repository, revs, num, now=project.now()))
        chosen = [each for each in known if each.baseline in baselines]
    else:
        return []
    gone = sorted(set(known) - set(chosen)) if keep else list(chosen)
    when = project.now() if when is None else when
    if gone:
        change_and_keep(project, "remove", gone=gone, kept=gone, when=when)
    return gone

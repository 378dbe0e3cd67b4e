"""Changes of refs alone in another repository: experiments are removed or renamed there, and nothing changes here.

Each ref is changed only if it is still what the remote listed: compare-and-swap, as everywhere.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from expref.objstore.errors import BadName, RemoteError
from expref.objstore.transport.values import PushCommand, PushResult, Remote

from .errors import ExpError, Status
from .formats.refnames import ALLOWED, check_name, ref_of
from .model import ExperimentRef
from .naming import find_baselines, find_experiments
from .project import Project
from .remotes import Place, sorted_out, writing
from .results import Moved, Result


def remove_there(
    project: Project,
    where: Place,
    experiments: Sequence[str] = (),
    *,
    revs: Sequence[str] = (),
    num: int = 1,
    everything: bool = False,
    keep: bool = False,
) -> Moved:
    """Take experiments away from a remote, chosen as `remove` chooses them from what it has.

    Raises ExpError for what is not there; then nothing was removed. Raises GitError where the remote cannot be reached.
    """
    given = everything or experiments
    baselines = None if given else set(find_baselines(project.repository, revs, num, now=project.now()))
    with _opened(project, where) as remotes:
        known = _known(project, remotes)
        if experiments:
            chosen = find_experiments(project.repository, experiments, known)
        else:
            chosen = [each for each in known if baselines is None or each.baseline in baselines]
        gone = sorted(set(known) - set(chosen)) if keep else chosen
        answers = _change(remotes, [PushCommand(_ref(each), None, each.id) for each in gone])
        results = (
            Result(each, "rejected", answer.reason) if answer.status == "rejected" else Result(each, "removed")
            for each, answer in zip(gone, answers, strict=True)
        )
        return Moved(tuple(results), _said(remotes))


def rename_there(project: Project, where: Place, old: str, new: str, *, replace: bool = False) -> Moved:
    """Give the experiment `old` of a remote the name `new` there: both refs change, or none.

    `replace` puts it in the place of one of that name on the same commit. Raises as `remove_there`, and ExpError for a
    bad name and for a taken one.
    """
    try:
        check_name(new)
    except BadName as wrong:
        raise ExpError(str(wrong), ALLOWED) from None
    with _opened(project, where) as remotes:
        known = _known(project, remotes)
        (found,) = find_experiments(project.repository, [old], known)
        if found.name == new:
            return Moved(())
        taken = next((each for each in known if (each.baseline, each.name) == (found.baseline, new)), None)
        if taken and not replace:
            what = f"experiment {new!r} exists already on {str(found.baseline)[:7]} in {where.called}"
            raise ExpError(what, "replace it with -f", Status.CONFLICT)
        commands = [
            PushCommand(ref_of(found.baseline, new), found.id, taken.id if taken else None),
            PushCommand(_ref(found), None, found.id),
        ]
        answers = _change(remotes, commands, atomic=True)
        refused = next((each.reason for each in answers if each.status == "rejected"), None)
        result = Result(found, "renamed", f"{new} now") if refused is None else Result(found, "rejected", refused)
        return Moved((result,), _said(remotes))


def _ref(experiment: ExperimentRef) -> str:
    return ref_of(experiment.baseline, experiment.name)


@contextmanager
def _opened(project: Project, where: Place) -> Iterator[list[Remote]]:
    """Every address that is pushed to. The first one says what there is."""
    with ExitStack() as held:
        yield [held.enter_context(each) for each in writing(project, where)]


def _known(project: Project, remotes: Sequence[Remote]) -> tuple[ExperimentRef, ...]:
    return sorted_out(project, remotes[0].advertised().refs).experiments


def _change(remotes: Sequence[Remote], commands: Sequence[PushCommand], *, atomic: bool = False) -> list[PushResult]:
    """Change refs at each address; of several answers the worst counts. No objects are sent."""
    worst: dict[str, PushResult] = {}
    for remote in remotes if commands else ():
        if atomic and "atomic" not in remote.advertised().capabilities:
            raise RemoteError(f"{remote.url} cannot change two refs at once, which renaming needs")
        for answer in remote.push(commands, None, atomic=atomic):
            if answer.name not in worst or answer.status == "rejected":
                worst[answer.name] = answer
    return [worst[each.name] for each in commands]


def _said(remotes: Sequence[Remote]) -> tuple[str, ...]:
    return tuple(line for remote in remotes for line in remote.messages())

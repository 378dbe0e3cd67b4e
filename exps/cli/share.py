"""What `exps push`, `exps pull` and the commands with a remote share: which experiments, and what became of each."""

import json
import os
from collections.abc import Sequence

import click
from expref.objstore.ids import ObjectId

from ..errors import ExpError, Status
from ..formats.refnames import ref_of
from ..naming import find_baselines
from ..project import Project
from ..remotes import Place, is_remote, place
from ..results import Moved
from .session import Session
from .terminal import Terminal, escape

_SIGNS = (".dvc", "dvc.yaml", "dvc.lock")  # of a project that may have outputs; without one no experiment is read
_ADVICE = {  # what a reason of git's own servers has in it: what to do
    "a hidden ref": "the remote takes no refs/exps/ (transfer.hideRefs there): push an `exps branch`, or ask its owner",
    "hook declined": 'a rule of the remote refused it: what stands behind "remote:" may say why',
}
_COLOURS = {"diverged": "red", "rejected": "red", "up to date": "dim"}


def remote_and_names(session: Session, project: Project, arguments: Sequence[str]) -> tuple[Place, list[str]]:
    """The remote that the first argument names, if it names one, and the names of experiments behind it."""
    if arguments and is_remote(project, arguments[0], session.folder):
        return place(project, arguments[0], session.folder), list(arguments[1:])
    try:
        return place(project, None), list(arguments)
    except ExpError as error:
        if not arguments:
            raise
        raise ExpError(f"{arguments[0]!r} is no remote, and {error.message}", error.hint, error.status) from None


def baselines_of(
    project: Project, names: Sequence[str], revs: Sequence[str], num: int, *, everything: bool
) -> set[ObjectId] | None:
    """The commits that the options name, HEAD if nothing is named; None: all. Raises UsageError, ExpError."""
    if names and (revs or everything):
        raise click.UsageError("give either names of experiments, or --rev or -A")
    if names or everything:
        return None if everything else set()
    if not revs and project.repository.head().id is None:
        raise ExpError("HEAD has no commit yet, so no experiments stand on it", "take all with -A", Status.NOT_FOUND)
    return set(find_baselines(project.repository, revs or ("HEAD",), num, now=project.now()))


def tell(terminal: Terminal, moved: Moved, where: Place, *, as_json: bool = False, hint: str = "") -> int:
    """Print what became of each experiment; return the exit status. `hint` is said where something has diverged."""
    for line in moved.said:
        terminal.say(f"remote: {escape(line)}")
    for warning in moved.warnings:
        terminal.warn(warning)
    if as_json:
        terminal.write(_as_json(moved, where))
        return _status(moved)
    for each in moved.results:
        name = terminal.shown(each.experiment.name)
        status = terminal.paint(f"{each.status:<10}", _COLOURS.get(each.status, "green"))
        reason = f"  ({terminal.shown(each.reason)})" if each.reason else ""
        terminal.write(f"{status} {str(each.experiment.id)[:7]} [{name}]{reason}")
    if hint and any(each.status == "diverged" for each in moved.results):
        terminal.say(hint)
    for text, advice in _ADVICE.items():
        if any(text in each.reason for each in moved.results):
            terminal.say(advice)
    return _status(moved)


def _as_json(moved: Moved, where: Place) -> str:
    found = [
        {
            "name": each.experiment.name,
            "ref": ref_of(each.experiment.baseline, each.experiment.name),
            "rev": str(each.experiment.id),
            "status": each.status,
            "reason": each.reason or None,
        }
        for each in moved.results
    ]
    return json.dumps({"remote": where.called, "experiments": found})


def _status(moved: Moved) -> Status:
    failed = [each for each in moved.results if not each.is_done]
    if not failed:
        return Status.DONE
    if len(failed) < len(moved.results):
        return Status.PARTLY
    return Status.CONFLICT if all(each.status == "diverged" for each in failed) else Status.REFUSED


def tell_nothing(terminal: Terminal, verb: str, *, everything: bool) -> None:
    """Say that there was nothing to push or pull."""
    place = "at all" if everything else "on these commits; -A takes those of all"
    terminal.say(f"nothing to {verb}: no experiments {place}")


def outputs_left(project: Project, terminal: Terminal, moved: Moved) -> None:
    """Say how many cached outputs belong to the experiments that moved, and did not move with them."""
    if not any(os.path.lexists(f"{project.root}/{name}") for name in _SIGNS):
        return
    from ..memory import Rows  # with what it needs, a tenth of the start-up time

    rows = Rows(project)
    found = {
        output.hash
        for each in moved.results
        if each.status in ("new", "updated")
        for output in rows.of_commit(None, each.experiment.id).outs.values()
        if output.use_cache and output.hash
    }
    rows.keep()
    if found:
        what = "cached output stays" if len(found) == 1 else "cached outputs stay"
        terminal.say(f"{len(found)} {what} where they are: only what Git holds moves so far")

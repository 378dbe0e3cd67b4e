"""`exps save`."""

from collections.abc import Sequence

import click
from expref.objstore.errors import GitError
from expref.objstore.worktree import Change

from ..dvcconfig import get_bool
from ..errors import ExpError
from ..model import ExperimentRef
from ..operation import in_progress
from ..plan import Plan, plan
from ..project import Project
from ..save import rehearse, save
from .session import Session, Verb
from .terminal import Terminal, escape, sized

MOST_NAMED = 5  # untracked paths that are named in the line about them


@click.command(cls=Verb)
@click.argument("targets", nargs=-1)
@click.option("-n", "--name", metavar="NAME", help="Name of the experiment; one is made up if none is given.")
@click.option("-m", "--message", metavar="TEXT", help="Message of its commit.")
@click.option("-f", "--force", is_flag=True, help="Replace an experiment of that name.")
@click.option("-I", "--include-untracked", "include", metavar="PATH", multiple=True, type=click.Path(),
              help="Save this untracked or ignored file or folder, too; may be repeated.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help='Print {"ref": the id of its commit}, as DVC does.')
@click.option("--dry-run", is_flag=True, help="List what would be saved and why, and save nothing.")
@click.pass_obj
def command(
    session: Session, targets: tuple[str, ...], name: str | None, message: str | None, force: bool,
    include: tuple[str, ...], as_json: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Save the tracked and staged files, as they are now, as an experiment on top of HEAD.

    And dvc.yaml, dvc.lock, and the parameters, metrics and plots that it declares, also before Git tracks them; of
    other untracked files only those of -I. Your branch, index, stash and files stay as they are.
    """
    if targets:
        raise ExpError(f"target {targets[0]!r}: saving only some stages or .dvc files is not supported yet", "save all")
    if as_json and dry_run:
        raise click.UsageError("--json and --dry-run exclude each other")
    project, terminal = session.open(writes=not dry_run), session.terminal
    planned = plan(project, include=[session.path(each) for each in include], workers=2)
    if dry_run:
        _list(list(rehearse(project, planned, name=name, message=message, replace=force)), planned, terminal)
    else:
        experiment = save(project, name=name, message=message, replace=force, workers=2, planned=planned)
        called = f"Experiment has been saved as: {terminal.shown(experiment.name)}"
        terminal.write(f'{{"ref": "{experiment.id}"}}' if as_json else called)
        terminal.detail(f"{experiment.id} on {experiment.baseline}")
        if _is_pushed(project, terminal):
            _push(project, ExperimentRef(experiment.baseline, experiment.name, experiment.id), terminal)
    if not as_json:
        _say_what_is_missing(planned, in_progress(project.repository), terminal)


def _is_pushed(project: Project, terminal: Terminal) -> bool:
    """Whether every save is; settings of DVC's that cannot be understood are a warning, because it is saved already."""
    try:
        return project.settings.auto_push or get_bool(project, "exp", "auto_push")
    except ExpError as error:
        terminal.warn(f"not pushed: {error}")
        return False


def _push(project: Project, experiment: ExperimentRef, terminal: Terminal) -> None:
    """Push what was just saved; whatever goes wrong is a warning, because it is saved nevertheless."""
    from ..push import push  # this and the next: a fifth of the start-up time of a save, which most users do not need
    from ..remotes import place

    try:
        where = place(project, None)
        moved = push(project, where, [experiment])
    except (ExpError, GitError, OSError) as error:
        terminal.warn(f"not pushed: {error}")
        return
    for line in moved.said:
        terminal.say(f"remote: {escape(line)}")
    for warning in moved.warnings:
        terminal.warn(warning)
    for each in moved.results:
        if each.is_done:
            terminal.say(f"pushed to {escape(where.called)}")
        else:
            terminal.warn(f"not pushed to {where.called}: {each.reason}")


def _say_what_is_missing(planned: Plan, operation: str | None, terminal: Terminal) -> None:
    """A line for each thing that people may expect in the experiment and that is not there."""
    others = planned.untracked
    if operation:
        terminal.say(f"{operation} is in progress: the experiment stands on the commit that HEAD is at now")
    for problem in planned.problems:
        terminal.warn(f"{problem}; what is declared there was not looked for")
    if planned.outputs:
        many = "outputs are" if planned.outputs > 1 else "output is"
        terminal.say(f"not saved: {planned.outputs} {many} for DVC's cache, which `dvc commit` fills")
    if others:
        named = ", ".join(escape(_text(path)) for path in others[:MOST_NAMED])
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        terminal.say(f"not saved, because Git does not track it: {named}{more} (`git add` it, or save with -I)")


def _list(changes: Sequence[Change], planned: Plan, terminal: Terminal) -> None:
    """The paths that differ from the baseline, each with why it is in, and sums."""
    for each in changes:
        why = "declared" if each.path in planned.declared else each.kind
        size = "" if each.kind == "deleted" else sized(each.size_bytes)
        terminal.write(f"{why:<9} {size:>10}  {terminal.shown(_text(each.path))}")
    gone = sum(each.kind == "deleted" for each in changes)
    total = sized(sum(each.size_bytes for each in changes))
    terminal.write(f"not as in HEAD: {len(changes) - gone} saved ({total}), {gone} deleted")


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")

"""`exps pull`."""

import click

from ..pull import pull
from .session import Session, Verb
from .share import baselines_of, outputs_left, remote_and_names, tell, tell_nothing


@click.command(cls=Verb)
@click.argument("arguments", metavar="[REMOTE] [EXP]...", nargs=-1)
@click.option("-A", "--all-commits", "everything", is_flag=True, help="Pull the experiments of all commits.")
@click.option("--rev", "revs", metavar="REV", multiple=True, help="Pull those of this commit; may be repeated.")
@click.option("-n", "--num", metavar="N", type=int, default=1, help="Of N commits: each one and its first parents.")
@click.option("-f", "--force", "replace", is_flag=True, help="Overwrite what differs here; see `exps undo restore`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    session: Session, arguments: tuple[str, ...], everything: bool, revs: tuple[str, ...], num: int, replace: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Pull experiments from a Git remote: those named, or those of HEAD.

    REMOTE is a name or an address; exps.gitRemote, or origin, if it is not given. Nothing here is overwritten unasked.
    """
    project, terminal = session.open(writes=True), session.terminal
    where, names = remote_and_names(session, project, arguments)
    baselines = baselines_of(project, names, revs, num, everything=everything)
    moved = pull(project, where, names, baselines=baselines, replace=replace)
    hint = "-f overwrites what has diverged here; `exps undo restore` brings it back"
    status = tell(terminal, moved, where, as_json=as_json, hint=hint)
    if not moved.results:
        tell_nothing(terminal, "pull", everything=everything)
    outputs_left(project, terminal, moved)
    return status

"""`exps push`."""

import click

from ..experiments import listing
from ..naming import find_experiments
from ..push import push
from .session import Session, Verb
from .share import baselines_of, outputs_left, remote_and_names, tell, tell_nothing


@click.command(cls=Verb)
@click.argument("arguments", metavar="[REMOTE] [EXP]...", nargs=-1)
@click.option("-A", "--all-commits", "everything", is_flag=True, help="Push the experiments of all commits.")
@click.option("--rev", "revs", metavar="REV", multiple=True, help="Push those of this commit; may be repeated.")
@click.option("-n", "--num", metavar="N", type=int, default=1, help="Of N commits: each one and its first parents.")
@click.option("-f", "--force", "replace", is_flag=True, help="Overwrite what has diverged there.")
@click.option("--atomic", is_flag=True, help="Push all of them or none.")
@click.option("-o", "--push-option", "options", metavar="TEXT", multiple=True, help="Hand this to the remote's hooks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    session: Session, arguments: tuple[str, ...], everything: bool, revs: tuple[str, ...], num: int, as_json: bool,
    replace: bool, atomic: bool, options: tuple[str, ...],
) -> int:  # fmt: skip
    """Push experiments to a Git remote: those named, or those of HEAD.

    REMOTE is a name or an address; exps.gitRemote, or origin, if it is not given. Each experiment has its own result.
    """
    project, terminal = session.open(writes=True), session.terminal
    where, names = remote_and_names(session, project, arguments)
    baselines = baselines_of(project, names, revs, num, everything=everything)
    if names:
        chosen = find_experiments(project.repository, names)
    else:
        known = listing(project.repository).found
        chosen = [each for each in known if baselines is None or each.baseline in baselines]
    moved = push(project, where, chosen, replace=replace, atomic=atomic, options=options)
    status = tell(terminal, moved, where, as_json=as_json, hint="-f overwrites what has diverged there")
    if not chosen:
        tell_nothing(terminal, "push", everything=everything)
    outputs_left(project, terminal, moved)
    return status

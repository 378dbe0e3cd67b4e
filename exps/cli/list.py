"""`exps list`."""
from itertools import groupby

import click

from ..baselines import commit_names
from ..errors import ExpError, Status
from ..experiments import listing
from .session import Session, Verb
from .terminal import escape


@click.command(cls=Verb)
@click.option("-A", "--all-commits", "everything", is_flag=True, help="List the experiments of all baselines.")
@click.option("--name-only", is_flag=True, help="Print names only, one a line.")
@click.pass_obj
def command(session: Session, everything: bool, name_only: bool) -> None:
    """List the experiments of HEAD, or all, by the commit that they stand on."""
    project, terminal = session.open(), session.terminal
    head = project.repository.head().id
    if head is None and not everything:
        raise ExpError("HEAD has no commit yet, so it has no experiments", "see all with -A", Status.NOT_FOUND)
    refs, broken = listing(project.repository, None if everything else head)
    names = {} if name_only else commit_names(project.repository, {ref.baseline for ref in refs})
    for baseline, group in groupby(refs, key=lambda ref: ref.baseline):
        if not name_only:
            called = names.get(baseline) or str(baseline)[:7]
            terminal.write(terminal.paint(f"{terminal.shown(called)}:", "bold"))
        for ref in group:
            name = terminal.shown(ref.name)
            terminal.write(name if name_only else f"\t{terminal.paint(str(ref.id)[:7], 'yellow')} [{name}]")
    if not refs and not everything and not name_only:
        others = len(listing(project.repository).found)
        hint = f"; {others} on others: exps list -A" if others else ""
        terminal.say(f"no experiments on this commit{hint}")
    for problem in broken:
        terminal.say(f"exps: warning: broken ref {escape(problem)}")

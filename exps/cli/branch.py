"""`exps branch`."""

import click

from ..branch import branch
from .session import Session, Verb


@click.command(cls=Verb)
@click.argument("experiment")
@click.argument("name", required=False)
@click.pass_obj
def command(session: Session, experiment: str, name: str | None) -> None:
    """Make a Git branch at the commit of an experiment, without checking it out.

    It is called EXPERIMENT-branch if no name is given.
    """
    made, terminal = branch(session.open(writes=True), experiment, name), session.terminal
    terminal.write(f"Branch {terminal.shown(made.name)} is at experiment {terminal.shown(made.experiment.name)}")
    terminal.warn_hidden(made.hidden)
    terminal.say(f"switch to it with `git switch {terminal.shown(made.name)}`")

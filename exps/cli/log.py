"""`exps log`."""

import click

from ..inspect import raw_log
from ..naming import find
from .session import Session, Verb


@click.command(cls=Verb)
@click.argument("revision", metavar="[REV]", default="HEAD")
@click.option("--porcelain", is_flag=True, help="For scripts: the form is git's raw one anyway.")
@click.pass_obj
def command(session: Session, revision: str, porcelain: bool) -> None:
    """Print the history of a commit, newest first, as `git log --format=raw` does."""
    del porcelain
    project = session.open()
    named = find(project.repository, revision)
    session.terminal.warn_hidden(named.hidden)
    for number, commit in enumerate(raw_log(project.repository, named.revision, now=project.now())):
        session.terminal.write_bytes(b"\n" + commit if number else commit)

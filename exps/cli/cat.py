"""`exps cat`."""

import click

from ..inspect import pretty
from ..naming import find
from .session import Session, Verb


@click.command(cls=Verb)
@click.argument("revision", metavar="REV[:PATH]")
@click.pass_obj
def command(session: Session, revision: str) -> None:
    """Print a file, folder or commit of the repository, as `git cat-file -p` does.

    REV may be the name of an experiment: `exps cat fast:params.yaml`.
    """
    project = session.open()
    named = find(project.repository, revision)
    session.terminal.warn_hidden(named.hidden)
    blocks = pretty(project.repository, named.revision, now=project.now())
    for block in [b"".join(blocks)] if session.terminal.is_terminal else blocks:  # there by lines
        session.terminal.write_bytes(block)

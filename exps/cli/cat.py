"""`exps cat`."""
import click

from ..inspect import pretty
from .session import Session, Verb


@click.command(cls=Verb)
@click.argument("revision", metavar="REV[:PATH]")
@click.pass_obj
def command(session: Session, revision: str) -> None:
    """Print a file, folder or commit of the repository, as `git cat-file -p` does."""
    content = pretty(session.open().repository, revision)
    session.terminal.write_bytes(content)

"""`exps config`."""

import click

from ..configure import get_setting, set_setting
from .session import Session, Verb


@click.command(cls=Verb)
@click.argument("name", metavar="exps.KEY")
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the setting away.")
@click.pass_obj
def command(session: Session, name: str, value: str | None, unset: bool) -> None:
    """Show a setting of exps, or set it for this repository.

    Settings live in Git's configuration, section exps. Nothing else of it is ever changed.
    """
    if unset and value is not None:
        raise click.UsageError("--unset takes no value")
    repository = session.open_repository(writes=unset or value is not None)
    if unset or value is not None:
        set_setting(repository, name, value)
    else:
        session.terminal.write(session.terminal.shown(get_setting(repository, name)))

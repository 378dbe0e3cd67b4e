"""`exps rename`."""

import click

from ..errors import Status
from ..project import Project
from ..rename import rename
from .session import Session, Verb


@click.command(cls=Verb)
@click.argument("old")
@click.argument("new")
@click.option("-f", "--force", is_flag=True, help="Replace an experiment of that name.")
@click.option("-g", "--git-remote", "remote", metavar="REMOTE", help="Rename it in this remote, and only there.")
@click.pass_obj
def command(session: Session, old: str, new: str, force: bool, remote: str | None) -> int:
    """Give the experiment OLD the name NEW. It keeps its commit and its baseline.

    An experiment that is replaced can be brought back for a while, except in a remote: see `exps undo`.
    """
    project, terminal = session.open(writes=True), session.terminal
    if remote is not None:
        return _rename_there(session, project, remote, (old, new), replace=force)
    if rename(project, old, new, replace=force):
        terminal.write(f"Experiment {terminal.shown(old)} is called {terminal.shown(new)} now")
    else:
        terminal.write(f"Experiment {terminal.shown(old)} is called that already")
    return Status.DONE


def _rename_there(session: Session, project: Project, remote: str, names: tuple[str, str], *, replace: bool) -> int:
    from ..remoterefs import rename_there  # this and the next two: a fifth of the start-up time of a plain rename
    from ..remotes import place
    from .share import tell

    where, terminal = place(project, remote, session.folder), session.terminal
    moved = rename_there(project, where, *names, replace=replace)
    if not moved.results:
        terminal.write(f"Experiment {terminal.shown(names[0])} is called that already")
    return tell(terminal, moved, where)

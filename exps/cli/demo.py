"""`exps demo`."""
import os
from shlex import quote

import click

from ..columns import Filter, filtered, grid, merged
from ..demo import demo
from ..show import show
from ..texts import TEXT
from .grid import write
from .session import Session, Verb


@click.command(cls=Verb)
@click.argument("folder", metavar="[FOLDER]", default="exps-demo", type=click.Path())
@click.pass_obj
def command(session: Session, folder: str) -> None:
    """Make a small Git repository with code, parameters, metrics and experiments, to look around in.

    FOLDER must be empty or not exist yet; it is exps-demo if none is given.
    """
    terminal = session.terminal
    project, saved = demo(os.path.join(session.folder, folder), session.environ)
    terminal.write(f"A repository with {len(saved)} experiments is in {terminal.shown(folder)}:")
    terminal.write()
    write(filtered(merged(grid(show(project), TEXT)), Filter(), TEXT), terminal, None)
    terminal.write()
    terminal.write("What to type next:")
    typed = {
        f"cd {quote(terminal.shown(folder))}": "",
        "python train.py": "after a change of params.yaml: writes metrics.json",
        "exps save": "keep what is in the folder as an experiment",
        "exps show": "this table, with your experiment in it",
        "git log --all": "they are commits: any Git program sees them",
    }
    for command_line, what in typed.items():
        terminal.write(f"  {command_line:<18}{terminal.paint(what, 'dim')}".rstrip())

"""`exps undo`."""

import click

from ..undo import UndoStep, restore, steps
from . import table
from .session import Session, Verb, Verbs
from .terminal import Terminal

MOST_NAMED = 5  # experiments of a step that are named


@click.group(cls=Verbs)
def command() -> None:
    """List what commands in this work tree took away, and bring it back.

    Steps are kept for exps.undoDays (30), the last hundred of a work tree.
    """


@command.command("list", cls=Verb)
@click.pass_obj
def list_steps(session: Session) -> None:
    """List the steps of this work tree, the newest first."""
    terminal = session.terminal
    rows = [_row(step, terminal) for step in steps(session.open())]
    if not rows:
        terminal.say("there is nothing to bring back")
        return
    for line in table.lines(["step", "time (UTC)", "command", "experiments"], rows, right=[False] * 4):
        terminal.write(line)


@command.command("restore", cls=Verb)
@click.argument("step", required=False, default="")
@click.pass_obj
def restore_step(session: Session, step: str) -> None:
    """Bring back what a step took away, the newest if none is given. Any start of its name will do.

    Refused if an experiment of that name is there again: rename that first.
    """
    done, terminal = restore(session.open(writes=True), step), session.terminal
    terminal.write(f"Brought back: {terminal.listed([each.name for each in done.experiments], MOST_NAMED)}")


def _row(step: UndoStep, terminal: Terminal) -> list[str]:
    day, time = step.name[:8], step.name[9:15]
    when = f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}:{time[4:]}"
    return [step.name, when, step.command, terminal.listed([each.name for each in step.experiments], MOST_NAMED)]

"""`exps save`."""
import click

from ..save import save
from .session import Session, Verb


@click.command(cls=Verb)
@click.option("-n", "--name", metavar="NAME", help="Name of the experiment; one is made up if none is given.")
@click.option("-m", "--message", metavar="TEXT", help="Message of its commit.")
@click.option("-f", "--force", is_flag=True, help="Replace an experiment of that name.")
@click.option("--json", "as_json", is_flag=True, help='Print {"ref": the id of its commit}, as DVC does.')
@click.pass_obj
def command(session: Session, name: str | None, message: str | None, force: bool, as_json: bool) -> None:
    """Save the tracked and staged files, as they are now, as an experiment on top of HEAD.

    Your branch, index, stash and files stay as they are. Untracked files are not saved: `git add` them first.
    """
    project = session.open(writes=True)
    experiment = save(project, name=name, message=message, replace=force, workers=2)
    terminal = session.terminal
    if as_json:
        terminal.write(f'{{"ref": "{experiment.id}"}}')
        return
    terminal.write(f"Experiment has been saved as: {terminal.shown(experiment.name)}")
    terminal.detail(f"{experiment.id} on {experiment.baseline}")

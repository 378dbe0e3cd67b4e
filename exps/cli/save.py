"""`exps save`."""
import click

from ..save import left_out, save
from .session import Session, Verb
from .terminal import escape

MOST_NAMED = 5  # untracked paths that are named in the line about them


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
    others = [] if as_json or terminal.verbosity < 0 else left_out(project)
    if as_json:
        terminal.write(f'{{"ref": "{experiment.id}"}}')
    else:
        terminal.write(f"Experiment has been saved as: {terminal.shown(experiment.name)}")
    terminal.detail(f"{experiment.id} on {experiment.baseline}")
    if others:
        named = ", ".join(escape(path) for path in others[:MOST_NAMED])
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        terminal.say(f"not saved, because Git does not track it: {named}{more} (`git add` what belongs to it)")

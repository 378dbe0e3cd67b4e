"""`exps remove`."""

import click

from ..errors import Status
from ..remove import remove
from ..undo import restore
from .session import Session, Verb

MOST_NAMED = 20  # experiments that are named in a line


@click.command(cls=Verb)
@click.argument("experiments", metavar="[EXPERIMENT]...", nargs=-1)
@click.option("-A", "--all-commits", "everything", is_flag=True, help="Remove the experiments of all baselines.")
@click.option("--rev", "revs", metavar="REV", multiple=True, help="Remove those of this baseline; may be repeated.")
@click.option("-n", "--num", metavar="N", type=int, default=1, help="With --rev: of N commits, it and first parents.")
@click.option("--keep", is_flag=True, help="Remove all others of the repository instead.")
@click.option("-g", "--git-remote", "remote", metavar="REMOTE", help="Remove them from this remote, for good.")
@click.option("--undo", is_flag=True, help="Bring back what the last removal in this work tree took.")
@click.pass_obj
def command(
    session: Session, experiments: tuple[str, ...], everything: bool, revs: tuple[str, ...], num: int, keep: bool,
    remote: str | None, undo: bool,
) -> int:  # fmt: skip
    """Remove experiments, given by their names or by where they stand.

    All are found before any is removed. They can be brought back for a while, with --undo or `exps undo`; not so what
    is removed from a remote.
    """
    selections = [bool(experiments), everything or bool(revs), undo]
    if sum(selections) != 1 or (undo and (keep or remote)):
        raise click.UsageError("give either names of experiments, or --rev or -A, or --undo")
    project, terminal = session.open(writes=True), session.terminal
    if remote is not None:
        from ..remoterefs import remove_there  # this and the next two: a fifth of the start-up time of a plain removal
        from ..remotes import place
        from .share import tell

        where = place(project, remote, session.folder)
        moved = remove_there(project, where, experiments, revs=revs, num=num, everything=everything, keep=keep)
        if not moved.results:
            terminal.write("There is nothing to remove")
        return tell(terminal, moved, where)
    if undo:
        names = [each.name for each in restore(project, command="remove").experiments]
        terminal.write(f"Brought back: {terminal.listed(names, MOST_NAMED)}")
        return Status.DONE
    gone = remove(project, experiments, revs=revs, num=num, everything=everything, keep=keep)
    if not gone:
        terminal.write("There is nothing to remove")
        return Status.DONE
    terminal.write(f"Removed: {terminal.listed([each.name for each in gone], MOST_NAMED)}")
    terminal.say("bring back with `exps remove --undo`")
    return Status.DONE

"""`exps doctor`."""

import click

from ..doctor import Problem, examine, repair, state_size
from ..errors import Status
from ..experiments import listing
from ..features import features
from ..project import Project
from ..undo import steps
from ..version import VERSION
from .session import Session, Verb
from .terminal import Terminal, escape, sized


@click.command(cls=Verb)
@click.option("--fix", is_flag=True, help="Repair what can be repaired without losing anything.")
@click.pass_obj
def command(session: Session, fix: bool) -> int:
    """Look at the repository: what it has, how that is treated, what is wrong, and what to do.

    Nothing is changed without --fix. The exit status is 1 if something is wrong that was not repaired.
    """
    project, terminal = session.open(writes=fix), session.terminal
    _tell(project, terminal)
    problems = examine(project)
    done = repair(project, problems) if fix else []
    for problem in problems:
        _tell_problem(problem, terminal, repaired=problem in done)
    left = len(problems) - len(done)
    if not problems:
        terminal.write("nothing is wrong")
    elif any(each.repair for each in problems) and not fix:
        terminal.say("repair what can be repaired with `exps doctor --fix`")
    return Status.REFUSED if left else Status.DONE


def _tell(project: Project, terminal: Terminal) -> None:
    repository = project.repository
    terminal.write(f"exps {VERSION} in {escape(project.root)}")
    terminal.write(f"repository {escape(repository.common_dir)} ({repository.object_format.name})")
    for feature in features(project):
        terminal.write(f"  {escape(feature.what)}: {escape(feature.treatment)}")
    files, size = state_size(project)
    counts = {"experiment": len(listing(repository).found), "undo step": len(steps(project)), "file": files}
    found, undone, ours = (f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items())
    terminal.write(f"{found}, {undone} of this work tree, {ours} of ours ({sized(size)})")


def _tell_problem(problem: Problem, terminal: Terminal, *, repaired: bool) -> None:
    terminal.write(f"{terminal.paint('repaired' if repaired else 'wrong', 'red')}: {escape(problem.what)}")
    if not repaired:
        terminal.write(f"  {escape(problem.remedy)}")

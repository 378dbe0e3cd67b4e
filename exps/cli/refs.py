"""`exps refs`."""
import click
from expref.objstore.errors import GitError

from ..experiments import read
from ..inspect import experiment_refs
from ..model import ExperimentRef
from ..project import Project
from . import table
from .session import Session, Verb

DAY_S = 86_400


@click.command(cls=Verb)
@click.option("--all", "everything", is_flag=True, help="List also what others keep below refs/exps.")
@click.option("--porcelain", is_flag=True, help="Print `<id> <ref>` of all refs below refs/exps, as git for-each-ref.")
@click.pass_obj
def command(session: Session, everything: bool, porcelain: bool) -> None:
    """List the refs of experiments: kind, baseline, age and name."""
    project, terminal = session.open(), session.terminal
    found = list(experiment_refs(project.repository))
    if porcelain:
        for name, id_, _ in found:
            terminal.write(f"{id_} {name}")
        return
    rows = []
    for name, id_, experiment in found:
        if experiment:
            rows.append(["experiment", str(experiment.baseline)[:7], _age(project, experiment), terminal.shown(name)])
        elif everything:
            rows.append(["other", "-", "-", f"{terminal.shown(name)} ({str(id_)[:7]})"])
    for line in table.lines(["kind", "baseline", "age", "ref"], rows, right=[False, False, True, False]):
        terminal.write(line)


def _age(project: Project, experiment: ExperimentRef) -> str:
    """How old an experiment is; "-" if its commit cannot be read."""
    try:
        return f"{(project.now() - read(project.repository, experiment).created) // DAY_S} d"
    except GitError:
        return "-"

"""`exps refs`."""
import click
from expref.objstore.errors import GitError

from ..experiments import read
from ..inspect import listed_refs, porcelain_refs
from ..model import ExperimentRef
from ..project import Project
from . import table
from .session import Session, Verb

DAY_S = 86_400


@click.command(cls=Verb)
@click.option("--all", "everything", is_flag=True, help="List also what others keep below refs/exps, and undo steps.")
@click.option("--porcelain", is_flag=True, help="Print `<id> <ref>` of all refs below refs/exps, as git for-each-ref.")
@click.pass_obj
def command(session: Session, everything: bool, porcelain: bool) -> None:
    """List the refs of experiments, and broken ones beside them: kind, baseline, age and name."""
    project, terminal = session.open(), session.terminal
    if porcelain:
        terminal.write_bytes(porcelain_refs(project.repository))
        return
    rows = []
    for kind, ref, experiment in listed_refs(project.repository, everything=everything):
        baseline, age = (str(experiment.baseline)[:7], _age(project, experiment)) if experiment else ("-", "-")
        said = "" if experiment else f" ({str(ref.id)[:7] if ref.id else ref.broken})"
        rows.append([kind, baseline, age, terminal.shown(ref.name + said)])
    for line in table.lines(["kind", "baseline", "age", "ref"], rows, right=[False, False, True, False]):
        terminal.write(line)


def _age(project: Project, experiment: ExperimentRef) -> str:
    """How old an experiment is; "-" if its commit cannot be read."""
    try:
        return f"{(project.now() - read(project.repository, experiment).created) // DAY_S} d"
    except GitError:
        return "-"

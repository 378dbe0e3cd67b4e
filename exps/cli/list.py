"""`exps list`."""

from collections.abc import Iterable

import click
from expref.objstore.ids import ObjectId

from ..baselines import commit_names
from ..errors import ExpError, Status
from ..experiments import listing
from ..model import ExperimentRef
from ..project import Project
from .session import Session, Verb
from .terminal import Terminal


@click.command(cls=Verb)
@click.argument("remote", required=False)
@click.option("-A", "--all-commits", "everything", is_flag=True, help="List those of all baselines.")
@click.option("--rev", "revs", metavar="REV", multiple=True, help="List those of this baseline; may be repeated.")
@click.option("-n", "--num", metavar="N", type=int, default=1, help="Of N commits: each baseline and first parents.")
@click.option("--name-only", "--names-only", "names_only", is_flag=True, help="Print names only, one a line.")
@click.option("--sha-only", "--shas-only", "ids_only", is_flag=True, help="Print full commit ids only, one a line.")
@click.pass_obj
def command(
    session: Session, remote: str | None, everything: bool, revs: tuple[str, ...], num: int, names_only: bool,
    ids_only: bool,
) -> None:  # fmt: skip
    """List the experiments of HEAD, or of other commits, by the commit that they stand on.

    Those here, or those that REMOTE has, a name or an address. In the order in which the commits were asked for; with
    -A, HEAD comes first. Names are sorted.
    """
    if names_only and ids_only:
        raise click.UsageError("--name-only and --sha-only exclude each other")
    project, terminal = session.open(), session.terminal
    baselines = None if everything else _baselines(project, revs, num)
    if remote is None:
        refs, broken = listing(project.repository, baselines[0] if baselines and len(baselines) == 1 else None)
    else:
        refs, broken = _there(session, project, remote), ()
    groups = _grouped(refs, [project.repository.head().id] if everything else baselines or (), everything)
    if names_only or ids_only:
        for ref in (ref for group in groups.values() for ref in group):
            terminal.write(terminal.shown(ref.name) if names_only else str(ref.id))
    else:
        _show(project, groups, terminal, with_ids=remote is None)
    if not (groups or everything or names_only or ids_only):
        others = len(listing(project.repository).found if remote is None else refs)
        hint = f"; {others} on others: exps list {'REMOTE ' if remote else ''}-A" if others else ""
        terminal.say(f"no experiments on this commit{hint}")
    for problem in broken:
        terminal.warn(f"broken ref {problem} (see `exps doctor`)")


def _there(session: Session, project: Project, remote: str) -> tuple[ExperimentRef, ...]:
    from ..remotes import experiments_of, place  # a tenth of the start-up time of a plain `exps list`

    return experiments_of(project, place(project, remote, session.folder))


def _baselines(project: Project, revs: tuple[str, ...], num: int) -> list[ObjectId]:
    if revs or num != 1:
        from ..naming import find_baselines  # a seventh of the start-up time of a plain `exps list`

        return find_baselines(project.repository, revs or ("HEAD",), num, now=project.now())
    head = project.repository.head().id
    if head is None:
        raise ExpError("HEAD has no commit yet, so it has no experiments", "see all with -A", Status.NOT_FOUND)
    return [head]


def _grouped(
    refs: Iterable[ExperimentRef], first: Iterable[ObjectId | None], everything: bool
) -> dict[ObjectId, list[ExperimentRef]]:
    """The experiments by baseline: those of `first`, in that order, and with `everything` the others by id."""
    groups: dict[ObjectId, list[ExperimentRef]] = {}
    for ref in refs:
        groups.setdefault(ref.baseline, []).append(ref)
    wanted = dict.fromkeys([*first, *(groups if everything else ())])
    return {baseline: groups[baseline] for baseline in wanted if baseline in groups}


def _show(
    project: Project, groups: dict[ObjectId, list[ExperimentRef]], terminal: Terminal, *, with_ids: bool
) -> None:
    names = commit_names(project.repository, groups.keys())
    for baseline, group in groups.items():
        called = terminal.shown(names.get(baseline) or str(baseline)[:7])
        terminal.write(terminal.paint(f"{called}:", "bold"))
        for ref in group:
            name = terminal.shown(ref.name)
            terminal.write(f"\t{terminal.paint(str(ref.id)[:7], 'yellow')} [{name}]" if with_ids else f"\t{name}")

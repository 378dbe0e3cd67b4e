"""`exps show`: DVC's JSON for programs; the forms of the table are in `showforms`, loaded where one is wanted.

So is what finds experiments and commits by name: most calls name none (bench/show.py).
"""

import json
from collections.abc import Sequence
from typing import Any

import click
from expref.objstore.ids import ObjectId

from .. import dvcjson
from ..errors import ExpError, Status
from ..project import Project
from ..show import Table, show
from .session import Session, Verb
from .terminal import Terminal

_EXPRESSION: dict[str, Any] = {"metavar": "REGEX", "multiple": True}


@click.command(cls=Verb)
@click.argument("names", metavar="[EXP]...", nargs=-1)
@click.option("-A", "--all-commits", is_flag=True, help="Show the experiments of all commits.")
@click.option("-a", "--all-branches", is_flag=True, help="Show those of the tips of all branches.")
@click.option("-T", "--all-tags", is_flag=True, help="Show those of all tags.")
@click.option("--rev", "revs", metavar="REV", multiple=True, help="Show those of this commit; may be repeated.")
@click.option("-n", "--num", metavar="N", type=int, default=1, help="Of N commits: each one and its first parents.")
@click.option("--folders", metavar="PATTERN", help="Show folders of the work tree, as 'runs/*' or 'runs/**'.")
@click.option("--sort-by", metavar="[FILE:]NAME", help="Sort by a metric or parameter.")
@click.option("--sort-order", type=click.Choice(["asc", "desc"]), default="asc", help="How; asc if not given.")
@click.option("--keep", help="Show the columns that match, whatever else is said.", **_EXPRESSION)
@click.option("--drop", help="Leave out the columns that match.", **_EXPRESSION)
@click.option("--only-changed", is_flag=True, help="Leave out columns that are the same in all rows.")
@click.option("--param-deps", is_flag=True, help="Of the parameters show those that stages depend on.")
@click.option("--sha", "ids", is_flag=True, help="Call baselines by their ids, not by branch or tag.")
@click.option("--hide-workspace", is_flag=True, help="Leave out the row of the work tree.")
@click.option("--precision", metavar="N", type=click.IntRange(min=1), help="Significant digits (5; in CSV all).")
@click.option("--no-pager", is_flag=True, help="Never start a pager.")
@click.option("-f", "--force", "fresh", is_flag=True, help="Read everything anew, as if nothing were remembered.")
@click.option("--json", "form", flag_value="json", help="Print JSON, in the form of `dvc exp show --json`.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV, in the form of `dvc exp show --csv`.")
@click.option("--md", "form", flag_value="md", help="Print a Markdown table.")
@click.pass_obj
def command(session: Session, /, names: tuple[str, ...], form: str | None, **options: Any) -> None:
    """Show the parameters and metrics of the work tree, of HEAD and of HEAD's experiments, or of those named.

    The files are those that dvc.yaml names; without one, params.yaml, metrics.json and metrics.yaml.
    """
    project, terminal = session.open(), session.terminal
    found = _folders(project, names, options) if options["folders"] is not None else _found(project, names, options)
    if form == "json":
        _write_json(found, terminal)
        return
    from . import showforms

    showforms.write(session, found, form, options)


_COMMITS = ("revs", "all_commits", "all_branches", "all_tags")  # the options that choose commits


def _found(project: Project, names: tuple[str, ...], options: dict[str, Any]) -> Table:
    only = None
    if names:
        if any(options[each] for each in _COMMITS):
            raise click.UsageError("give either names of experiments, or --rev, -A, -a or -T")
        from ..naming import find_experiments

        only = find_experiments(project.repository, names)
    return show(
        project,
        only=only,
        baselines=None if names else _baselines(project, options),
        workspace=not options["hide_workspace"],
        only_deps=options["param_deps"],
        fresh=options["fresh"],
        named=not options["ids"],
        workers=2,
    )


def _baselines(project: Project, options: dict[str, Any]) -> Sequence[ObjectId] | None:
    """The commits that the options choose; None for HEAD alone."""
    if options["num"] == 1 and not any(options[each] for each in _COMMITS):
        return None
    from ..selection import Selection, select

    kinds = {"branches": "all_branches", "tags": "all_tags", "commits": "all_commits"}
    chosen = Selection(options["revs"], options["num"], **{name: options[option] for name, option in kinds.items()})
    return select(project, chosen)


def _folders(project: Project, names: tuple[str, ...], options: dict[str, Any]) -> Table:
    from ..folders import HOLDS
    from ..foldertable import show_folders

    pattern = options["folders"]
    if names or any(options[each] for each in _COMMITS):
        hint = "quote the pattern, so that the shell leaves it alone: --folders 'runs/*'" if names else ""
        raise ExpError("with --folders neither experiments nor commits can be chosen", hint, Status.USAGE)
    found = show_folders(project, pattern, only_deps=options["param_deps"], fresh=options["fresh"])
    if not found.rows:
        one_of = f"put {', '.join(HOLDS[:-1])} or {HOLDS[-1]} there"
        what = f"no folder that matches {pattern!r} in {project.root} holds parameters or metrics"
        raise ExpError(what, one_of, Status.NOT_FOUND)
    return found


def _write_json(found: Table, terminal: Terminal) -> None:
    """The table as DVC's `exp show --json` gives it: for programs as it is remembered, for people indented."""
    if terminal.is_terminal:
        terminal.write(json.dumps(json.loads("".join(dvcjson.pieces(found))), indent=4))
        return
    for piece in dvcjson.pieces(found):
        terminal.out.write(piece)
    terminal.write()

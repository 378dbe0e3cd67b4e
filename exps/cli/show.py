"""`exps show`: the table for people, or DVC's JSON and CSV for programs."""

import json
from collections.abc import Iterator
from typing import Any

import click

from .. import columns, dvcjson
from ..columns import Filter, Order
from ..errors import ExpError, Status
from ..folders import HOLDS
from ..naming import find_experiments
from ..project import Project
from ..selection import Selection, select
from ..show import Table, show, show_folders
from ..texts import CSV, TEXT, Form
from . import grid, table
from .session import Session, Verb
from .terminal import Terminal, escape

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
    _FORMS[form](session, found, options)
    for problem in (*(f"broken ref {each}" for each in found.broken), *_problems(found)):
        terminal.warn(problem)


def _found(project: Project, names: tuple[str, ...], options: dict[str, Any]) -> Table:
    kinds = {"branches": "all_branches", "tags": "all_tags", "commits": "all_commits"}
    chosen = Selection(options["revs"], options["num"], **{name: options[option] for name, option in kinds.items()})
    return show(
        project,
        only=find_experiments(project.repository, names) if names else None,
        baselines=None if names else select(project, chosen),
        workspace=not options["hide_workspace"],
        only_deps=options["param_deps"],
        fresh=options["fresh"],
        named=not options["ids"],
    )


def _folders(project: Project, names: tuple[str, ...], options: dict[str, Any]) -> Table:
    pattern = options["folders"]
    commits = ("revs", "all_commits", "all_branches", "all_tags")
    if names or any(options[each] for each in commits):
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


def _grid(found: Table, form: Form, options: dict[str, Any]) -> columns.Grid:
    order = Order(options["sort_by"], options["sort_order"] == "desc") if options["sort_by"] else None
    digits = options["precision"] or form.digits
    whole = columns.grid(found, form._replace(digits=digits), order)
    if form == TEXT:
        whole = columns.merged(whole)
    return columns.filtered(whole, Filter(options["keep"], options["drop"], options["only_changed"]), form)


def _write_csv(session: Session, found: Table, options: dict[str, Any]) -> None:
    terminal = session.terminal
    text = table.comma_separated(*grid.cells(_grid(found, CSV, options)))
    terminal.write_bytes(text.encode("utf-8", "surrogateescape"))


def _write_markdown(session: Session, found: Table, options: dict[str, Any]) -> None:
    for line in table.markdown(*grid.cells(_grid(found, TEXT, options))):
        session.terminal.write(session.terminal.shown(line))


def _write_table(session: Session, found: Table, options: dict[str, Any]) -> None:
    terminal = session.terminal
    screen = grid.screen_of(terminal, session.environ, may_page=not options["no_pager"])
    grid.write(_grid(found, TEXT, options), terminal, screen)
    rows = found.rows
    if rows and not any(row.params or row.metrics or row.error for row in rows):
        terminal.say("no parameters or metrics: put them into params.yaml and metrics.json, or name files in dvc.yaml")
    if found.others:
        other = "experiment stands" if found.others == 1 else "experiments stand"
        terminal.say(f"{found.others} more {other} on other commits; see `exps show -A`")


_FORMS = {"csv": _write_csv, "md": _write_markdown, None: _write_table}


def _problems(found: Table) -> Iterator[str]:
    """What could not be read, each problem once, with the rows that have it."""
    rows_of: dict[str, list[str]] = {}
    for row in found.rows:
        for error in (row.error, *(each.error for each in (*row.params.values(), *row.metrics.values()))):
            if error:
                rows_of.setdefault(error[1], []).append(row.name or (str(row.id)[:7] if row.id else "workspace"))
    for message, labels in rows_of.items():
        more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
        yield f"{escape(message)} ({escape(labels[0])}{more})"

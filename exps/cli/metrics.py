"""`exps metrics show` and `exps metrics diff`."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from ..compare import is_among
from ..formats.dotted import flat
from ..memory import Rows
from ..project import Project
from ..rows import FileValues, Row
from ..selection import Selection, names_of, select
from ..texts import TEXT
from .diff import (
    DIGITS,
    between,
    from_here,
    in_files,
    labels,
    lines,
    targets,
    tell_errors,
    tell_missing,
    without,
    write_json,
    write_table,
)  # fmt: skip
from .session import Session, Verb, Verbs
from .terminal import escape


@click.group(cls=Verbs)
def command() -> None:
    """Show and compare metrics."""


@command.command(cls=Verb)
@click.argument("a_rev", metavar="[A", required=False)
@click.argument("b_rev", metavar="[B]]", required=False)
@click.option("--targets", "files", metavar="FILE", multiple=True, help="Compare this file only; may be repeated.")
@click.option("-R", "--recursive", is_flag=True, expose_value=False, help="FILE may be a folder; it always may.")
@click.option("--all", "everything", is_flag=True, help="Show what is the same, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--md", "as_markdown", is_flag=True, help="Print a Markdown table.")
@click.option("--no-path", is_flag=True, help="Leave out the column of files.")
@click.option("--precision", metavar="N", type=click.IntRange(min=1), default=DIGITS, help="Decimals.")
@click.pass_obj
def diff(session: Session, /, a_rev: str | None, b_rev: str | None, files: tuple[str, ...], **options: Any) -> None:
    """Show what differs in metrics between A (HEAD) and B (the work tree): experiments or commits."""
    project, terminal = session.open(), session.terminal
    found = between(session, project, (a_rev, b_rev), unchanged=options["everything"], files=files)
    changes = in_files(session, project, found, "metrics", files) if found else {}
    if options["as_json"]:
        write_json(changes, terminal)
        return
    header = ["Path", "Metric", *labels(a_rev, b_rev), "Change"]
    hidden = {"Path"} if options["no_path"] else set[str]()
    rows = lines(changes, lambda value: _rounded(value, options["precision"]))
    write_table(terminal, *without(hidden, header, rows), as_markdown=options["as_markdown"])


@command.command(cls=Verb)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("-a", "--all-branches", is_flag=True, help="Show those of the tips of all branches.")
@click.option("-T", "--all-tags", is_flag=True, help="Show those of all tags.")
@click.option("-A", "--all-commits", is_flag=True, help="Show those of all commits.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--md", "as_markdown", is_flag=True, help="Print a Markdown table.")
@click.option("--precision", metavar="N", type=click.IntRange(min=1), default=DIGITS, help="Decimals.")
@click.option("-R", "--recursive", is_flag=True, help="FILE may be a folder; it always may.")
@click.pass_obj
def show(session: Session, /, files: tuple[str, ...], **options: Any) -> None:
    """Show the metrics of the work tree, or also those of branches, tags or commits."""
    project, terminal = session.open(), session.terminal
    selected = Selection((), 1, options["all_branches"], options["all_tags"], options["all_commits"])
    several = selected.branches or selected.tags or selected.commits
    wanted = targets(session, project, files)
    rows = _rows(project, selected if several else None, wanted)
    tell_errors(terminal, {name or "the work tree": row for name, row in rows.items()})
    known = {path for row in rows.values() for path in row.metrics}
    tell_missing(terminal, dict(zip(files, wanted, strict=True)), known)
    found = {name: from_here(session, project, _files(row, wanted)) for name, row in rows.items()}
    if options["as_json"]:
        write_json({name: _json(rows[name], each) for name, each in found.items()}, terminal)
        return
    header, lines_ = _table(found, options["precision"])
    table = without(set() if several else {"Revision"}, header, lines_)
    write_table(terminal, *table, as_markdown=options["as_markdown"])


def _rows(project: Project, selected: Selection | None, named: Sequence[str]) -> dict[str, Row]:
    """The row of the work tree, called "", or with it, called "workspace", those of commits by all their names.

    Files that are `named` are in them, declared or not. As DVC does it, the work tree is left out if its metrics are
    those of the current branch.
    """
    rows = Rows(project)
    here = rows.with_files(rows.of_work_tree(), "metrics", named)
    if selected is None:
        rows.keep()
        return {"": here}
    names = names_of(project, selected)
    found = {"workspace": here}
    for id_ in select(project, selected):
        found[",".join(names[id_])] = rows.with_files(rows.of_commit(None, id_), "metrics", named)
    rows.keep()
    current = found.get(project.repository.head().branch or "")
    if current and current.metrics == here.metrics:
        del found["workspace"]
    return found


def _files(row: Row, wanted: list[str]) -> dict[str, FileValues]:
    return {path: each for path, each in row.metrics.items() if not wanted or is_among(path, wanted)}


def _json(row: Row, files: Mapping[str, FileValues]) -> dict[str, Any]:
    if row.error:
        return {"error": {"type": row.error[0], "msg": row.error[1]}}
    return {
        "data": {
            path: {"error": {"type": each.error[0], "msg": each.error[1]}} if each.error else {"data": each.values}
            for path, each in files.items()
        }
    }


def _table(found: Mapping[str, Mapping[str, FileValues]], decimals: int) -> tuple[list[str], list[list[str]]]:
    """A line for each file of each commit; the columns behind its path are the keys of all, sorted."""
    leaves = {(name, path): dict(flat(each.values)) for name, files in found.items() for path, each in files.items()}
    keys = sorted({key for each in leaves.values() for key in each})
    rows = [
        [escape(name), escape(path), *(_shown(each.get(key), decimals) for key in keys)]
        for (name, path), each in leaves.items()
    ]
    return ["Revision", "Path", *keys], rows


def _shown(value: object, decimals: int) -> str:
    return escape(_rounded(value, decimals)) if value is not None else TEXT.fill


def _rounded(value: object, decimals: int) -> str:
    """A value as text, its numbers with so many decimals."""
    if isinstance(value, float):
        return str(round(value, decimals))
    if isinstance(value, list):
        return str([round(each, decimals) if isinstance(each, float) else each for each in value])
    return str(value)

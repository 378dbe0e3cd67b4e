"""The forms of the table of `exps show`: for people on a terminal or in a pipe, CSV, Markdown."""

from collections.abc import Iterator
from typing import Any

from .. import columns
from ..columns import Filter, Order
from ..show import Table
from ..texts import CSV, TEXT, Form
from . import grid, table
from .session import Session
from .terminal import escape, whole

_MOST_PROBLEMS = 10  # told below a table: it should not be scrolled away by them


def write(session: Session, found: Table, form: str | None, options: dict[str, Any]) -> None:
    """Print a table in a form of `_FORMS`, by the options of `exps show`, and then what could not be read."""
    _FORMS[form](session, found, options)
    problems = [*(f"broken ref {each}" for each in found.broken), *_problems(found)]
    for problem in problems[:_MOST_PROBLEMS]:
        session.terminal.warn(problem)
    if len(problems) > _MOST_PROBLEMS:
        session.terminal.warn(f"{len(problems) - _MOST_PROBLEMS} more problems: `exps show --json` has them all")


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
    terminal.write_bytes(whole(text).encode("utf-8", "surrogateescape"))


def _write_markdown(session: Session, found: Table, options: dict[str, Any]) -> None:
    for line in table.markdown(*grid.cells(_grid(found, TEXT, options))):
        session.terminal.write(session.terminal.shown(whole(line)))


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

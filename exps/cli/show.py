"""`exps show`: the table for people, or DVC's JSON for programs."""
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from ..rows import FileValues, Row
from ..show import Table, show
from . import table
from .session import Session, Verb
from .terminal import Terminal, escape

FILL, BROKEN = "-", "!"  # what a cell shows that has no value, or whose file cannot be read


@click.command(cls=Verb)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in the form of `dvc exp show --json`.")
@click.pass_obj
def command(session: Session, as_json: bool) -> None:
    """Show the parameters and metrics of the work tree, of HEAD and of HEAD's experiments.

    The files are those that dvc.yaml names; without one, params.yaml, metrics.json and metrics.yaml.
    """
    project, terminal = session.open(), session.terminal
    found = show(project)
    if as_json:
        indent = 4 if terminal.is_terminal else None
        terminal.write(json.dumps(to_json(found), indent=indent, default=str))
        return
    for line in text(found, terminal):
        terminal.write(line)
    for problem in (*(f"broken ref {each}" for each in found.broken), *problems(found)):
        terminal.say(f"exps: warning: {escape(problem)}")
    if not any((found.workspace.params, found.workspace.metrics, found.workspace.error)):
        terminal.say("no parameters or metrics: put them into params.yaml and metrics.json, or name files in dvc.yaml")
    if found.others:
        other = "experiment stands" if found.others == 1 else "experiments stand"
        terminal.say(f"{found.others} more {other} on other commits; see `exps list -A`")


def to_json(found: Table) -> list[dict[str, Any]]:
    """The table as DVC's `exp show --json` gives it."""
    if not found.groups:
        return []
    states = [_state(found.workspace, "workspace") | {"experiments": None}]
    for group in found.groups:
        ranges = [
            {"revs": [_state(row, str(row.id)) | {"experiments": None}], "executor": None, "name": row.name}
            for row in group.experiments
        ]
        states.append(_state(group.baseline, str(group.baseline.id)) | {"experiments": ranges or None})
    return states


def _state(row: Row, rev: str) -> dict[str, Any]:
    made = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(row.created)) if row.created is not None else None
    values = {
        "rev": rev,
        "timestamp": made,
        "params": _files(row.params),
        "metrics": _files(row.metrics),
        "deps": {},
        "outs": {},
        "meta": {},
    }
    error = {"msg": row.error[1], "type": row.error[0]} if row.error else None
    return {"rev": rev, "name": row.name, "data": None if error else values, "error": error}


def _files(files: Mapping[str, FileValues]) -> dict[str, Any]:
    return {
        path: {"error": {"type": each.error[0], "msg": each.error[1]}} if each.error else {"data": each.values}
        for path, each in files.items()
    }


def problems(found: Table) -> Iterator[str]:
    """What could not be read, each problem once, with the rows that have it."""
    rows_of: dict[str, list[str]] = {}
    for label, row in _rows(found):
        for error in (row.error, *(each.error for each in (*row.params.values(), *row.metrics.values()))):
            if error:
                rows_of.setdefault(error[1], []).append(label.lstrip("├─└ "))
    for message, labels in rows_of.items():
        more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
        yield f"{message} ({labels[0]}{more})"


def _rows(found: Table) -> Iterator[tuple[str, Row]]:
    """Each row with its label, in the order of the table."""
    yield "workspace", found.workspace
    for group in found.groups:
        yield group.baseline.name or str(group.baseline.id)[:7], group.baseline
        for number, row in enumerate(group.experiments, 1):
            branch = "└──" if number == len(group.experiments) else "├──"
            yield f"{branch} {str(row.id)[:7]} [{row.name}]", row


Column = tuple[str, str, tuple[str, ...]]  # "metrics" or "params", path, keys


def text(found: Table, terminal: Terminal) -> Iterator[str]:
    """The lines of the table, metrics before parameters."""
    rows = list(_rows(found))
    cells = [_cells(row) for _, row in rows]
    columns = list(dict.fromkeys(sorted((c for each in cells for c in each), key=lambda column: column[0])))
    titles = ["Experiment", "Created", *_titles(columns)]
    body = [
        [escape(label), _created(row.created), *(_shown(each, column, row) for column in columns)]
        for (label, row), each in zip(rows, cells, strict=True)
    ]
    right = [False, False, *(any(_is_number(each.get(column)) for each in cells) for column in columns)]
    first, *others = table.lines([escape(title) for title in titles], body, right=right)
    yield terminal.paint(first, "bold")
    yield from others


def _cells(row: Row) -> dict[Column, object]:
    """The values of a row by column."""
    found: dict[Column, object] = {}
    for kind, files in (("metrics", row.metrics), ("params", row.params)):
        for path, each in files.items():
            todo: list[tuple[tuple[str, ...], object]] = [((), each.values)] if each.error is None else []
            while todo:
                key, value = todo.pop()
                if isinstance(value, dict):
                    below = [((*key, str(name)), inner) for name, inner in value.items()]
                    todo += reversed(below)
                elif key:
                    found[kind, path, key] = value
    return found


def _titles(columns: list[Column]) -> list[str]:
    """A column is called by its key alone where no other has the same."""
    titles = [".".join(keys) for _, _, keys in columns]
    places = zip(titles, columns, strict=True)
    return [title if titles.count(title) == 1 else f"{column[1]}:{title}" for title, column in places]


def _shown(cells: Mapping[Column, object], column: Column, row: Row) -> str:
    if column in cells:
        value = cells[column]
        return escape(f"{value:.5g}" if isinstance(value, float) else FILL if value is None else str(value))
    files = row.metrics if column[0] == "metrics" else row.params
    known = files.get(column[1])
    return BROKEN if row.error or (known and known.error) else FILL


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _created(when: int | None) -> str:
    if when is None:
        return FILL
    made, now = time.localtime(when), time.localtime()
    today = (made.tm_year, made.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%I:%M %p" if today else "%b %d, %Y", made)

"""Columns: rows as a grid of text, headed, ordered and filtered as `dvc exp show` does it. Values in, text out.

A nested value is called by its keys with dots between; where two files have the same key, by "file:key". What a row
does not have is the form's fill, what could not be read is BROKEN. Nothing here knows of terminals or widths.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any, Literal

from expref.objstore.lighttyping import NamedTuple

from .errors import ExpError, Status
from .naming import close_names
from .rows import FileValues, Row
from .show import Group, Table
from .texts import BROKEN, Form, created, text_of

FIXED = ("Experiment", "rev", "typ", "Created", "parent", "State", "Executor")
_MERGED = ("Experiment", "rev", "typ", "parent")
Kind = Literal["baseline", "branch_commit", "branch_base", "folder"]  # the third: the last one of its baseline


class Name(NamedTuple):
    """What a column is called: "metrics" or "params", the path of the file, the keys of the leaf with dots between."""

    kind: str
    path: str
    key: str


class Line(NamedTuple):
    """A row in its place in the table."""

    kind: Kind
    row: Row


class Grid(NamedTuple):
    """Columns of text by heading, as long as `lines`; `kinds` says "metrics", "params" or "deps" of all but FIXED."""

    lines: list[Line]
    columns: dict[str, list[str]]
    kinds: dict[str, str]


class Order(NamedTuple):
    """How to sort the experiments of a baseline: by a metric or parameter, "file:name" or "name"."""

    by: str
    descending: bool


def grid(table: Table, form: Form, order: Order | None = None) -> Grid:
    """The table as text. Raises ExpError if `order` names no column, or several."""
    lines, values = _lines(table.groups, table.workspace), gather(table.rows)
    if order:
        column = values[_sort_column(order.by, values)]
        places = _sorted(lines, column, order.descending)
        lines = [line._replace(row=lines[place].row) for line, place in zip(lines, places, strict=True)]
        values = {name: [column[place] for place in places] for name, column in values.items()}
    fixed = zip(*(_fixed(line, form) for line in lines), strict=True) if lines else ([] for _ in FIXED)
    columns = dict(zip(FIXED, map(list, fixed), strict=True))
    deps = sorted({path for line in lines for path in line.row.deps})
    headings, broken = _headings(values, deps), _broken(lines)
    for name, column in values.items():
        columns[headings[name]] = _texts(column, form, broken.get(name[:2], broken[None]))
    for path in deps:
        columns[path] = [_hash(line.row, path) or form.fill for line in lines]
    kinds = {heading: name.kind for name, heading in headings.items()} | dict.fromkeys(deps, "deps")
    return Grid(lines, columns, kinds)


def _lines(groups: Sequence[Group], workspace: Row | None) -> list[Line]:
    """The rows of a table, in its order."""
    found = [Line("baseline", workspace)] if workspace else []
    for baseline, experiments in groups:
        if baseline is None:
            found += [Line("folder", row) for row in experiments]
            continue
        last = len(experiments) - 1
        found.append(Line("baseline", baseline))
        found += [Line("branch_base" if at == last else "branch_commit", row) for at, row in enumerate(experiments)]
    return found


Columns = dict[Name, list[Any]]


def gather(rows: Sequence[Row]) -> Columns:
    """The metrics and then the parameters of all rows, a column for each name; None where a row has nothing.

    File by file, and of each the leaves in the order in which they first appear. A file that holds a single value and
    no mapping has no column. This is the inner loop of every table (bench/show.py): it walks the columns that it knows
    already beside the values, and makes no keys with dots for them again.
    """
    columns: dict[str, dict[str, Columns]] = {"metrics": {}, "params": {}}
    known: dict[tuple[str, str], _Node] = {}
    for number, row in enumerate(rows):
        for kind, files in (("metrics", row.metrics), ("params", row.params)):
            for path, each in files.items():
                if isinstance(each.values, dict):
                    found = columns[kind].setdefault(path, {})
                    node = known.get((kind, path)) or known.setdefault((kind, path), _Node(Name(kind, path, "")))
                    _spread(each, node, number, found, len(rows))
    return {name: column for files in columns.values() for each in files.values() for name, column in each.items()}


class _Node:
    """A mapping that was met before, at the same place in the same file."""

    __slots__ = ("columns", "inner", "name")

    def __init__(self, name: Name) -> None:
        """`name` has the keys that lead here, with a dot behind each."""
        self.name = name
        self.columns: dict[str, list[Any]] = {}
        self.inner: dict[str, _Node] = {}


def _spread(file: FileValues, node: _Node, number: int, columns: Columns, length: int) -> None:
    """Put the leaves of one file into the row `number` of its columns."""
    values: Any = file.values
    todo = [(node, iter(values.items()))]
    while todo:
        node, items = todo[-1]
        for key, value in items:
            if value.__class__ is dict:
                inner = node.inner.get(key) or node.inner.setdefault(key, _Node(_below(node, f"{key}.")))
                todo.append((inner, iter(value.items())))
                break
            column = node.columns.get(key)
            if column is None:
                column = node.columns[key] = columns.setdefault(_below(node, key), [None] * length)
            column[number] = value
        else:
            todo.pop()


def _below(node: _Node, key: str) -> Name:
    return node.name._replace(key=node.name.key + key)


def _headings(names: Collection[Name], deps: Sequence[str]) -> dict[Name, str]:
    """A leaf is called by its key alone where no other column is; dependencies by their paths."""
    times = Counter([*FIXED, *deps, *(name.key for name in names)])
    return {name: name.key if times[name.key] == 1 else f"{name.path}:{name.key}" for name in names}


def _hash(row: Row, path: str) -> str | None:
    found = row.deps.get(path)
    return found.hash if found else None


def _broken(lines: Sequence[Line]) -> dict[tuple[str, ...] | None, set[int]]:
    """The lines in which a file, by ("metrics" or "params", path), could not be read; None: any file at all."""
    found: dict[tuple[str, ...] | None, set[int]] = {None: {at for at, line in enumerate(lines) if line.row.error}}
    for at, line in enumerate(lines):
        for kind, files in (("metrics", line.row.metrics), ("params", line.row.params)):
            for path, each in files.items():
                if each.error:
                    found.setdefault((kind, path), set(found[None])).add(at)
    return found


def _texts(column: Sequence[object], form: Form, broken: Collection[int]) -> list[str]:
    digits, fill = form.digits, form.fill
    number = f"%.{digits}g" if digits else "%r"
    texts = [
        fill if value is None else number % value if value.__class__ is float else text_of(value, digits)
        for value in column
    ]
    for at in broken:
        if column[at] is None:
            texts[at] = BROKEN
    return texts


def _sort_column(by: str, names: Collection[Name]) -> Name:
    places = {(by[:at], by[at + 1 :]) for at, letter in enumerate(by) if letter == ":"} | {("", by)}
    exact = {name for name in names if name[1:] in places}
    key = by.removeprefix(":")
    found = sorted(exact or {name for name in names if name.key == key})
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(f"{name.path}:{name.key}" for name in found)
        raise ExpError(f"--sort-by {by!r} fits {several}", "name the file too: FILE:NAME", Status.NOT_FOUND)
    close = close_names(key, {name.key for name in names})
    hint = f"do you mean {' or '.join(close)}?" if close else "`exps show --csv` has all names in its first line"
    raise ExpError(f"--sort-by {by!r}: no metric or parameter of this name", hint, Status.NOT_FOUND)


def _sorted(lines: Sequence[Line], column: Sequence[object], descending: bool) -> list[int]:
    """The places of the lines, the experiments of each baseline in order of their values in a column.

    Numbers before texts, nothing last; the other way round if descending.
    """

    def place(at: int) -> tuple[int, float, str]:
        value = column[at]
        if value is None or value != value:  # NaN
            return 2, 0, ""
        return (0, value, "") if isinstance(value, (int, float)) else (1, 0, str(value))

    found: list[int] = []
    for is_baseline, places in groupby(range(len(lines)), lambda at: lines[at].kind == "baseline"):
        group = list(places)
        found += group if is_baseline else sorted(group, key=place, reverse=descending)
    return found


def _fixed(line: Line, form: Form) -> tuple[str, ...]:
    """The cells of the columns that every table has, in the order of FIXED."""
    row, short = line.row, str(line.row.id)[:7] if line.row.id else "workspace"
    is_baseline = line.kind == "baseline"
    name, rev = ("", row.name or short) if is_baseline else (row.name or "", short)
    return name, rev, line.kind, created(row.created, form), "", form.fill, form.fill


class Filter(NamedTuple):
    """Which columns to show: regular expressions are matched at the start of a heading."""

    keep: Sequence[str] = ()
    drop: Sequence[str] = ()
    only_changed: bool = False


def filtered(table: Grid, chosen: Filter, form: Form) -> Grid:
    """The grid without unwanted columns; what `keep` matches always stays. Raises ExpError for a bad expression."""
    kept, dropped = _expression(chosen.keep, "--keep"), _expression(chosen.drop, "--drop")

    def wanted(heading: str, column: list[str]) -> bool:
        if kept and kept.match(heading):
            return True
        if heading in ("State", "Executor") and all(cell == form.fill for cell in column):
            return False
        if chosen.only_changed and len(set(column)) == 1:
            return False
        return not (dropped and dropped.match(heading))

    return table._replace(columns={heading: each for heading, each in table.columns.items() if wanted(heading, each)})


def _expression(patterns: Sequence[str], option: str) -> re.Pattern[str] | None:
    try:
        return re.compile("|".join(patterns)) if patterns else None
    except re.error as error:
        pattern = "|".join(patterns)
        raise ExpError(f"{option} {pattern!r}: {error}", "give a regular expression", Status.USAGE) from None


def merged(table: Grid) -> Grid:
    """The grid as people read it: name, id and branch drawing in one column "Experiment"."""
    labels = [_label(line) for line in table.lines]
    others = {heading: each for heading, each in table.columns.items() if heading not in _MERGED}
    return table._replace(columns={"Experiment": labels, **others})


def _label(line: Line) -> str:
    short = str(line.row.id)[:7] if line.row.id else "workspace"
    if line.kind in ("baseline", "folder"):
        return line.row.name or short
    drawing = "└──" if line.kind == "branch_base" else "├──"
    return f"{drawing} {short} [{line.row.name}]" if line.row.name else f"{drawing} {short}"

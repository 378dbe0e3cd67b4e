"""Leaves: rows as columns of values, one for each leaf of the nested values in their files (see `rows.flat`).

This is the inner loop of every table (bench/show.py): it walks the columns that it knows already beside the values, and
makes no keys with dots for them again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .rows import FileValues, Row


class Name(NamedTuple):
    """What a column is called: "metrics" or "params", the path of the file, the keys of the leaf with dots between."""

    kind: str
    path: str
    key: str


Columns = dict[Name, list[Any]]


def gather(rows: Sequence[Row]) -> Columns:
    """The metrics and then the parameters of all rows, a column for each name; None where a row has nothing.

    File by file, and of each the leaves in the order in which they first appear. A file that holds a single value and
    no mapping has no column.
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

"""The table as `dvc exp show --json` prints it. Authority: DVC 3.67.1, dvc/repo/experiments/serialize.py.

The text of a row is put through as it is, so that a table that is remembered is printed without being taken apart.
"""

import time
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii

from .rows import Row
from .show import Table


def pieces(table: Table) -> Iterator[str]:
    """The text, piece by piece, without spaces for the eye: an empty list before the first commit."""
    if not table.has_commits or not table.rows:
        yield "[]"
        return
    comma = "["
    if table.workspace:
        yield from _state(comma, table.workspace, "null}")
        comma = ", "
    for baseline, experiments in table.groups:
        if baseline is None:
            for row in experiments:
                yield from _state(comma, row, "null}")
                comma = ", "
            continue
        yield from _state(comma, baseline, "" if experiments else "null}")
        comma, before = ", ", "["
        for row in experiments:
            yield from _state(f'{before}{{"revs": [', row, "null}")
            for each in row.checkpoints:
                yield from _state(", ", each, "null}")
            yield f'], "executor": null, "name": {_text(row.name)}}}'
            before = ", "
        yield "]}" if experiments else ""
    yield "]"


def _state(before: str, row: Row, experiments: str) -> tuple[str, ...]:
    """The state of a row between two texts, the second of them the value of its last key.

    What the row says is a piece by itself: it is longer than all else, and is not copied (bench/show.py).
    """
    rev = f'"{row.id.hex()}"' if row.id else '"workspace"'
    start = f'{before}{{"rev": {rev}, "name": {_text(row.name)}, "data": '
    if row.is_broken:
        return f"{start}null, {row.text[1:-1]}, ", f'"experiments": {experiments}'
    made = f'"{_time(row.created)}"' if row.created is not None else "null"
    return (
        f'{start}{{"rev": {rev}, "timestamp": {made}, ',
        row.text[1:],
        f', "error": null, "experiments": {experiments}',
    )


def _text(name: str | None) -> str:
    return "null" if name is None else encode_basestring_ascii(name)


def _time(when: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(when))

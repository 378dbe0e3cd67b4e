"""The table as `dvc exp show --json` prints it. Authority: DVC 3.67.1, dvc/repo/experiments/serialize.py.

The text of a row is put through as it is, so that a table that is remembered is printed without being taken apart.
"""

import json
import time
from collections.abc import Iterator

from .rows import Row
from .show import Table


def pieces(table: Table) -> Iterator[str]:
    """The text, piece by piece, without spaces for the eye: an empty list before the first commit."""
    if not table.has_commits or not table.rows:
        yield "[]"
        return
    comma = "["
    if table.workspace:
        yield f"{comma}{_state(table.workspace)}null}}"
        comma = ", "
    for baseline, experiments in table.groups:
        if baseline is None:
            for row in experiments:
                yield f"{comma}{_state(row)}null}}"
                comma = ", "
            continue
        yield f"{comma}{_state(baseline)}"
        comma = ", "
        before = "["
        for row in experiments:
            revs = ", ".join(f"{_state(each)}null}}" for each in (row, *row.checkpoints))
            yield f'{before}{{"revs": [{revs}], "executor": null, "name": {json.dumps(row.name)}}}'
            before = ", "
        yield "]}" if experiments else "null}"
    yield "]"


def _state(row: Row) -> str:
    """The state of a row up to the value of its last key, "experiments"."""
    rev = f'"{row.id}"' if row.id else '"workspace"'
    start = f'{{"rev": {rev}, "name": {json.dumps(row.name)}, "data": '
    if row.is_broken:
        return f'{start}null, {row.text[1:-1]}, "experiments": '
    made = f'"{_time(row.created)}"' if row.created is not None else "null"
    return f'{start}{{"rev": {rev}, "timestamp": {made}, {row.text[1:]}, "error": null, "experiments": '


def _time(when: int) -> str:
    year, month, day, hour, minute, second, *_ = time.localtime(when)  # strftime takes three times as long
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"

"""The table of experiments on a terminal or in a pipe: fitted to the width, what differs from the baseline marked.

Where it does not fit, a pager shows it whole; without one, columns are left out from the right, and told.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from expref.objstore.lighttyping import NamedTuple

from ..columns import Grid
from ..texts import BROKEN, TEXT
from .pager import page, size
from .table import fitted, joined, padded, padded_column, tail, width
from .terminal import Terminal, escape

_NUMBER = re.compile(r"-?(\d|inf|nan)")
_CHANGED, _FAULTY = "magenta", "red"
_FIXED = 2  # columns that always stay: which experiment, and when

Pager = Callable[[Sequence[str]], bool]  # shows lines; False if it cannot


class Screen(NamedTuple):
    """Where the table goes: columns and lines of a terminal, and its pager, if one may be used."""

    columns: int
    height: int
    pager: Pager | None


class _Column(NamedTuple):
    """A column that may be printed. `widest` is the width of its widest cell, `right` where it is aligned."""

    heading: str
    cells: Sequence[str]
    widest: int
    right: bool


def write(grid: Grid, terminal: Terminal, screen: Screen | None) -> None:
    """Print the table, if anything is left of it; without a screen (a pipe) as wide as it is."""
    if not grid.columns:
        terminal.say("--drop and --only-changed leave out every column")
        return
    columns = [_column(heading, cells) for heading, cells in grid.columns.items()]
    whole = [max(width(each.heading), each.widest) for each in columns]
    if screen is None:
        _print(_lines(grid, columns, whole, terminal), terminal)
        return
    widths = _fitted(columns, screen)
    if screen.pager and (widths is None or len(grid.lines) + 1 >= screen.height):
        terminal.close()
        if screen.pager(list(_lines(grid, columns, widths or whole, terminal))):
            return
    left = len(columns)
    while widths is None and left > _FIXED:
        left -= 1
        widths = _fitted(columns[:left], screen)
    _print(_lines(grid, columns[:left], widths or whole[:left], terminal), terminal)
    if left < len(columns):
        hidden = f"{len(columns) - left} more columns do" if len(columns) - left > 1 else "1 more column does"
        terminal.say(f"{hidden} not fit: choose some with --drop and --only-changed, or use --csv")


def _column(heading: str, cells: Sequence[str]) -> _Column:
    whole = "".join(cells)
    is_plain = whole.isascii() and whole.isprintable()
    shown = cells if is_plain else [escape(cell) for cell in cells]
    return _Column(escape(heading), shown, max(map(len if is_plain else width, shown), default=0), _is_numbers(cells))


def _is_numbers(column: Sequence[str]) -> bool:
    first = next((cell for cell in column if cell not in (TEXT.fill, BROKEN, "")), "")
    return _NUMBER.match(first) is not None and " " not in first and ":" not in first


def _fitted(columns: Sequence[_Column], screen: Screen) -> list[int] | None:
    headings, _, widest, right = zip(*columns, strict=True)
    return fitted(headings, widest, right, screen.columns)


def _print(lines: Iterator[str], terminal: Terminal) -> None:
    for line in lines:
        terminal.write(line)


def _lines(grid: Grid, columns: Sequence[_Column], widths: Sequence[int], terminal: Terminal) -> Iterator[str]:
    """The lines of the table, painted where colours are wanted."""
    headings = [padded(tail(each.heading, wide), wide, each.right) for each, wide in zip(columns, widths, strict=True)]
    yield terminal.paint(joined(headings), "bold")
    cells = zip(*(each.cells for each in columns), strict=True)
    texts = zip(*(padded_column(each.cells, wide, each.right) for each, wide in zip(columns, widths, strict=True)),
                strict=True)  # fmt: skip
    baseline: Sequence[str] = ()
    for line, row, text in zip(grid.lines, cells, texts, strict=True):
        if line.kind == "baseline":
            baseline = row
            yield terminal.paint(joined(text), "bold")
        else:
            yield joined(_marked(text, row, baseline, terminal) if baseline else text)


def _marked(texts: Sequence[str], cells: Sequence[str], baseline: Sequence[str], terminal: Terminal) -> list[str]:
    """The cells with those painted that differ from the baseline's, the first two columns excepted."""
    marked = list(texts)
    for number in range(_FIXED, len(cells)):
        if cells[number] != baseline[number]:
            marked[number] = terminal.paint(texts[number], _FAULTY if cells[number] == BROKEN else _CHANGED)
    return marked


def cells(grid: Grid) -> tuple[list[str], list[tuple[str, ...]]]:
    """Headings and rows as they are, without line ends: for Markdown and CSV."""
    return list(grid.columns), list(zip(*grid.columns.values(), strict=True))


def screen_of(terminal: Terminal, environ: Mapping[str, str], *, may_page: bool) -> Screen | None:
    """The screen that a terminal shows; None for a pipe."""
    if not terminal.is_terminal:
        return None
    columns, height = size(terminal.out.fileno(), environ)
    may_page = may_page and environ.get("TERM") != "dumb"
    return Screen(columns, height, (lambda lines: page(lines, environ)) if may_page else None)

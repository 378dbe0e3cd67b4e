"""Tables as lines of text: aligned for people, fitted to a terminal, as Markdown or CSV. Values only, no colours."""

from collections.abc import Iterable, Sequence

_GAP = "  "
_HEADING, _TEXT = 8, 16  # a heading is not cut shorter than this, a cell of text neither
_HEADING_PADDING = 2  # DVC's tables leave so much behind a heading


def lines(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool]) -> list[str]:
    """The header and the rows, padded; `right` says which columns are aligned to the right.

    >>> lines(["a", "lr"], [["x", "0.1"]], right=[False, True])
    ['a   lr', 'x  0.1']
    """
    table = [header, *rows]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    return [joined(map(padded, row, widths, right)) for row in table]


def joined(cells: Iterable[str]) -> str:
    """One line of padded cells."""
    return _GAP.join(cells).rstrip()


def padded(cell: str, columns: int, right: bool) -> str:
    """`cell` as wide as its column; what is too long is cut, a heading or number at its end, marked by an ellipsis."""
    space = columns - width(cell)
    if space < 0:
        return _cut(cell, columns)
    return " " * space + cell if right else cell + " " * space


def padded_column(cells: Sequence[str], columns: int, right: bool) -> list[str]:
    """The same for all cells of a column at once."""
    if "".join(cells).isascii() and max(map(len, cells), default=0) <= columns:
        return [cell.rjust(columns) for cell in cells] if right else [cell.ljust(columns) for cell in cells]
    return [padded(cell, columns, right) for cell in cells]


def _cut(text: str, columns: int) -> str:
    while width(text) >= columns:
        text = text[:-1]
    return text + "…" + " " * (columns - 1 - width(text))


def tail(text: str, columns: int) -> str:
    """The end of a heading that is too long: of nested keys, the last says most.

    >>> tail("train.optimizer.lr", 8)
    '…izer.lr'
    """
    while width(text) > columns:
        text = "…" + text[2 if text[0] == "…" else 1 :]
    return text


def fitted(header: Sequence[str], widest: Sequence[int], right: Sequence[bool], columns: int) -> list[int] | None:
    """Widths of columns that fit into `columns`, the first one never cut; None if they do not fit.

    `widest` are the widths of the cells. Headings are shortened first, the longest most, then cells that are text.
    """
    free = columns - len(_GAP) * (len(header) - 1)
    wanted = [max(width(heading), cell) for heading, cell in zip(header, widest, strict=True)]
    short = [max(cell, min(width(heading), _HEADING)) for heading, cell in zip(header, widest, strict=True)]
    cut = [each if is_number else min(each, _TEXT) for each, is_number in zip(short, right, strict=True)]
    for least in (wanted, [wanted[0], *short[1:]], [wanted[0], *cut[1:]]):
        if sum(least) <= free:
            return _spread(least, wanted, free)
    return None


def _spread(least: list[int], wanted: list[int], free: int) -> list[int]:
    """As much more than the least as there is room for, the same limit for every column."""
    low, high = 0, max(wanted)
    while low < high:
        limit = (low + high + 1) // 2
        if sum(_limited(least, wanted, limit)) <= free:
            low = limit
        else:
            high = limit - 1
    return _limited(least, wanted, low)


def _limited(least: list[int], wanted: list[int], limit: int) -> list[int]:
    return [max(few, min(want, limit)) for few, want in zip(least, wanted, strict=True)]


def plain(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in the form of DVC's diff commands.

    >>> plain(["Path", "b"], [["x", "0.1"]])
    ['Path    b', 'x       0.1']
    """
    widths = _widths(header, rows)
    return [
        joined(padded(cell, columns, False) for cell, columns in zip(row, widths, strict=True))
        for row in (header, *rows)
    ]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in GitHub's Markdown, with an empty line behind it as DVC has it.

    >>> markdown(["a"], [["x|y"]])
    ['| a   |', '|-----|', '| x|y |', '']
    """
    widths = _widths(header, rows)
    body = [f"| {' | '.join(map(padded, row, widths, [False] * len(widths)))} |" for row in (header, *rows)]
    rule = f"|{'|'.join('-' * (columns + 2) for columns in widths)}|"
    return [body[0], rule, *body[1:], ""]


def _widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    least = [width(heading) + _HEADING_PADDING for heading in header]
    return [max(few, *map(width, column)) for few, column in zip(least, zip(header, *rows, strict=True), strict=True)]


def comma_separated(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""CSV with \r\n behind each line.

    >>> comma_separated(["a"], [["x,y"]])
    'a\r\n"x,y"\r\n'
    """
    import csv  # most tables are none
    import io

    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue()


def width(text: str) -> int:
    """The columns that a text takes on a terminal.

    >>> width("abc"), width("実験"), width("e\\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    import unicodedata  # few texts need it

    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) != 0 for letter in text)

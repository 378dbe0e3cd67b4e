"""A table as lines of text: columns as wide as their widest cell, numbers to the right. Values only, no colours."""
import unicodedata
from collections.abc import Sequence


def lines(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool]) -> list[str]:
    """The header and the rows, padded; `right` says which columns are aligned to the right.

    >>> lines(["a", "lr"], [["x", "0.1"]], right=[False, True])
    ['a   lr', 'x  0.1']
    """
    table = [header, *rows]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(_padded, row, widths, right)).rstrip() for row in table]


def _padded(cell: str, columns: int, right: bool) -> str:
    space = " " * (columns - width(cell))
    return space + cell if right else cell + space


def width(text: str) -> int:
    """The columns that a text takes on a terminal.

    >>> width("abc"), width("実験"), width("e\\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) != 0 for letter in text)

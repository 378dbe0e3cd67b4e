"""Stat data of many files column by column: what an index has row by row, so that files can be compared in runs.

    starts      where each entry starts in the index; ends: where its path ends (4 bytes each)
    inos        inode numbers; sizes: in bytes (4 bytes each, modulo 2^32)
    mtimes      ns since the epoch; ctimes: the same, or -1 where the file has to be compared anyway (8 bytes each)

All numbers are big-endian; each column is as long as there are entries, and they follow each other in the order
starts, ends, inos, sizes, mtimes, ctimes. An index with extended flags has no columns.
"""
import sys
from array import array
from itertools import repeat
from struct import Struct

from ..lighttyping import NamedTuple
from .index import SECOND, Index

ROW_BYTES = 4 * 4 + 2 * 8  # of one entry in all columns
_CODES = "IIIIqq"
_MOST = 1 << 32  # bytes; in larger indexes entries start where 4 bytes do not reach


class StatColumns(NamedTuple):
    """The columns; entry number i is element i of each."""

    starts: "array[int]"
    ends: "array[int]"
    inos: "array[int]"
    sizes: "array[int]"
    mtimes: "array[int]"
    ctimes: "array[int]"

    def __bytes__(self) -> bytes:
        return b"".join(big_endian(column).tobytes() for column in self)


def decode_columns(content: bytes, count: int) -> StatColumns | None:
    """The columns of `count` entries; None if these are none."""
    if len(content) != count * ROW_BYTES:
        return None
    columns, at = [], 0
    for code in _CODES:
        column = array(code)
        end = at + count * column.itemsize
        column.frombytes(content[at:end])
        columns.append(big_endian(column))
        at = end
    return StatColumns(*columns)


def make_columns(index: Index, sure_until_ns: int) -> StatColumns | None:
    """The columns of an index whose files were all compared; None if it cannot have any.

    Files that changed at or after `sure_until_ns` have to be looked at, those whose entry has flags, and those that git
    marked so by the size 0.
    """
    if index.version != 2 or len(index.content) >= _MOST:
        return None
    row, path_at, end_of = Struct(f">4I4xI12xI{index.form.width}sB"), index.path_at, index.content.index
    empty, columns = index.form.name_object("blob", b""), StatColumns(*(array(code) for code in _CODES))
    rows = map(row.unpack_from, repeat(index.content), index.offsets)
    for at, (cs, cn, ms, mn, ino, size, id_, flags) in zip(index.offsets, rows, strict=True):
        ctime, mtime = cs * SECOND + cn, ms * SECOND + mn
        sure = flags < 16 and max(ctime, mtime) < sure_until_ns and (size or id_ == empty) and cn
        columns.ends.append(end_of(b"\0", at + path_at))
        columns.inos.append(ino)
        columns.sizes.append(size)
        columns.mtimes.append(mtime)
        columns.ctimes.append(ctime if sure else -1)
    return columns._replace(starts=array("I", index.offsets))


def big_endian(column: "array[int]") -> "array[int]":
    """A column from this machine's byte order to that of the file, or back."""
    if sys.byteorder == "big":
        return column
    swapped = column[:]
    swapped.byteswap()
    return swapped

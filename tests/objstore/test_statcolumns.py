"""Stat data by columns: what an index says row by row."""
import sys

import pytest
from expref.objstore.formats.index import Index
from expref.objstore.formats.statcolumns import ROW_BYTES, decode_columns, make_columns
from expref.objstore.ids import SHA1

from tests.indexmaker import Entry, make_index

EMPTY = SHA1.name_object("blob", b"")
SURE_UNTIL = 100 * 10**9


def columns_of(*entries, version=2, until=SURE_UNTIL):
    return make_columns(Index(make_index(*entries, version=version), SHA1, "index"), until)


def test_each_entry_is_an_element_of_each_column():
    entries = Entry(b"a", times=(1, 2, 3, 4), ino=5, size=6), Entry(b"d/bc", times=(7, 8, 9, 10), ino=11, size=12)
    columns = columns_of(*entries)
    content = make_index(*entries)
    starts, ends = columns.starts, columns.ends
    assert [content[start + 62 : end] for start, end in zip(starts, ends, strict=True)] == [b"a", b"d/bc"]
    assert (list(columns.inos), list(columns.sizes)) == ([5, 11], [6, 12])
    assert (list(columns.mtimes), list(columns.ctimes)) == ([3 * 10**9 + 4, 9 * 10**9 + 10], [10**9 + 2, 7 * 10**9 + 8])


@pytest.mark.parametrize(("odd", "sure"), [
    ({}, True), ({"flags": 0x8000}, False), ({"flags": 0x1000}, False), ({"size": 0}, False),
    ({"size": 0, "id": EMPTY}, True), ({"times": (100, 1, 3, 4)}, False), ({"times": (1, 2, 100, 0)}, False),
    ({"times": (99, 999_999_999, 3, 4)}, True), ({"times": (1, 0, 3, 4)}, False),
])  # fmt: skip
def test_what_has_to_be_compared_anyway_has_no_ctime(odd, sure):
    assert (columns_of(Entry(b"a", **odd)).ctimes[0] != -1) == sure


def test_an_index_with_extended_flags_has_none():
    assert columns_of(Entry(b"a", extended=0), version=3) is None


@pytest.mark.parametrize("order", ["little", "big"])
def test_columns_come_back_from_bytes_on_every_machine(order, monkeypatch):
    columns = columns_of(*(Entry(b"%d" % number, ino=number) for number in range(5)))
    content = bytes(columns)
    assert len(content) == 5 * ROW_BYTES
    assert content[2 * 5 * 4 :][:8] == b"\0\0\0\0\0\0\0\1"  # the first two inodes
    monkeypatch.setattr(sys, "byteorder", order)
    assert decode_columns(bytes(columns), 5) == columns


@pytest.mark.parametrize("size", [0, 1, 2 * ROW_BYTES - 1, 2 * ROW_BYTES + 1])
def test_bytes_of_another_length_are_none(size):
    assert decode_columns(bytes(size), 2) is None

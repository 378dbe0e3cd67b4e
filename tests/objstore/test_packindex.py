"""Pack indexes, version 2."""
import struct

import pytest
from expref.objstore.errors import Corrupt, Unsupported
from expref.objstore.formats.packindex import PackIndex
from expref.objstore.ids import ObjectId

from tests.packmaker import make_index, oid

ROWS = [(ObjectId(bytes([first]) * 20), 12 + 10 * first, first) for first in (0, 1, 7, 7, 254, 255) if first != 7]
ROWS += [(ObjectId(b"\x07" * 19 + bytes([last])), 5000 + last, 0) for last in range(50)]


def index_of(content):
    return PackIndex(memoryview(content), 20, "p.idx")


def test_every_object_is_found_and_no_other():
    index = index_of(make_index(ROWS))
    assert index.count == len(ROWS)
    for id_, offset, _ in ROWS:
        assert index.get(id_) == offset
    for missing in (oid(1), b"\x07" * 19 + b"\xff", b"\xff" * 19 + b"\xfe", b"\x08" * 20):
        assert index.get(missing) is None


def test_ids_come_sorted():
    assert list(index_of(make_index(ROWS)).ids()) == sorted(id_ for id_, _, _ in ROWS)


def test_an_empty_index_holds_nothing():
    assert index_of(make_index([])).get(oid(1)) is None


def test_offsets_from_2_gibibytes_on_are_in_a_table_of_their_own():
    rows = [(oid(1), 1 << 31, 0), (oid(2), 77, 0), (oid(3), 1 << 40, 0)]
    index = index_of(make_index(rows))
    assert [index.get(id_) for id_, _, _ in rows] == [1 << 31, 77, 1 << 40]


def test_a_large_offset_outside_of_its_table_is_corrupt():
    content = bytearray(make_index([(oid(1), 12, 0)]))
    content[1032 + 20 + 4 : 1032 + 20 + 8] = struct.pack(">I", 0x80000000)
    with pytest.raises(Corrupt, match="a large offset lies outside"):
        index_of(bytes(content)).get(oid(1))


@pytest.mark.parametrize("end", [0, 4, 1031, 1032, 1060, -1])
def test_an_index_that_is_cut_off_is_corrupt(end):
    with pytest.raises(Corrupt, match="p.idx"):
        index_of(make_index(ROWS)[:end])


def test_a_fan_out_that_goes_down_is_corrupt():
    content = bytearray(make_index(ROWS))
    content[8:12] = struct.pack(">I", 40)
    with pytest.raises(Corrupt, match="fan-out"):
        index_of(bytes(content))


def test_version_1_is_refused_by_name_and_other_files_are_corrupt():
    old = struct.pack(">256I", *[1] * 256) + bytes(24) + bytes(40)
    with pytest.raises(Unsupported, match="p.idx: a pack index of version 1"):
        index_of(old)
    with pytest.raises(Corrupt, match="not a pack index"):
        index_of(old + b"x")


def test_version_3_is_refused_by_name():
    with pytest.raises(Unsupported, match="pack index version 3"):
        index_of(b"\xfftOc\0\0\0\3" + bytes(2000))

"""Pack indexes, version 2."""
import random
import struct

import pytest
from expref.objstore.errors import Corrupt, Unsupported
from expref.objstore.formats.packindex import PackIndex
from expref.objstore.ids import ObjectId

from tests.packmaker import make_index, make_old_index, oid

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


def test_version_1_is_read():
    index = index_of(make_old_index(ROWS))
    assert index.count == len(ROWS)
    for id_, offset, _ in ROWS:
        assert index.get(id_) == offset
        assert index.crc(index.find(id_)) is None
    assert list(index.ids()) == sorted(id_ for id_, _, _ in ROWS)
    assert list(index.offsets()) == [offset for _, offset, _ in sorted(ROWS)]
    assert index.pack_hash == b"p" * 20
    for missing in (oid(1), b"\x07" * 19 + b"\xff", b"\xff" * 19 + b"\xfe", b"\x08" * 20):
        assert index.get(missing) is None


def test_version_1_has_offsets_up_to_4_gibibytes():
    index = index_of(make_old_index([(oid(1), 0xFFFFFFFF, 0), (oid(2), 1 << 31, 0)]))
    assert [index.get(oid(1)), index.get(oid(2))] == [0xFFFFFFFF, 1 << 31] == list(index.offsets())


def test_other_files_are_corrupt():
    for content in (make_old_index(ROWS) + b"x", make_old_index(ROWS)[:-1], b"junk" * 1000):
        with pytest.raises(Corrupt, match="p.idx"):
            index_of(content)


def test_ids_of_a_large_bucket_are_found_wherever_they_lie():
    """Near where their second byte says, far from it, or all in one place: an attacker can choose ids."""
    rng = random.Random(7)
    for second in (lambda: rng.randbytes(1), lambda: b"\x80", lambda: bytes([rng.choice([0, 255])])):
        rows = [(ObjectId(b"\x05" + second() + rng.randbytes(18)), 12 + number, 0) for number in range(2000)]
        for make in (make_index, make_old_index):
            index = index_of(make(rows))
            assert all(index.get(id_) == offset for id_, offset, _ in rows)
            assert not any(index.get(b"\x05" + second() + rng.randbytes(18)) for _ in range(500))


def test_an_id_that_only_lies_across_two_others_is_not_found():
    rows = [(ObjectId(b"\x05" + bytes(9) + b"\x05" * 10), 12, 0), (ObjectId(b"\x05" * 10 + bytes(10)), 20, 0)]
    index = index_of(make_index(rows))
    assert index.get(b"\x05" * 20) is None
    assert [index.get(id_) for id_, _, _ in rows] == [12, 20]


def test_the_table_of_large_offsets_is_no_larger_than_it_can_be():
    content = make_index([(oid(1), 12, 0)])
    with pytest.raises(Corrupt, match="does not fit the file"):
        index_of(content[:-40] + bytes(16) + content[-40:])


def test_version_3_is_refused_by_name():
    with pytest.raises(Unsupported, match="pack index version 3"):
        index_of(b"\xfftOc\0\0\0\3" + bytes(2000))

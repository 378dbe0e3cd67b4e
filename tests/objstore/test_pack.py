"""Packs as bytes: headers and zlib streams. Whole packs are in test_packs.py."""
import zlib

import pytest
from expref.objstore.errors import Corrupt
from expref.objstore.formats.pack import EntryHeader, inflate, read_entry_header, read_header

from tests.packmaker import OFS_DELTA, REF_DELTA, distance, entry_header, oid

START = 300  # where the entry of most tests is


def header_at(entry, start=START):
    return read_entry_header(memoryview(bytes(start) + entry), start, 20, "p.pack")


@pytest.mark.parametrize("version", [2, 3])
def test_a_pack_says_its_version_and_how_much_it_holds(version):
    assert read_header(b"PACK\0\0\0%c\0\0\1\2rest" % version, "p") == (version, 258)


@pytest.mark.parametrize("start", [b"", b"PACK", b"PACK\0\0\0\2\0\0\0", b"PACK\0\0\0\4\0\0\0\0", b"JUNK\0\0\0\2\0\0\0\0"])
def test_what_is_no_pack_is_corrupt(start):
    with pytest.raises(Corrupt, match="p:0: not a pack"):
        read_header(start, "p")


@pytest.mark.parametrize("size", [0, 15, 16, 2047, 2048, (1 << 32) + 7])
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_a_whole_object_has_a_type_and_a_size(kind, size):
    header = entry_header(kind, size)
    assert header_at(header) == (EntryHeader(kind, size, None), START + len(header))


@pytest.mark.parametrize("back", [1, 127, 128, 255, START - 12])
def test_a_base_in_the_pack_is_named_by_its_distance(back):
    header = entry_header(OFS_DELTA, 5) + distance(back)
    assert header_at(header) == (EntryHeader(OFS_DELTA, 5, START - back), START + len(header))


def test_distances_count_on_from_the_longest_of_fewer_bytes():
    start = 1 << 15
    for coded, back in ((b"\x7f", 127), (b"\x80\x00", 128), (b"\xff\x7f", 16511), (b"\x80\x80\x00", 16512)):
        header = entry_header(OFS_DELTA, 5) + coded
        assert header_at(header, start)[0].base == start - back
        assert distance(back) == coded


def test_a_base_anywhere_is_named_by_its_id():
    assert header_at(entry_header(REF_DELTA, 5) + oid(7)) == (EntryHeader(REF_DELTA, 5, oid(7)), START + 21)


@pytest.mark.parametrize(("entry", "why"), [
    (b"", "cut off"), (b"\x80", "cut off"), (b"\x60", "cut off"), (b"\x60\x80", "cut off"),
    (b"\x70" + bytes(19), "cut off"), (b"\xb0" + b"\xff" * 10 + b"\x01", "does not end"),
    (b"\x60" + b"\xff" * 30, "does not end"), (b"\x60\x00", "0 bytes back"),
    (b"\x60" + distance(START - 11), "outside the pack"), (b"\x00", "type 0 is reserved"), (b"\x50", "type 5 is reserved"),
])
def test_an_entry_header_that_makes_no_sense_is_corrupt(entry, why):
    with pytest.raises(Corrupt, match=rf"p.pack:300: .*{why}"):
        header_at(entry)


@pytest.mark.parametrize("at", [0, 11, 1000, 1 << 70])
def test_no_entry_is_outside_of_the_pack(at):
    with pytest.raises(Corrupt):
        read_entry_header(memoryview(b"\x30" * 40), at, 20, "p")


@pytest.mark.parametrize("content", [b"", b"x", bytes(100_000), bytes(range(256)) * 1000])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_stream_is_read_to_its_end_and_no_further(content, level):
    pack = memoryview(bytes(12) + zlib.compress(content, level) + b"\x78\x9c rest of the pack" * 1000)
    assert inflate(pack, 12, len(content), "p") == content


@pytest.mark.parametrize("size", [0, 9, 11, 10_000])
def test_a_stream_of_another_size_is_corrupt(size):
    with pytest.raises(Corrupt, match=f"does not inflate to the {size} bytes"):
        inflate(memoryview(zlib.compress(b"ten bytes.") + bytes(100)), 0, size, "p")


@pytest.mark.parametrize("size", [1 << 30, 1 << 63, 1 << 80])
def test_a_size_that_cannot_be_is_found_out_before_anything_is_inflated(size):
    with pytest.raises(Corrupt, match="more than what follows can hold"):
        inflate(memoryview(zlib.compress(bytes(1000))), 0, size, "p")


def test_a_bomb_is_stopped_at_the_promised_size():
    bomb = zlib.compress(bytes(1 << 26), 9)
    with pytest.raises(Corrupt, match="does not inflate to the 100 bytes"):
        inflate(memoryview(bomb), 0, 100, "p")


@pytest.mark.parametrize("broken", [b"", b"\x78", b"not zlib", zlib.compress(b"x")[:-1], zlib.compress(b"x")[:-1] + b"!"])
def test_a_broken_stream_is_corrupt(broken):
    with pytest.raises(Corrupt, match="p:"):
        inflate(memoryview(broken), 0, 1, "p")

"""Deltas."""
import pytest
from expref.objstore.errors import Corrupt, Unsupported
from expref.objstore.formats.delta import LARGEST, apply_delta, read_size

from tests.packmaker import copy_instruction, make_delta, number

BASE = bytes(range(256)) * 300  # more than 0x10000 bytes


def delta(size, *steps, base=BASE):
    return number(len(base)) + number(size) + b"".join(steps)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 1 << 14, (1 << 63) + 5])
def test_a_size_is_little_endian_in_groups_of_seven_bits(size):
    assert read_size(b"x" + number(size) + b"x", 1) == (size, 1 + len(number(size)))


@pytest.mark.parametrize("cut", [b"", b"\x80", b"\xff" * 11])
def test_a_size_that_does_not_end_is_corrupt(cut):
    with pytest.raises(Corrupt, match="a length does not end"):
        read_size(cut, 0)


@pytest.mark.parametrize("result", [b"", BASE, BASE[:70000], BASE[:10] + b"new", b"n" * 1000])
def test_copies_and_inserts_make_the_result(result):
    assert apply_delta(BASE, make_delta(BASE, result)) == result


@pytest.mark.parametrize(("start", "count"), [(0, 1), (0x100, 0x100), (0x1234, 0x123), (1, 0xFFFF)])
def test_a_copy_takes_what_its_bytes_say(start, count):
    assert apply_delta(BASE, delta(count, copy_instruction(start, count))) == BASE[start : start + count]


def test_a_copy_of_size_zero_means_64_kibibytes():
    assert apply_delta(BASE, delta(0x10000, b"\x80")) == BASE[:0x10000]


def test_a_copy_may_start_above_16_mebibytes():
    base = bytes(1 << 24) + b"end"
    assert apply_delta(base, delta(3, copy_instruction(1 << 24, 3), base=base)) == b"end"


@pytest.mark.parametrize(("bad", "why"), [
    (number(3) + number(0), "for a base of 3 bytes"),
    (delta(1, b"\x00"), "instruction 0 is reserved"),
    (delta(5, b"\x05abc"), "an insert is cut off"),
    (delta(5, b"\x91"), "it is cut off"), (delta(5, b"\x93\0\0"), "it is cut off"), (delta(5, b"\x97\0\0\0"), "it is cut off"),
    (delta(2, copy_instruction(len(BASE) - 1, 2)), "past the end of the base"),
    (delta(2, b"\x03abc"), "more than the 2 bytes"),
    (delta(4, b"\x03abc"), "3 bytes instead of 4"),
    (b"", "a length does not end"),
])
def test_a_delta_that_does_not_fit_is_corrupt(bad, why):
    with pytest.raises(Corrupt, match=why):
        apply_delta(BASE, bad)


def test_a_delta_that_promises_more_than_we_would_hold_is_refused_at_once():
    with pytest.raises(Unsupported, match=f"makes {LARGEST + 1} bytes"):
        apply_delta(BASE, delta(LARGEST + 1, *[b"\x80"] * 1000))


@pytest.mark.parametrize("code", range(0x80, 0x100))
def test_every_form_of_a_copy_is_read(code):
    """Each of the seven bits says that a byte follows; the byte may be 0."""
    for fill in (1, 2, 0):
        fields = [fill if code >> bit & 1 else 0 for bit in range(7)]
        start, count = (int.from_bytes(bytes(part), "little") for part in (fields[:4], fields[4:]))
        if start > 1 << 22:  # too large a base for a test
            continue
        count = count or 0x10000
        base = (bytes(range(256)) * (-(-(start + count) // 256) + 1))[: start + count + 9]
        step = bytes([code]) + bytes(field for bit, field in enumerate(fields) if code >> bit & 1)
        assert apply_delta(base, delta(count, step, base=base)) == base[start : start + count]
        assert apply_delta(base, delta(count + 1, step, b"\x01!", base=base)) == base[start : start + count] + b"!"
        short = base[: start + count - 1]
        with pytest.raises(Corrupt, match="past the end of the base"):
            apply_delta(short, delta(count, step, base=short))

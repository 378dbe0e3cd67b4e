"""Git's delta: a small program that makes one object from another.

    size of the base       little-endian base 128
    size of the result     little-endian base 128
    instructions           0x80|bits [offset bytes] [size bytes]   copy from the base (size 0 means 0x10000)
                           0x01..0x7f then that many bytes         insert them
                           0x00                                    reserved

Authority: gitformat-pack(5), "Deltified representation".
"""

from struct import Struct, error

from ..errors import Corrupt, Unsupported

Buffer = bytes | bytearray | memoryview
LARGEST = 2 << 30  # bytes that a delta may make: a few of it make terabytes; git makes none above 512 MiB by itself
_TWO_AND_ONE, _TWO_AND_TWO, _FOUR = (Struct(form).unpack_from for form in ("<HB", "<HH", "<I"))


def read_size(delta: Buffer, at: int) -> tuple[int, int]:
    """Decode a length at byte `at`; return it and the position after it. Raises Corrupt if it does not end."""
    if at + 1 < len(delta) and delta[at + 1] < 0x80 <= delta[at]:  # two bytes: of most objects
        return delta[at] & 0x7F | delta[at + 1] << 7, at + 2
    size = shift = 0
    while True:
        if at >= len(delta) or shift > 63:
            raise Corrupt("delta", at, "a length does not end")
        byte = delta[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size, at
        shift += 7


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """The object that `delta` makes of `base`.

    Raises Corrupt for a wrong base or result size, a copy from outside the base, or a cut instruction; Unsupported for
    a result above `LARGEST`. The memory it takes is bounded by the result size and one instruction.
    """
    base_size, at = read_size(delta, 0)
    size, at = read_size(delta, at)
    if base_size != len(base):
        raise Corrupt("delta", 0, f"it is for a base of {base_size} bytes, not of {len(base)}")
    if size > LARGEST:
        raise Unsupported(f"a delta that makes {size} bytes, more than {LARGEST},")
    parts, made, at = _parts(base, delta, at, size)
    if at > len(delta):
        raise Corrupt("delta", len(delta), "an insert is cut off")
    if at < len(delta) or made > size:
        raise Corrupt("delta", at, f"it makes more than the {size} bytes it promises")
    result = b"".join(parts)
    if len(result) != size:  # a slice of Python's is shorter where it reaches past the end
        raise Corrupt("delta", None, "a copy reaches past the end of the base")
    return result


def _parts(base: bytes, delta: bytes, at: int, size: int) -> tuple[list[bytes], int, int]:
    """What the instructions from byte `at` on make, until it is `size` bytes, how many, and where the next one is.

    The fast path of every pack (bench/objects.py): the four forms of copy that nine of ten are have branches of their
    own, and nothing is checked here that can be found out at the end.
    """
    parts: list[bytes] = []
    append, made = parts.append, 0
    try:
        while made < size:
            code = delta[at]
            if code == 0x93:
                start, count = _TWO_AND_ONE(delta, at + 1)
                at += 4
                append(base[start : start + (count or 0x10000)])
            elif code < 0x80:
                if not code:
                    raise Corrupt("delta", at, "instruction 0 is reserved")
                at += 1
                append(delta[at : at + code])
                at += code
                count = code
            elif code == 0xB0:
                count = delta[at + 1] | delta[at + 2] << 8
                at += 3
                append(base[: count or 0x10000])
            elif code == 0x97:
                (start,) = _FOUR(delta, at + 1)
                at += 5
                count = start >> 24
                start &= 0xFFFFFF
                append(base[start : start + (count or 0x10000)])
            elif code == 0xB3:
                start, count = _TWO_AND_TWO(delta, at + 1)
                at += 5
                append(base[start : start + (count or 0x10000)])
            else:
                start, count, at = _copy(delta, at)
                append(base[start : start + count])
            made += count or 0x10000
    except (IndexError, error):
        raise Corrupt("delta", at, f"it is cut off: it makes {made} bytes instead of {size}") from None
    return parts, made, at


def _copy(delta: bytes, at: int) -> tuple[int, int, int]:
    """Decode a copy instruction of any form: where it copies from, how much, and the position after it."""
    code, word, shift = delta[at], 0, 0
    at += 1
    for bit in range(7):
        if code >> bit & 1:
            word |= delta[at] << shift
            at += 1
        shift += 8
    return word & 0xFFFFFFFF, word >> 32 or 0x10000, at

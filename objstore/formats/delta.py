"""Git's delta: a small program that makes one object from another.

    size of the base       little-endian base 128
    size of the result     little-endian base 128
    instructions           0x80|bits [offset bytes] [size bytes]   copy from the base (size 0 means 0x10000)
                           0x01..0x7f then that many bytes         insert them
                           0x00                                    reserved

Authority: gitformat-pack(5), "Deltified representation".
"""
from ..errors import Corrupt, Unsupported

Buffer = bytes | bytearray | memoryview
LARGEST = 2 << 30  # bytes that a delta may make: a few of it make terabytes; git makes none above 512 MiB by itself


def read_size(delta: Buffer, at: int) -> tuple[int, int]:
    """Decode a length at byte `at`; return it and the position after it. Raises Corrupt if it does not end."""
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
    a result above `LARGEST`. The memory it takes is bounded by the result size, which is checked while it grows.
    """
    base_size, at = read_size(delta, 0)
    size, at = read_size(delta, at)
    if base_size != len(base):
        raise Corrupt("delta", 0, f"it is for a base of {base_size} bytes, not of {len(base)}")
    if size > LARGEST:
        raise Unsupported(f"a delta that makes {size} bytes, more than {LARGEST},")
    parts: list[bytes | bytearray | memoryview] = []
    made, end = 0, len(delta)
    append = parts.append
    try:
        while at < end:
            code = delta[at]
            at += 1
            if code & 0x80:  # the fast path of every pack: written out, a loop over bits costs half of all reading
                start = count = 0
                if code & 0x01:
                    start = delta[at]
                    at += 1
                if code & 0x02:
                    start |= delta[at] << 8
                    at += 1
                if code & 0x04:
                    start |= delta[at] << 16
                    at += 1
                if code & 0x08:
                    start |= delta[at] << 24
                    at += 1
                if code & 0x10:
                    count = delta[at]
                    at += 1
                if code & 0x20:
                    count |= delta[at] << 8
                    at += 1
                if code & 0x40:
                    count |= delta[at] << 16
                    at += 1
                count = count or 0x10000
                if start + count > base_size:
                    raise Corrupt("delta", at, "a copy reaches past the end of the base")
                append(base[start : start + count])
            elif code:
                if at + code > end:
                    raise Corrupt("delta", at, "an insert is cut off")
                append(delta[at : at + code])
                at += code
                count = code
            else:
                raise Corrupt("delta", at, "instruction 0 is reserved")
            made += count
            if made > size:
                raise Corrupt("delta", at, f"it makes more than the {size} bytes it promises")
    except IndexError:
        raise Corrupt("delta", at, "a copy is cut off") from None
    if made != size:
        raise Corrupt("delta", at, f"it makes {made} bytes instead of {size}")
    return b"".join(parts)

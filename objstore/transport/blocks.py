"""Bytes that come in small pieces, put together: a call for each of them would cost more than they do."""

from collections.abc import Iterable, Iterator

SIZE = 1 << 16  # bytes


def joined(blocks: Iterable[bytes], size: int = SIZE) -> Iterator[bytes]:
    """The same bytes in blocks of at least `size`, except the last."""
    parts: list[bytes] = []
    length = 0
    for block in blocks:
        parts.append(block)
        length += len(block)
        if length >= size:
            yield b"".join(parts)
            parts, length = [], 0
    if parts:
        yield b"".join(parts)

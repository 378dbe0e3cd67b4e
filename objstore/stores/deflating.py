"""What deflates the contents of new objects: zlib, or ISA-L where the package `isal` is installed (the extra `fast`).

Both make streams of zlib's format, which everybody reads; ISA-L takes two fifths of the time and leaves some percent
more (bench/snapshot.py). It is loaded where much is to be written only: that takes 3 ms.
"""

import sys
import zlib
from types import ModuleType

LEVEL = 1  # of both; git's default is 6, which with zlib takes 1.6 times as long for 2 % less
WORTH_LOADING = 1 << 20  # bytes
_SMALL, _WINDOW_BITS, _MEMORY_LEVEL = 1 << 12, 12, 5  # bytes; that window holds them, with tables that fit in a cache


def deflater(size_bytes: int) -> ModuleType:
    """A module with zlib's functions `compress` and `compressobj`, to be used for so many bytes with LEVEL."""
    if size_bytes < WORTH_LOADING and "isal.isal_zlib" not in sys.modules:
        return zlib
    try:
        from isal import isal_zlib  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return zlib
    found: ModuleType = isal_zlib
    return found


def deflate(content: bytes, module: ModuleType) -> bytes:
    """One content, deflated by a module that `deflater` returned.

    zlib sets up 256 KiB of tables for each, which takes longer than to deflate a small one: that gets 32 KiB.
    """
    if len(content) > _SMALL or module is not zlib:
        deflated: bytes = module.compress(content, LEVEL)
        return deflated
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    return packer.compress(content) + packer.flush()
